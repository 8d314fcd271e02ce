package bundle

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
)

const (
	maxFiles = 20_000
	maxBytes = 2 << 30 // of all files together
)

// inside are the files that a bundle may hold under its one directory.
var inside = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^([0-9]{4,12}\.jsonl|watch\.jsonl|(book|target)\.toml|statements/[0-9]{1,19}-[a-z][a-z0-9-]{0,31}(\.txt(\.sig)?|\.report\.md)|report\.(md|html)|VERIFY\.sh|README\.txt)$`)
})

// rootForm is the name of a run's directory.
var rootForm = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[\w][\w.-]{0,254}$`) })

// Unpack takes a bundle apart under the directory into, which must be empty,
// and returns the directory of the run there. What Write does not write is
// refused: other names, links, a name twice, more than 2 GiB.
func Unpack(r io.Reader, into string) (dir string, err error) {
	in, root, left := tar.NewReader(r), "", int64(maxBytes)
	for n := 0; ; n++ {
		h, err := in.Next()
		if errors.Is(err, io.EOF) && root != "" {
			return filepath.Join(into, root), nil
		}
		if err != nil {
			return "", fmt.Errorf("not a run that was exported: %w", err)
		}
		first, name, ok := strings.Cut(h.Name, "/")
		switch {
		case !ok || !rootForm().MatchString(first) || root != "" && first != root || !inside().MatchString(name):
			return "", fmt.Errorf("not a run that was exported: it holds %q", h.Name)
		case h.Typeflag != tar.TypeReg || sparse(h):
			return "", fmt.Errorf("not a run that was exported: %q is no regular file", h.Name)
		case h.Size > left || n >= maxFiles:
			return "", fmt.Errorf("not a run that was exported: more than %d files or %d GiB", maxFiles, maxBytes>>30)
		}
		root, left = first, left-h.Size
		if err := unpackFile(in, filepath.Join(into, root, filepath.FromSlash(path.Clean(name)))); err != nil {
			return "", err
		}
	}
}

// sparse: a file whose holes stand for bytes that are not in the tar. The reader
// calls one of PAX a regular file, and keeps its records.
func sparse(h *tar.Header) bool {
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return true
		}
	}
	return false
}

func unpackFile(r io.Reader, path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("not a run that was exported: %w", err)
	}
	_, err = io.Copy(f, r) // its size was held against the limit
	return errors.Join(err, f.Close())
}
