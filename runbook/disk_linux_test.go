package runbook

import (
	"context"
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

// fillDisk leaves no room on a disk but the log's reserve.
func fillDisk(t *testing.T, disk string) {
	t.Helper()
	big, err := os.Create(filepath.Join(disk, "big"))
	if err != nil {
		t.Fatal(err)
	}
	defer big.Close() //nolint:errcheck // it is full
	block := make([]byte, 4096)
	for {
		if _, err := big.Write(block); err != nil {
			return
		}
	}
}

// fill leaves no room on a disk, and none in the log's reserve.
func fill(t *testing.T, f *fixture, disk string) {
	t.Helper()
	fillDisk(t, disk)
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
	waitFor(t, func() bool { return f.State().Unrecorded == 0 }) // there is room: what waited is written
	f.do(Check, "")
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
	if report := journal.Verify(r.Dir, journal.Policy{}); report.Integrity.Word != journal.OK {
		t.Errorf("integrity %v", report.Integrity)
	}
}

// slowly undoes in its own time.
var slowly = strings.Replace(tiny, `argv = ["rm", "-f", "made"]`, `sh = "echo x >> begun; until test -e go; do sleep 0.01; done; rm made; exit 0"`, 1)

// leaveUndoing is a recovery on a full disk whose session is gone while its
// command runs; there is room again.
func leaveUndoing(t *testing.T, fill func(t *testing.T, f *fixture, disk string)) (f *fixture, files string) {
	t.Helper()
	disk := smallDisk(t)
	f = beginIn(t, slowly, filepath.Join(disk, "runs"))
	t.Cleanup(func() { f.write("go", "") })
	f.toAct()
	f.do(RunStep, "make")
	fill(t, f, disk)
	f.do(Rollback, "back")
	leave, left := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- f.Do(leave, Intent{Kind: RunStep, Step: "unmake"}) }()
	waitFor(t, func() bool { _, err := os.Stat(filepath.Join(f.dir, "begun")); return err == nil })
	left()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	files = f.State().Files("unmake", 1)
	t.Cleanup(func() { _ = os.RemoveAll(files) })
	if strings.HasPrefix(files, disk) || !ours(files) {
		t.Fatalf("its files lie in %s: the disk was not full, and this tests nothing", files)
	}
	if err := f.Close(); err != nil && !errors.Is(err, journal.ErrNotRecorded) {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(disk, "big")); err != nil {
		t.Fatal(err)
	}
	s, err := Resume(t.Context(), f.run.Dir, f.world, journal.Options{}, false)
	if err != nil {
		t.Fatal(err)
	}
	f.Session = s
	return f, files
}

func TestResumedRecoveryFindsItsCommandElsewhere(t *testing.T) {
	t.Parallel()
	f, files := leaveUndoing(t, func(t *testing.T, _ *fixture, disk string) { t.Helper(); fillDisk(t, disk) })
	f.want("unmake", Running)
	f.write("go", "")
	waitFor(t, func() bool { r := f.State(); return r.Step(f.Book().Step("unmake")).State != Running })
	f.want("unmake", Passed)
	r := f.State()
	if st := r.Step(f.Book().Step("unmake")); st.Exit == nil || *st.Exit != 0 || r.Output(f.Book().Step("unmake")) != filepath.Join(files, "out.red") {
		t.Errorf("%+v, its output is %s", st, r.Output(f.Book().Step("unmake")))
	}
	if err := beside(r.Dir); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(filepath.Join(files, "out.red"), []byte("forged"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := beside(r.Dir); err == nil || !strings.Contains(err.Error(), "out.red") {
		t.Errorf("its output was changed: %v", err)
	}
}

// What a session did that could write nothing down is not done once more.
func TestRecoveryThatTheLogDoesNotHoldIsNotRepeated(t *testing.T) {
	t.Parallel()
	f, files := leaveUndoing(t, fill)
	if st := f.State().Steps["unmake"]; st != nil {
		t.Fatalf("the log knows of it, and this tests nothing: %+v", st)
	}
	f.do(Rollback, "back")
	f.do(RunStep, "unmake")
	r := f.State()
	if st := r.Step(f.Book().Step("unmake")); st.State != Unknown || !strings.Contains(st.Reason, files) {
		t.Errorf("%s (%s)", st.State, st.Reason)
	}
	f.write("go", "")
	waitFor(t, func() bool { _, err := os.Stat(filepath.Join(f.dir, "made")); return errors.Is(err, os.ErrNotExist) })
	f.do(Recheck, "unmake")
	f.want("unmake", Passed)
	if data, err := os.ReadFile(filepath.Join(f.dir, "begun")); string(data) != "x\n" {
		t.Errorf("begun %q, %v", data, err)
	}
}

func TestOnlyADirectoryOfOursIsBelieved(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	mkdir := func(name string, mode os.FileMode) {
		if err := errors.Join(os.Mkdir(at(name), 0o700), os.Chmod(at(name), mode)); err != nil {
			t.Fatal(err)
		}
	}
	mkdir("ours", 0o700)
	mkdir("readable", 0o750)
	mkdir("writable", 0o702)
	mkdir("theirs", 0o700)
	if err := errors.Join(os.Symlink("ours", at("link")), os.WriteFile(at("file"), nil, 0o700)); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"ours": true, "readable": false, "writable": false, "link": false, "file": false, "none": false} {
		if ours(at(name)) != want {
			t.Errorf("%s: believed %v", name, !want)
		}
	}
	if err := os.Chown(at("theirs"), 54321, -1); err != nil {
		t.Skipf("give a directory away: %v", err)
	}
	if ours(at("theirs")) {
		t.Error("that of another account is believed")
	}
}
