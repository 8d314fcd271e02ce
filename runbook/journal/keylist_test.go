package journal

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// readers read a list of keys.
var readers = map[string]func(string) error{
	"allowed_signers": func(file string) error { _, err := ReadSigners(file); return err },
	"revoked_keys":    func(file string) error { _, err := ReadRevoked(file); return err },
}

// TestKeyListsEnd: a pipe into which nobody writes, a device without an end and a
// file without measure are refused by name, and nothing is waited for.
func TestKeyListsEnd(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	put(t, at("large"), nil)
	for _, err := range []error{
		syscall.Mkfifo(at("pipe"), 0o600), os.Symlink("/dev/zero", at("endless")), os.Mkdir(at("directory"), 0o700), os.Truncate(at("large"), maxKeyList+1),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, why := range map[string]string{
		"pipe": "neither a regular file nor /dev/null", "endless": "neither a regular file nor /dev/null", "directory": "neither a regular file", "large": "more than 16 MiB",
	} {
		for what, read := range readers {
			if err := read(at(name)); err == nil || !strings.Contains(err.Error(), at(name)+": "+why) {
				t.Errorf("%s of %s: %v", what, name, err)
			}
		}
	}
}

// TestKeyListsBehindALink: where it leads is what counts.
func TestKeyListsBehindALink(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file, link, none := filepath.Join(dir, "list"), filepath.Join(dir, "link"), filepath.Join(dir, "none")
	put(t, file, []byte("# nobody\n"))
	if err := os.Symlink("list", link); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("gone", none); err != nil {
		t.Fatal(err)
	}
	for what, read := range readers {
		for _, good := range []string{file, link, os.DevNull} {
			if err := read(good); err != nil {
				t.Errorf("%s of %s: %v", what, good, err)
			}
		}
		if err := read(none); !os.IsNotExist(err) {
			t.Errorf("%s that is not there: %v", what, err)
		}
	}
}
