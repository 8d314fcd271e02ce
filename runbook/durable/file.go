// Package durable is the only place that knows how bytes survive a power cut:
// write, sync, publish, reserve, lock. A call that returned nil is on the disk.
package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// WriteFile puts data at path with mode, replacing what was there. Readers see
// the old bytes or the new ones, never a mixture, also after a power cut. The
// directory must exist.
func WriteFile(path string, data []byte, mode os.FileMode) error {
	tmp, err := writeTemp(path, data, mode)
	if err != nil {
		return err
	}
	if err := os.Rename(tmp, path); err != nil {
		return errors.Join(err, os.Remove(tmp))
	}
	return SyncDir(filepath.Dir(path))
}

// Publish puts data at path with mode unless something is there already: then
// the error is os.ErrExist (errors.Is) and nothing has changed. Of several
// concurrent callers one succeeds.
func Publish(path string, data []byte, mode os.FileMode) error {
	tmp, err := writeTemp(path, data, mode)
	if err != nil {
		return err
	}
	linked := os.Link(tmp, path)
	if err := errors.Join(linked, os.Remove(tmp)); err != nil {
		return err
	}
	return SyncDir(filepath.Dir(path))
}

// writeTemp writes and syncs a new file beside path and returns its name.
func writeTemp(path string, data []byte, mode os.FileMode) (string, error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".tmp-*")
	if err != nil {
		return "", err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Chmod(mode)
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return "", errors.Join(err, os.Remove(f.Name()))
	}
	return f.Name(), nil
}

// MkdirAll makes path and its missing parents with mode, whatever the umask,
// and syncs the parent of each directory it made. An existing directory is left
// as it is.
func MkdirAll(path string, mode os.FileMode) error {
	switch info, err := os.Stat(path); {
	case err == nil && info.IsDir():
		return nil
	case err == nil:
		return fmt.Errorf("mkdir %s: a file is in its place", path)
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	parent := filepath.Dir(path)
	if err := MkdirAll(parent, mode); err != nil {
		return err
	}
	switch err := os.Mkdir(path, mode); {
	case errors.Is(err, fs.ErrExist):
	case err != nil:
		return err
	default:
		if err := os.Chmod(path, mode); err != nil {
			return err
		}
	}
	return SyncDir(parent)
}

// SyncDir makes the names in a directory durable: what was created, renamed or
// removed in it.
func SyncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
