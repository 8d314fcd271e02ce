package durable

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// nobody is an account that is neither root nor the tests', and its group.
const nobody = 65534

// mode checks the permissions and the group of what lies at path.
func mode(t *testing.T, path string, want fs.FileMode, group int) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode() &^ fs.ModeDir; got != want {
		t.Errorf("%s has %v, want %v", path, got, want)
	}
	if st := info.Sys().(*syscall.Stat_t); group >= 0 && int(st.Gid) != group {
		t.Errorf("%s belongs to group %d, want %d", path, st.Gid, group)
	}
}

// TestShare makes directories and files beside each other: in a shared
// directory they are the group's to read, elsewhere they are private.
func TestShare(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	group := os.Getgid()
	if os.Geteuid() == 0 {
		group = nobody
	}
	private, open := filepath.Join(dir, "private"), filepath.Join(dir, "open")
	for _, d := range []string{private, open} {
		if err := MkdirAll(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := Share(open, group); err != nil {
		t.Fatal(err)
	}
	for d, want := range map[string][2]fs.FileMode{private: {0o700, 0o600}, open: {fs.ModeSetgid | 0o750, 0o640}} {
		inner, file := filepath.Join(d, "inner"), filepath.Join(d, "inner", "file")
		if err := MkdirAll(inner, DirMode(d)); err != nil {
			t.Fatal(err)
		}
		if err := WriteFile(file, []byte("x"), FileMode(inner)); err != nil {
			t.Fatal(err)
		}
		belongs := -1
		if d == open {
			belongs = group
		}
		mode(t, inner, want[0], belongs)
		mode(t, file, want[1], belongs)
	}
}

// TestLockedForAnotherAccount asks as somebody who may enter the directory and
// not open the lock.
func TestLockedForAnotherAccount(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 || runtime.GOOS != "linux" {
		t.Skip("another account can be tried by root alone, on Linux")
	}
	dir, err := os.MkdirTemp("", "durable-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	exe, path := filepath.Join(dir, "durable.test"), filepath.Join(dir, "lock")
	if err := WriteFile(exe, program, 0o755); err != nil {
		t.Fatal(err)
	}
	ask := func() string {
		cmd := exec.CommandContext(t.Context(), exe)
		cmd.Env = []string{childAsk + "=" + path}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return strings.TrimSpace(string(out))
	}
	if got := ask(); got != "false <nil>" {
		t.Errorf("a missing file: %s", got)
	}
	l, err := TryLock(path)
	if err != nil {
		t.Fatal(err)
	}
	mode(t, path, 0o600, -1)
	if got := ask(); got != "true <nil>" {
		t.Errorf("held: %s", got)
	}
	if err := l.Unlock(); err != nil {
		t.Fatal(err)
	}
	if got := ask(); got != "false <nil>" {
		t.Errorf("given back: %s", got)
	}
}
