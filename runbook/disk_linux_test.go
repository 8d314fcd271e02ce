package runbook

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"runbook/runbook/journal"
)

// smallDisk mounts a file system of one MiB.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("mount a small disk: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// fill leaves no room on a disk, and none in the log's reserve.
func fill(t *testing.T, f *fixture, disk string) {
	t.Helper()
	big, err := os.Create(filepath.Join(disk, "big"))
	if err != nil {
		t.Fatal(err)
	}
	defer big.Close() //nolint:errcheck // it is full
	block := make([]byte, 4096)
	for {
		if _, err := big.Write(block); err != nil {
			break
		}
	}
	full := 0
	for size := 3000; full < 2; { // what a long line does not fit into, a short one may
		err := f.try(Memo, "", strings.Repeat("x", size))
		if err != nil && !errors.Is(err, journal.ErrNotRecorded) {
			t.Fatal(err)
		}
		if err != nil {
			full, size = full+1, 1
		}
		if n := len(f.State().Notes); n > 1000 {
			break
		}
	}
	if full == 2 {
		return
	}
	t.Fatal("the log took everything: the disk was not full, and this tests nothing")
}

func TestFullDiskStopsWorkAndNeverARecovery(t *testing.T) {
	t.Parallel()
	disk := smallDisk(t)
	f := beginIn(t, tiny, filepath.Join(disk, "runs"))
	f.toAct()
	f.do(RunStep, "make")
	fill(t, f, disk)
	notes := len(f.State().Notes)
	if err := f.try(Confirm, "sure", "yes"); !errors.Is(err, journal.ErrNotRecorded) && !errors.Is(err, ErrNotNow) {
		t.Errorf("work went on unrecorded: %v", err)
	}
	f.do(Rollback, "back")
	f.do(RunStep, "unmake")
	f.want("unmake", Passed)
	elsewhere := f.State().Files("unmake", 1)
	t.Cleanup(func() { _ = os.RemoveAll(elsewhere) })
	if strings.HasPrefix(elsewhere, disk) {
		t.Errorf("its files lie on the full disk: %s", elsewhere)
	}
	if _, err := os.Stat(filepath.Join(f.dir, "made")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the recovery did not act: %v", err)
	}
	if r := f.State(); r.Unrecorded == 0 {
		t.Error("it does not say NOT RECORDED")
	}
	if err := os.Remove(filepath.Join(disk, "big")); err != nil {
		t.Fatal(err)
	}
	f.do(Check, "") // there is room: what waited is written first
	f.do(Close, "back")
	f.do(End, "")
	r := f.State()
	if r.Unrecorded != 0 || r.Outcome != RolledBack || len(r.Notes) != notes {
		t.Errorf("%d unrecorded, outcome %q", r.Unrecorded, r.Outcome)
	}
	entries, err := journal.Read(r.Dir)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Fold(f.Book(), r.Dir, entries)
	if err != nil || again.Outcome != RolledBack || again.Steps["unmake"].State != Passed {
		t.Errorf("the log folds to %q, %v", again.Outcome, err)
	}
	if report := journal.Verify(r.Dir, journal.Signers{}); report.Integrity.Word != journal.OK {
		t.Errorf("integrity %v", report.Integrity)
	}
}
