package runbook

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"runbook/runbook/book"
	"runbook/runbook/journal"
	"runbook/steps"
)

func TestWalkToTheEnd(t *testing.T) {
	t.Parallel()
	f := begin(t, tiny)
	f.toAct()
	f.do(RunStep, "make")
	f.want("make", Passed)
	f.do(Check, "")
	f.do(Confirm, "sure", "yes it is")
	f.do(Tell, "news")
	f.do(Close, "act")
	f.do(End, "")
	if r := f.State(); r.Outcome != Finished || Standing(f.Book(), r) != nil {
		t.Errorf("outcome %q, standing %v", r.Outcome, Standing(f.Book(), r))
	}
	entries, err := journal.Read(f.run.Dir)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Fold(f.Book(), f.run.Dir, entries)
	if err != nil || again.Outcome != Finished || again.Steps["make"].State != Passed {
		t.Errorf("the log alone folds to %+v, %v", again, err)
	}
}

func TestSecretsStayOutOfLogAndOutput(t *testing.T) {
	t.Parallel()
	f := begin(t, tiny)
	f.toAct()
	f.do(RunStep, "make")
	if made, _ := os.ReadFile(filepath.Join(f.dir, "made")); !strings.Contains(string(made), "s3cret-token-value") {
		t.Fatalf("the command did not get the secret, so this tests nothing: %q", made)
	}
	err := filepath.WalkDir(f.run.Dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == "lock" {
			return err
		}
		data, err := os.ReadFile(path)
		if strings.Contains(string(data), "s3cret-token-value") {
			t.Errorf("%s holds the secret", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if out, _ := os.ReadFile(f.State().Output(f.Book().Step("make"))); !strings.Contains(string(out), "token is [redacted]") {
		t.Errorf("output is %q", out)
	}
}

func TestGateHoldsUntilEveryStepIsSettled(t *testing.T) {
	t.Parallel()
	f := begin(t, tiny)
	f.write("readme", "")
	f.do(Check, "")
	f.want("marker-there", Failed)
	f.do(Decide, "choose", "b")
	f.want("only-a", NotApplicable)
	if err := f.try(Close, "look"); !errors.Is(err, ErrNotNow) {
		t.Errorf("closing over a failure: %v", err)
	}
	if err := f.try(RunStep, "make"); !errors.Is(err, ErrNotNow) {
		t.Errorf("running a step of the next phase: %v", err)
	}
	if err := f.try(Accept, "marker-there", " "); err == nil {
		t.Error("a failure was accepted without a reason")
	}
	f.do(Accept, "marker-there", "the marker comes later")
	f.do(Close, "look")
}

func TestCriticalStepIsNeverSkipped(t *testing.T) {
	t.Parallel()
	f := begin(t, tiny)
	if err := f.try(Skip, "readme-there", "no time"); !errors.Is(err, ErrNotNow) {
		t.Errorf("skipping a critical step: %v", err)
	}
	f.do(Skip, "marker-there", "no time")
	f.want("marker-there", Skipped)
}

func TestStaleIntentIsRefused(t *testing.T) {
	t.Parallel()
	f := begin(t, tiny)
	f.do(Check, "")
	seen := f.State().Steps["marker-there"].Seen
	f.do(Recheck, "marker-there")
	err := f.Do(t.Context(), Intent{Kind: Accept, Step: "marker-there", Seen: seen, Text: "fine"})
	if !errors.Is(err, ErrStale) {
		t.Errorf("accepting what has moved: %v", err)
	}
}

func TestFailedCommandAndItsVerify(t *testing.T) {
	t.Parallel()
	f := begin(t, tiny)
	f.toAct()
	f.write("broken", "")
	f.do(RunStep, "make")
	f.want("make", Failed)
	if code := f.State().Steps["make"].Exit; code == nil || *code != 1 {
		t.Errorf("exit %v, want 1", code)
	}
	f.do(Check, "")
	if next := f.Next()[0]; next.Kind != Recheck || next.Step != "make" {
		t.Errorf("suggested %+v, want its verify", next)
	}
	f.do(Recheck, "make") // the file was made before it failed
	f.want("make", Passed)
	if !f.State().Steps["make"].Verified {
		t.Error("it does not say that its verify settled it")
	}
}

func TestByHandIsVerified(t *testing.T) {
	t.Parallel()
	f := begin(t, tiny)
	f.toAct()
	f.do(ByHandIt, "make", "eve")
	f.want("make", Failed) // her word, and the file is not there
	f.write("made", "by eve")
	f.do(ByHandIt, "make", "eve")
	f.want("make", ByHand)
}

func TestResumeAfterQuit(t *testing.T) {
	t.Parallel()
	f := begin(t, tiny)
	f.toAct()
	f.do(Memo, "", "lunch")
	f.reopen()
	r := f.State()
	if p := r.Phase(f.Book()); p == nil || p.ID != "act" || r.Vars["platform"] != "a" || len(r.Notes) != 1 {
		t.Errorf("after resume: phase %v, vars %v, notes %v", p, r.Vars, r.Notes)
	}
	f.do(RunStep, "make")
	f.want("make", Passed)
}

func TestRunExecutesOnlyItsOwnCopies(t *testing.T) {
	t.Parallel()
	f := begin(t, tiny)
	dir := f.run.Dir
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	changed := strings.Replace(tiny, `["rm"`, `["rmdir"`, 1)
	if err := os.WriteFile(filepath.Join(dir, "book.toml"), []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Resume(t.Context(), dir, f.world, journal.Options{}, false); err == nil || !strings.Contains(err.Error(), "not what this run began with") {
		t.Errorf("resumed with another book: %v", err)
	}
}

func TestSecondDriverIsRefused(t *testing.T) {
	t.Parallel()
	f := begin(t, tiny)
	if _, err := Resume(t.Context(), f.run.Dir, f.world, journal.Options{}, false); !errors.Is(err, journal.ErrBusy) {
		t.Errorf("two drivers: %v", err)
	}
}

func TestRollbackListsWhatRanAndWalksIt(t *testing.T) {
	t.Parallel()
	f := begin(t, tiny)
	f.toAct()
	if plans := f.State().Plans(f.Book()); len(plans) != 0 {
		t.Fatalf("plans before anything ran: %v", plans)
	}
	f.do(RunStep, "make")
	f.do(Rollback, "back")
	if next := f.Next()[0]; next.Kind != RunStep || next.Step != "unmake" {
		t.Fatalf("suggested %+v: a plan's check was looked at before its time", next)
	}
	f.do(RunStep, "unmake")
	f.do(Check, "")
	f.do(Close, "back")
	f.do(End, "")
	if _, err := os.Stat(filepath.Join(f.dir, "made")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("made is still there: %v", err)
	}
	var ended *NotFinishedError
	if err := Standing(f.Book(), f.State()); !errors.As(err, &ended) || ended.Outcome != RolledBack {
		t.Errorf("stands %v", err)
	}
	if err := f.try(Memo, "", "late"); !errors.Is(err, ErrEnded) {
		t.Errorf("a memo after the end: %v", err)
	}
}

func TestCancelledCommandIsUnknownUntilVerified(t *testing.T) {
	t.Parallel()
	f := begin(t, strings.Replace(tiny, "test ! -e broken", "echo up; exec sleep 600", 1))
	f.toAct()
	done := make(chan error, 1)
	go func() { done <- f.Do(context.WithoutCancel(t.Context()), Intent{Kind: RunStep, Step: "make"}) }()
	waitFor(t, func() bool {
		out, _ := os.ReadFile(f.State().Files("make", 1) + "/out.red")
		return strings.Contains(string(out), "up")
	})
	f.want("make", Running)
	f.do(Cancel, "make")
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	f.want("make", Unknown)
	if err := f.try(RunStep, "make"); !errors.Is(err, ErrNotNow) {
		t.Errorf("started again while unknown: %v", err)
	}
	f.do(Recheck, "make")
	f.want("make", Passed)
}

func TestWatchSlotsAndGaps(t *testing.T) {
	t.Parallel()
	w := book.Watch{}
	w.Every, w.For, w.Failures = steps.Duration(time.Hour), steps.Duration(10*time.Hour), 1
	slots := func(verdicts string) StepState {
		st := StepState{State: Running}
		for k, v := range verdicts {
			st.Slots = append(st.Slots, Slot{K: k + 1, Gap: v == ' ', Verdict: map[rune]steps.Verdict{'p': steps.Pass, 'f': steps.Fail, '?': steps.Unknown}[v]})
		}
		judge(&st, w)
		return st
	}
	for verdicts, want := range map[string]State{
		"ppp": Running, "pppppppppp": Passed, "ppfppppppp": Passed, "ppfpf": Failed,
		"pppppppp  ": Passed, "ppppppp   ": Unknown, "?????ppppp": Unknown,
	} {
		if got := slots(verdicts); got.State != want {
			t.Errorf("%q is %s, want %s", verdicts, got.State, want)
		}
	}
}

func TestLookingOutOfTurnSettlesNothing(t *testing.T) {
	t.Parallel()
	f := begin(t, tiny)
	f.do(Recheck, "made") // of the next phase: a diagnosis
	if seen, ok := f.State().Asides["made"]; !ok || seen.Verdict != steps.Fail {
		t.Errorf("seen %+v", seen)
	}
	f.want("made", Pending)
}
