package book_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"

	"runbook/runbook/book"
)

func write(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFind(t *testing.T) {
	here, config := t.TempDir(), t.TempDir()
	t.Chdir(here)
	embedded := fstest.MapFS{"users.toml": {Data: []byte("inside")}, "both.toml": {Data: []byte("inside")}}
	mine := write(t, filepath.Join(config, "books", "mine.toml"), "mine")
	both := write(t, filepath.Join(config, "books", "both.toml"), "outside")
	write(t, filepath.Join(here, "hidden.toml"), "cwd")
	write(t, filepath.Join(here, "hidden"), "cwd")
	for name, want := range map[string][2]string{
		"users":         {"inside", "embedded:users"},
		"mine":          {"mine", mine},
		"./hidden":      {"cwd", filepath.Join(here, "hidden")},
		"hidden.toml":   {"cwd", filepath.Join(here, "hidden.toml")},
		"./hidden.toml": {"cwd", filepath.Join(here, "hidden.toml")},
	} {
		if data, file, err := book.Find(name, config, embedded); err != nil || string(data) != want[0] || file != want[1] {
			t.Errorf("%s: %q of %s, %v", name, data, file, err)
		}
	}
	if _, _, err := book.Find("hidden", config, embedded); !errors.Is(err, book.ErrNotFound) || !strings.Contains(err.Error(), "there are both, mine, users") {
		t.Errorf("a bare name was looked for in the working directory: %v", err)
	}
	if _, _, err := book.Find("both", config, embedded); err == nil || !strings.Contains(err.Error(), "embedded:both and "+both) {
		t.Errorf("a name found twice: %v", err)
	}
	for _, name := range []string{"./none", "none.toml", "none", "..", "", "A"} {
		if _, _, err := book.Find(name, config, embedded); !errors.Is(err, book.ErrNotFound) && name != ".." {
			t.Errorf("%q: %v", name, err)
		}
	}
	if _, _, err := book.FindTarget("practice", config); err == nil {
		t.Error("a file was read as the practice target")
	}
	staging := write(t, filepath.Join(config, "targets", "staging.toml"), "t")
	if _, file, err := book.FindTarget("staging", config); err != nil || file != staging {
		t.Errorf("target %s, %v", file, err)
	}
}

func TestFindTakesOnlyFiles(t *testing.T) {
	t.Parallel()
	fifo := filepath.Join(t.TempDir(), "fifo.toml")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{fifo, t.TempDir() + "/"} {
		if _, _, err := book.Find(path, t.TempDir(), nil); err == nil || !strings.Contains(err.Error(), "no regular file") {
			t.Errorf("%s: %v", path, err)
		}
	}
	big := write(t, filepath.Join(t.TempDir(), "big.toml"), strings.Repeat("#", 3<<20))
	data, _, err := book.Find(big, t.TempDir(), nil)
	if err != nil || len(data) != 1<<20+1 {
		t.Fatalf("%d bytes, %v", len(data), err)
	}
	if _, err := book.Read(data, big); err == nil {
		t.Error("a cut file was read")
	}
}
