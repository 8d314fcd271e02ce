package runbook

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"runbook/runbook/journal"
)

// TestRunElsewhereComesHome begins a run where a recovery's lies that its home
// could not take.
func TestRunElsewhereComesHome(t *testing.T) {
	t.Parallel()
	h := Home{Dir: filepath.Join(t.TempDir(), "home")}
	stray, err := h.Away()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(stray.Dir) })
	f := beginIn(t, tiny, stray.Runs(false))
	if where := f.State().Away(); where != f.run.Dir {
		t.Errorf("it is away in %q", where)
	}
	find := func() Summary {
		t.Helper()
		sum, err := h.FindRun(f.run.ID[:6], false)
		if err != nil {
			t.Fatal(err)
		}
		return sum
	}
	if err := h.BringHome(); err != nil {
		t.Fatal(err)
	}
	if sum := find(); sum.Away() == "" || sum.Err != nil {
		t.Errorf("it was moved while somebody drives: %+v", sum)
	}
	f.toAct()
	f.do(RunStep, "make")
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := h.BringHome(); err != nil {
		t.Fatal(err)
	}
	sum := find()
	if sum.Away() != "" || sum.Dir != filepath.Join(h.Runs(false), filepath.Base(f.run.Dir)) {
		t.Errorf("it lies in %s", sum.Dir)
	}
	if _, err := os.Stat(f.run.Dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it lies elsewhere still: %v", err)
	}
	if report := journal.Verify(sum.Dir, journal.Policy{}); report.Integrity.Word != journal.OK {
		t.Errorf("integrity %v", report.Integrity)
	}
	if err := beside(sum.Dir); err != nil {
		t.Error(err)
	}
	other := Home{Dir: filepath.Join(t.TempDir(), "other")}
	if all, err := other.List(); err != nil || len(all) > 0 {
		t.Errorf("another home lists %v, %v", all, err)
	}
}
