package runbook

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"runbook/runbook/journal"
)

// TestUnreadBesideTheLog: a disk that fails is nobody who changed anything, but
// hides nobody either.
func TestUnreadBesideTheLog(t *testing.T) {
	t.Parallel()
	f, output := made(t)
	dir := f.State().Dir
	fails := func(path string) { // a file that can be opened, and not be read
		t.Helper()
		if err := errors.Join(os.Remove(path), os.Symlink("/proc/self/mem", path)); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{output, filepath.Join(dir, "book.toml")} {
		fails(path)
		if r := Verify(dir, journal.Policy{}); r.Integrity.Word != journal.Unreadable || r.Exit() != 2 || !strings.Contains(r.Integrity.Text, "input/output error") {
			t.Errorf("%s: %+v", filepath.Base(path), r.Integrity)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "target.toml"), []byte("name = \"another\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := Verify(dir, journal.Policy{}); r.Integrity.Word != journal.Tampered || r.Exit() != 1 {
		t.Errorf("and another target: %+v", r.Integrity)
	}
}

// TestNotAllowedBesideTheLog has a process verify that may not read all.
func TestNotAllowedBesideTheLog(t *testing.T) {
	t.Parallel()
	f, _ := made(t)
	if err := os.Chmod(filepath.Join(f.State().Dir, "book.toml"), 0); err != nil {
		t.Fatal(err)
	}
	argv := []string{os.Args[0]}
	if os.Geteuid() == 0 { // root without its power over files
		argv = []string{"setpriv", "--bounding-set", "-dac_override,-dac_read_search", os.Args[0]}
	}
	cmd := exec.CommandContext(t.Context(), argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), childVerifies+"="+f.State().Dir)
	out, err := cmd.CombinedOutput()
	if code := cmd.ProcessState.ExitCode(); code != 2 || !strings.HasPrefix(string(out), "unreadable book.toml, which entry ") || !strings.Contains(string(out), "permission denied") {
		t.Errorf("exit %d, %v: %s", code, err, out)
	}
}
