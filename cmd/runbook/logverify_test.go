package main

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"runbook/runbook"
	"runbook/runbook/journal"
)

// shortened is a run whose log this account saw whole, and which was cut since:
// what it is cut to ends as after a power cut.
func shortened(t *testing.T) (h runbook.Home, dir, posted string) {
	t.Helper()
	base := t.TempDir()
	h = runbook.Home{Dir: base, Config: filepath.Join(base, "config"), Seen: filepath.Join(base, "seen")}
	dir = filepath.Join(h.Runs(false), "run") // of our own home: its head is remembered, whoever vouches
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	log, err := journal.Create(dir, journal.Options{World: journal.Real, NoIdentity: "a test"})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "0001.jsonl")
	short, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	e, err := log.Append(t.Context(), "note", nil)
	if err = errors.Join(err, log.Close()); err != nil {
		t.Fatal(err)
	}
	posted = filepath.Join(base, "posted")
	if err := os.WriteFile(posted, []byte(journal.HeadLine(e.Run, e.N, e.Head)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	exitsWith(t, verify(h, dir, against{anchor: posted}, true), 4)
	if err := os.WriteFile(path, append(short, "\x00\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	return h, dir, posted
}

func exitsWith(t *testing.T, err error, want int) {
	t.Helper()
	if told := new(toldError); !errors.As(err, &told) || told.code != want {
		t.Errorf("exit %d is wanted: %v", want, err)
	}
}

// TestTornEndHidesNoRollback: a last line that is no entry leaves a log held
// against what was seen of it.
func TestTornEndHidesNoRollback(t *testing.T) {
	t.Parallel()
	h, dir, posted := shortened(t)
	exitsWith(t, verify(h, dir, against{}, true), 1)
	exitsWith(t, verify(h, dir, against{}, true), 1) // the lower head was not kept
	if err := os.RemoveAll(h.Seen); err != nil {
		t.Fatal(err)
	}
	exitsWith(t, verify(h, dir, against{anchor: posted}, true), 1)
}

// TestAnchorThatIsNotHeldAgainstALog says so.
func TestAnchorThatIsNotHeldAgainstALog(t *testing.T) {
	t.Parallel()
	h, dir, posted := shortened(t)
	if err := os.WriteFile(filepath.Join(dir, "0001.jsonl"), []byte("x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if usage := new(usageError); !errors.As(verify(h, dir, against{anchor: posted}, true), &usage) {
		t.Error("an anchor that nothing was held against passes")
	}
	exitsWith(t, verify(h, dir, against{}, true), 1)
}

// TestVerifyWaitsForNoPipe: nobody writes into it.
func TestVerifyWaitsForNoPipe(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "run.tar")
	if err := syscall.Mkfifo(file, 0o600); err != nil {
		t.Fatal(err)
	}
	err := unpacked(runbook.Home{}, file, func(string) error { return nil })
	if usage := new(usageError); !errors.As(err, &usage) {
		t.Errorf("a pipe: %v", err)
	}
}
