package book

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// ErrNotFound says that no book or target has the name that was asked for.
var ErrNotFound = errors.New("not found")

// embeddedPrefix begins the File of a book that is part of this program.
const embeddedPrefix = "embedded:"

// Find reads the book that name means: one embedded as NAME.toml, one in
// configDir/books, or, if name holds a slash or ends in .toml, the file at that
// path. The working directory is never searched for a name. It returns the
// bytes, at most 1 MiB and one byte, and the file as Read and Trusted want it:
// an absolute path, or "embedded:NAME". A name that two places hold is an
// error that names both; one that none holds wraps ErrNotFound.
func Find(name, configDir string, embedded fs.FS) (data []byte, file string, err error) {
	return find("book", name, filepath.Join(configDir, "books"), embedded)
}

// FindTarget reads the target that name means, by the rules of Find; none is
// embedded. "practice" is no file: only a living practice world has it.
func FindTarget(name, configDir string) (data []byte, file string, err error) {
	if name == "practice" {
		return nil, "", errors.New("practice is the target of the practice world, and no file can be it")
	}
	return find("target", name, filepath.Join(configDir, "targets"), nil)
}

func find(what, name, dir string, embedded fs.FS) ([]byte, string, error) {
	if strings.Contains(name, "/") || strings.HasSuffix(name, ".toml") {
		path, err := filepath.Abs(name)
		if err != nil {
			return nil, "", fmt.Errorf("%s %s: %w", what, name, err)
		}
		data, err := readFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("%w: %w", ErrNotFound, err)
		}
		if err != nil {
			return nil, "", fmt.Errorf("%s %s: %w", what, name, err)
		}
		return data, path, nil
	}
	if !idPattern().MatchString(name) {
		return nil, "", fmt.Errorf("%s %q: %w: a name is lower case letters, digits and dashes; a path holds a slash", what, name, ErrNotFound)
	}
	return findName(what, name, dir, embedded)
}

func findName(what, name, dir string, embedded fs.FS) ([]byte, string, error) {
	path, err := filepath.Abs(filepath.Join(dir, name+".toml"))
	if err != nil {
		return nil, "", fmt.Errorf("%s %s: %w", what, name, err)
	}
	var inside []byte
	if embedded != nil {
		if inside, err = fs.ReadFile(embedded, name+".toml"); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, "", fmt.Errorf("%s %s: %w", what, name, err)
		}
	}
	outside, err := readFile(path)
	switch {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil, "", fmt.Errorf("%s %s: %w", what, name, err)
	case err == nil && inside != nil:
		return nil, "", fmt.Errorf("%s %s is found twice: %s%s and %s; rename the file, or name it by its path", what, name, embeddedPrefix, name, path)
	case err == nil:
		return outside, path, nil
	case inside != nil:
		return inside, embeddedPrefix + name, nil
	}
	return nil, "", fmt.Errorf("%s %s: %w; %s", what, name, ErrNotFound, exist(dir, embedded))
}

// exist says which names there are.
func exist(dir string, embedded fs.FS) string {
	names := List(dir, embedded)
	if len(names) == 0 {
		return "there is none in " + dir + "; a path holds a slash or ends in .toml"
	}
	return "there are " + strings.Join(names, ", ")
}

// List returns the names that Find (dir is configDir/books) or FindTarget
// (configDir/targets) would find, sorted. Embedded may be nil.
func List(dir string, embedded fs.FS) []string {
	var names []string
	for _, place := range []fs.FS{os.DirFS(dir), embedded} {
		if place == nil {
			continue
		}
		files, err := fs.Glob(place, "*.toml")
		if err != nil {
			continue // only a bad pattern is an error
		}
		for _, f := range files {
			if name := strings.TrimSuffix(f, ".toml"); idPattern().MatchString(name) {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// readFile reads at most one byte more than Read takes, from a regular file
// only: a FIFO would never answer.
func readFile(path string) (data []byte, err error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file", path)
	}
	return io.ReadAll(io.LimitReader(f, maxBytes+1))
}
