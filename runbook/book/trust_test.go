package book_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"runbook/runbook/book"
)

func sum(text string) string {
	s := sha256.Sum256([]byte(text))
	return hex.EncodeToString(s[:])
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// private is a directory that only we write, whatever the umask.
func private(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	must(t, os.Chmod(dir, 0o700))
	return dir
}

func TestTrust(t *testing.T) {
	t.Parallel()
	config := filepath.Join(private(t), "runbook")
	file := write(t, filepath.Join(private(t), "a.toml"), "one")
	err := book.Trusted(config, file, sum("one"))
	if !errors.Is(err, book.ErrUntrusted) || errors.Is(err, book.ErrChanged) || !strings.Contains(err.Error(), "runbook trust "+file) {
		t.Fatalf("before: %v", err)
	}
	other := write(t, filepath.Join(filepath.Dir(file), "b.toml"), "one")
	must(t, book.AddTrust(config, file, sum("one")))
	must(t, book.Trusted(config, file, sum("one")))
	if err := book.Trusted(config, other, sum("one")); !errors.Is(err, book.ErrUntrusted) || errors.Is(err, book.ErrChanged) {
		t.Errorf("the same bytes elsewhere: %v", err)
	}
	if err := book.Trusted(config, file, sum("two")); !errors.Is(err, book.ErrChanged) || !errors.Is(err, book.ErrUntrusted) {
		t.Errorf("other bytes: %v", err)
	}
	must(t, book.AddTrust(config, other, sum("one")))
	must(t, book.AddTrust(config, file, sum("two")))
	must(t, book.Trusted(config, file, sum("two")))
	must(t, book.Trusted(config, other, sum("one")))
	if err := book.Trusted(config, file, sum("one")); !errors.Is(err, book.ErrChanged) {
		t.Errorf("the old bytes are still trusted: %v", err)
	}
	must(t, book.Trusted(config, "embedded:x", "any"))
	if err := book.Trusted(config, "a.toml", sum("one")); !errors.Is(err, book.ErrUntrusted) {
		t.Errorf("a relative path: %v", err)
	}
}

func TestTrustFollowsLinks(t *testing.T) {
	t.Parallel()
	config, dir := private(t), private(t)
	file := write(t, filepath.Join(dir, "a.toml"), "one")
	link := filepath.Join(dir, "link.toml")
	must(t, os.Symlink(file, link))
	must(t, book.AddTrust(config, link, sum("one")))
	must(t, book.Trusted(config, file, sum("one")))
	open := filepath.Join(dir, "open")
	must(t, os.Mkdir(open, 0o700))
	must(t, os.Chmod(open, 0o777))
	hostile := write(t, filepath.Join(open, "a.toml"), "one")
	must(t, os.Remove(link))
	must(t, os.Symlink(hostile, link))
	if err := book.Trusted(config, link, sum("one")); !errors.Is(err, book.ErrUntrusted) || !strings.Contains(err.Error(), open+" is writable by others") {
		t.Errorf("a link into a directory that others write: %v", err)
	}
}

func TestTrustOwner(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		spoil func(dir, file string) error
		want  string
	}{
		"group writes the file":    {func(_, file string) error { return os.Chmod(file, 0o620) }, "writable by others"},
		"others write the file":    {func(_, file string) error { return os.Chmod(file, 0o602) }, "writable by others"},
		"group writes the parent":  {func(dir, _ string) error { return os.Chmod(dir, 0o770) }, "writable by others"},
		"somebody owns the file":   {func(_, file string) error { return os.Chown(file, 65534, 65534) }, "belongs to uid 65534"},
		"somebody owns the parent": {func(dir, _ string) error { return os.Chown(dir, 65534, 65534) }, "belongs to uid 65534"},
		"somebody's sticky parent": {func(dir, _ string) error {
			return errors.Join(os.Chmod(dir, 0o777|os.ModeSticky), os.Chown(dir, 65534, 0))
		}, "belongs to uid"},
		"root's own sticky parent":  {func(dir, _ string) error { return os.Chmod(dir, 0o777|os.ModeSticky) }, ""},
		"nobody else writes at all": {func(string, string) error { return nil }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if os.Geteuid() != 0 && (strings.Contains(name, "somebody") || strings.Contains(name, "sticky")) {
				t.Skip("only root gives files away, and only root's sticky directory counts")
			}
			config, dir := private(t), filepath.Join(private(t), "d")
			file := write(t, filepath.Join(dir, "a.toml"), "one")
			must(t, book.AddTrust(config, file, sum("one")))
			must(t, test.spoil(dir, file))
			trusted, added := book.Trusted(config, file, sum("one")), book.AddTrust(config, file, sum("one"))
			if test.want == "" && (trusted != nil || added != nil) {
				t.Errorf("refused: %v, %v", trusted, added)
			}
			if test.want != "" && (!errors.Is(trusted, book.ErrUntrusted) || !strings.Contains(trusted.Error(), test.want) || added == nil) {
				t.Errorf("trusted: %v, added: %v; want %q", trusted, added, test.want)
			}
		})
	}
}

// A store that others can write says nothing about what the operator trusts.
func TestTrustStore(t *testing.T) {
	t.Parallel()
	config := private(t)
	file := write(t, filepath.Join(private(t), "a.toml"), "one")
	must(t, book.AddTrust(config, file, sum("one")))
	must(t, os.Chmod(filepath.Join(config, "trusted"), 0o666))
	if err := book.Trusted(config, file, sum("one")); !errors.Is(err, book.ErrUntrusted) || !strings.Contains(err.Error(), "writable by others") {
		t.Errorf("a store that others write: %v", err)
	}
}
