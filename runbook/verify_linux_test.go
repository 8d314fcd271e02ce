package runbook

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"runbook/runbook/journal"
)

// TestNotAllowedBesideTheLog: who may not read a file says nothing about who
// changed it, and overlooks nobody who changed another.
func TestNotAllowedBesideTheLog(t *testing.T) {
	t.Parallel()
	f, output := made(t)
	dir := f.State().Dir
	for _, path := range []string{output, filepath.Join(dir, "book.toml")} {
		if err := os.Chmod(path, 0); err != nil {
			t.Fatal(err)
		}
		code, said := verifiesHere(t, dir)
		name, _ := filepath.Rel(dir, path)
		if code != 2 || !strings.HasPrefix(said, "unreadable "+name+", which entry ") || !strings.Contains(said, "permission denied") {
			t.Errorf("%s: exit %d: %s", name, code, said)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "target.toml"), []byte("name = \"another\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, said := verifiesHere(t, dir); code != 1 || !strings.HasPrefix(said, "tampered target.toml ") {
		t.Errorf("and another target: exit %d: %s", code, said)
	}
}

// verifiesHere has a process verify that has no power over files, also of root.
func verifiesHere(t *testing.T, dir string) (code int, said string) {
	t.Helper()
	argv := []string{os.Args[0]}
	if os.Geteuid() == 0 {
		argv = []string{"setpriv", "--bounding-set", "-dac_override,-dac_read_search", os.Args[0]}
	}
	cmd := exec.CommandContext(t.Context(), argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), childVerifies+"="+dir)
	out, err := cmd.CombinedOutput()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

// TestVerdictBeside: what the computer could not do, and what lies there.
func TestVerdictBeside(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]journal.Word{
		syscall.EACCES: journal.Unreadable, syscall.EIO: journal.Unreadable, syscall.EMFILE: journal.Unreadable,
		syscall.ENOENT: journal.Tampered, syscall.ENOTDIR: journal.Tampered, syscall.ELOOP: journal.Tampered, syscall.ENXIO: journal.Tampered,
		errors.New("other bytes"): journal.Tampered,
	} {
		if v := VerdictBeside(fmt.Errorf("book.toml: %w", &fs.PathError{Op: "open", Path: "book.toml", Err: err})); v.Word != want {
			t.Errorf("%v: %v", err, v)
		}
	}
}
