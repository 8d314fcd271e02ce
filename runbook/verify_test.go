package runbook

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"runbook/runbook/journal"
	"runbook/steps/supervise"
)

// childVerifies makes this test binary verify the run in that directory.
const childVerifies = "RUNBOOK_TEST_VERIFIES"

// verifies says what it found, and exits as log verify does.
func verifies(dir string) int {
	report := Verify(dir, journal.Policy{})
	fmt.Println(report.Integrity.Word, report.Integrity.Text)
	return report.Exit()
}

// TestBesideTheLog: what lies beside the log and is gone, another or no file is
// tampered with; nothing of it is waited for.
func TestBesideTheLog(t *testing.T) {
	t.Parallel()
	f, output := made(t)
	book := filepath.Join(f.State().Dir, "book.toml")
	for _, path := range []string{book, output} {
		kept, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for name, change := range map[string]func() error{
			"gone":        func() error { return nil },
			"another":     func() error { return os.WriteFile(path, append(kept, '\n'), 0o600) },
			"a pipe":      func() error { return syscall.Mkfifo(path, 0o600) },
			"a directory": func() error { return os.Mkdir(path, 0o700) },
			"endless":     func() error { return os.Symlink("/dev/zero", path) },
			"a circle":    func() error { return os.Symlink(filepath.Base(path), path) },
		} {
			want := journal.Tampered
			if name == "gone" && path == output { // it may be taken away
				want = journal.OK
			}
			if err := errors.Join(os.Remove(path), change()); err != nil {
				t.Fatal(err)
			}
			if r := Verify(f.State().Dir, journal.Policy{}); r.Integrity.Word != want {
				t.Errorf("%s of %s: %+v", name, filepath.Base(path), r.Integrity)
			}
			if err := errors.Join(os.RemoveAll(path), os.WriteFile(path, kept, 0o600)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if r := Verify(f.State().Dir, journal.Policy{}); r.Integrity.Word != journal.OK {
		t.Errorf("as it was: %+v", r.Integrity)
	}
}

// made is a run with the output of a command, and where that lies.
func made(t *testing.T) (f *fixture, output string) {
	t.Helper()
	f = begin(t, tiny)
	f.toAct()
	f.do(RunStep, "make")
	return f, filepath.Join(f.State().Files("make", 1), supervise.OutputFile)
}

// TestRememberNeverGoesDown also where two verify at once, the one an older copy.
func TestRememberNeverGoesDown(t *testing.T) {
	t.Parallel()
	h := Home{Seen: filepath.Join(t.TempDir(), "seen")}
	report := journal.Report{Integrity: journal.Verdict{Word: journal.OK}, World: journal.Real, Run: strings.Repeat("7f", 16)}
	for _, n := range []int{2, 5, 3, 5, 4} {
		report.Entries, report.Head = n, sha(string(rune('0'+n)))
		if err := h.Remember(report); err != nil {
			t.Fatal(err)
		}
	}
	if seen, err := h.LastSeen(report.Run); err != nil || len(seen) != 1 || seen[0].N != 5 || seen[0].Head != sha("5") {
		t.Errorf("remembered is %+v, %v", seen, err)
	}
}
