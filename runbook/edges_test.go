package runbook

import (
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"runbook/runbook/book"
	"runbook/runbook/journal"
)

// TestClockSetBeforeRunStart: the log says so between its session and
// run.start, and whoever reads its edges finds the run all the same.
func TestClockSetBeforeRunStart(t *testing.T) {
	t.Parallel()
	ana, line := personKey(t, "ana")
	b, err := book.Read([]byte(signs), "signs.toml")
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{t: t, dir: t.TempDir(), runs: filepath.Join(t.TempDir(), "runs")}
	target := f.target()
	w, err := NewWorld(target)
	if err != nil {
		t.Fatal(err)
	}
	var asked atomic.Int32
	set := func() time.Time { // each look at the clock is an hour further
		return time.Now().Add(time.Duration(asked.Add(1)) * time.Hour)
	}
	o := StartOptions{Runs: f.runs, Book: b, Target: target, World: w, Mode: ModeDeploy, Log: journal.Options{NoIdentity: "a test", Now: set}}
	if f.Session, err = Start(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	dir := f.run.Dir
	entries := f.entries()
	if len(entries) < 3 || entries[1].Kind != journal.KindClock || entries[2].Kind != kindRunStart {
		t.Skip("this system has no clock that counts on")
	}
	if _, _, err := Admit(dir, signers(t, [3]string{"ana", "dev", line}), f.outside(ana, "dev", journal.DecisionApprove)); err != nil {
		t.Error(err)
	}
	if due := dueIn(dir, false, journal.Signers{}); len(due) == 0 {
		t.Error("nothing is due")
	}
	f.do(End, "", "enough")
	if sum := summarize(dir, false, journal.Signers{}); sum.Book != "signs" || sum.Started.IsZero() || sum.Outcome != Stopped {
		t.Errorf("%+v", sum)
	}
}
