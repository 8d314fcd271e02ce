package book

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// CheckOwner refuses a file that somebody else could change or replace: it and
// every directory above it belong to root or to us, and nobody else may write
// them. A sticky directory of root's, such as /tmp, counts as not writable.
func CheckOwner(path string) error {
	for p := path; ; p = filepath.Dir(p) {
		info, err := os.Lstat(p)
		if err != nil {
			return err
		}
		if err := ours(p, info); err != nil {
			return err
		}
		if p == filepath.Dir(p) {
			return nil
		}
	}
}

func ours(path string, info os.FileInfo) error {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return fmt.Errorf("%s: can't tell who owns it", path)
	}
	if stat.Uid != 0 && int64(stat.Uid) != int64(os.Geteuid()) {
		return fmt.Errorf("%s belongs to uid %d; it must belong to root or to you (chown)", path, stat.Uid)
	}
	sticky := info.IsDir() && info.Mode()&os.ModeSticky != 0 && stat.Uid == 0
	if info.Mode()&os.ModeSymlink == 0 && info.Mode().Perm()&0o022 != 0 && !sticky {
		return fmt.Errorf("%s is writable by others (%s); chmod go-w %s", path, info.Mode(), path)
	}
	return nil
}

// realPath follows symbolic links and checks the owners of both ways to the
// file: the one that was named and the one where it lies.
func realPath(file string) (string, error) {
	if !filepath.IsAbs(file) {
		return "", fmt.Errorf("%s: not an absolute path", file)
	}
	real, err := filepath.EvalSymlinks(file)
	if err != nil {
		return "", err
	}
	if err := CheckOwner(filepath.Clean(file)); err != nil {
		return "", err
	}
	return real, CheckOwner(real)
}
