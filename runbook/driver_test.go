package runbook

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"runbook/runbook/journal"
	"runbook/steps"
)

// leave starts make, whose script waits for the file go, and lets the session
// die over it.
func leave(t *testing.T) *fixture {
	t.Helper()
	f := begin(t, strings.Replace(tiny, "test ! -e broken", "echo $$ > pid; while test ! -e go; do sleep 0.02; done; : > over", 1))
	t.Cleanup(func() { f.write("go", "") }) // whatever fails: the command ends
	f.toAct()
	ctx, leave := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- f.Do(ctx, Intent{Kind: RunStep, Step: "make"}) }()
	waitFor(t, func() bool { data, _ := os.ReadFile(filepath.Join(f.dir, "pid")); return len(data) > 0 })
	leave()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Fatalf("left with %v", err)
	}
	return f
}

func TestSessionThatLivesRecordsTheEndOfWhatItsCallerLeft(t *testing.T) {
	t.Parallel()
	f := leave(t)
	f.want("make", Running)
	f.write("go", "")
	waitFor(t, func() bool { return f.State().Steps["make"].State == Passed })
}

func TestCommandOfADeadSessionIsNeverStartedTwice(t *testing.T) {
	t.Parallel()
	f := leave(t)
	old := f.Session
	f.reopen()
	f.want("make", Running)
	for _, kind := range []string{RunStep, Recheck, ByHandIt} {
		if err := f.try(kind, "make", "eve"); !errors.Is(err, ErrNotNow) {
			t.Errorf("%s over a running command: %v", kind, err)
		}
	}
	if err := f.try(End, ""); !errors.Is(err, ErrNotNow) {
		t.Errorf("ending the run over a running command: %v", err)
	}
	if err := Standing(f.Book(), f.State()); !errors.Is(err, ErrPerson) {
		t.Errorf("stands %v", err)
	}
	f.write("go", "")
	waitFor(t, func() bool { st := f.State().Steps["make"].State; return st == Unknown || st == Passed })
	if _, err := os.Stat(filepath.Join(f.dir, "over")); err != nil {
		t.Errorf("the command did not go on to its end: %v", err)
	}
	waitFor(t, func() bool { return len(old.State().Steps) > 0 && old.State().Steps["make"].State != Running })
}

func TestTwoIntentsOnOneStepAreOne(t *testing.T) {
	t.Parallel()
	f := begin(t, strings.Replace(tiny, "test ! -e broken", "echo x >> count; sleep 0.2", 1))
	f.toAct()
	errs := make(chan error, 8)
	for range cap(errs) {
		go func() { errs <- f.Do(t.Context(), Intent{Kind: RunStep, Step: "make"}) }()
	}
	refused := 0
	for range cap(errs) {
		if err := <-errs; errors.Is(err, ErrStale) || errors.Is(err, ErrNotNow) {
			refused++
		} else if err != nil {
			t.Error(err)
		}
	}
	count, _ := os.ReadFile(filepath.Join(f.dir, "count"))
	if refused != cap(errs)-1 || string(count) != "x\n" {
		t.Errorf("%d refused, the command ran %q", refused, count)
	}
}

func TestWhatIsExecutedIsWhatWasShown(t *testing.T) {
	t.Parallel()
	f := begin(t, tiny)
	f.toAct()
	order, err := f.Order(t.Context(), f.Book().Step("make"))
	if err != nil {
		t.Fatal(err)
	}
	changed := order
	changed.Argv = append([]string{}, order.Argv...)
	changed.Argv[len(changed.Argv)-1] += " "
	if err := f.try(RunStep, "make", Digest(changed)); !errors.Is(err, ErrStale) {
		t.Errorf("another command than the one shown: %v", err)
	}
	f.do(RunStep, "make", Digest(order))
}

func TestRehearsalIsForPractice(t *testing.T) {
	t.Parallel()
	f := begin(t, tiny)
	_, err := Start(t.Context(), StartOptions{Runs: f.runs, Book: f.Book(), Target: f.Target(), World: f.World(), Mode: ModeDeploy, Rehearse: true})
	if !errors.Is(err, errRehearseReal) {
		t.Errorf("started a rehearsal on a real target: %v", err)
	}
	dir := f.run.Dir
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Resume(t.Context(), dir, f.world, journal.Options{}, true); !errors.Is(err, errRehearseReal) {
		t.Errorf("resumed as a rehearsal on a real target: %v", err)
	}
}

func TestPlantedRunIsNotGoneOnWith(t *testing.T) {
	t.Parallel()
	f := begin(t, tiny)
	dir := f.run.Dir
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(dir, "book.toml"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := Resume(t.Context(), dir, f.world, journal.Options{}, false); err == nil || !strings.Contains(err.Error(), "writable by others") {
		t.Errorf("went on with a book that others may write: %v", err)
	}
}

func TestRefusedResumeWritesNothing(t *testing.T) {
	t.Parallel()
	f := begin(t, tiny)
	dir := f.run.Dir
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	other := *f.world
	other.Practice = &steps.Practice{ID: "another"}
	if _, err := Resume(t.Context(), dir, &other, journal.Options{}, false); !errors.Is(err, ErrWorldGone) {
		t.Errorf("resumed in another world: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "0002.jsonl")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a refused resume left a segment: %v", err)
	}
}

func TestSecretOfACheckReachesIt(t *testing.T) {
	t.Parallel()
	f := begin(t, strings.Replace(tiny, `check.file = { path = "marker" }`,
		`check.command = { sh = 'test "$TOKEN" = s3cret-token-value', secrets = ["token"] }`, 1))
	f.do(Check, "")
	f.want("marker-there", Passed)
}

func TestRollbackIsChosenOverARunningCommand(t *testing.T) {
	t.Parallel()
	f := begin(t, strings.Replace(tiny, "test ! -e broken", "echo up > up; exec sleep 600", 1))
	f.toAct()
	done := make(chan error, 1)
	go func() { done <- f.Do(context.WithoutCancel(t.Context()), Intent{Kind: RunStep, Step: "make"}) }()
	waitFor(t, func() bool { _, err := os.Stat(filepath.Join(f.dir, "up")); return err == nil })
	f.do(Rollback, "back")
	f.do(Cancel, "make")
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	f.do(RunStep, "unmake")
	f.want("unmake", Passed)
}
