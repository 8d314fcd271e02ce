package runbook

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"runbook/runbook/journal"
)

// command is a book of one command that fields and script describe.
func command(fields string) string {
	return `
schema = 1
name = "one"
[[phase]]
id = "act"
  [[phase.step]]
  id = "it"
  undo = "none: a test"
  verify = "done"
  run.command = { ` + fields + ` }
  [[phase.step]]
  id = "done"
  check.file = { path = "done" }
`
}

func TestEndsOfCommands(t *testing.T) {
	t.Parallel()
	for fields, want := range map[string]struct {
		state  State
		reason string
	}{
		`sh = "exit 0"`:              {Passed, ""},
		`sh = "exit 3"`:              {Failed, "exit 3"},
		`sh = "exit 3", exit = [3]`:  {Passed, ""},
		`sh = "exit 0", exit = [3]`:  {Failed, "exit 0"},
		`sh = "kill -TERM $$"`:       {Failed, "ended by signal SIGTERM"},
		`sh = "sleep 30 & exit 0"`:   {Passed, "left processes running"},
		`argv = ["/etc/hostname-x"]`: {Pending, ""},
		`sh = "trap : INT; while :; do sleep 0.1; done", kill_after = "300ms", why = "a test"`: {Unknown, "cancelled"},
	} {
		t.Run(fields, func(t *testing.T) {
			t.Parallel()
			f := begin(t, command(fields))
			err := f.try(RunStep, "it")
			st := f.State().Step(f.Book().Step("it"))
			if st.State != want.state || !strings.Contains(st.Reason, want.reason) {
				t.Errorf("%s (%s), %v; want %s (%s)", st.State, st.Reason, err, want.state, want.reason)
			}
			if (err != nil) != (want.state == Pending) {
				t.Errorf("answers %v", err)
			}
		})
	}
}

func TestUnknownIsSettledOnlyByVerifyOrByHand(t *testing.T) {
	t.Parallel()
	f := begin(t, command(`sh = "echo up > up; exec sleep 600"`))
	done := make(chan error, 1)
	go func() { done <- f.try(RunStep, "it") }()
	waitFor(t, func() bool { _, err := os.Stat(filepath.Join(f.dir, "up")); return err == nil })
	f.do(Cancel, "it")
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	f.want("it", Unknown)
	for _, kind := range []string{Skip, NA, Accept, RunStep} {
		if err := f.try(kind, "it", "whatever"); !errors.Is(err, ErrNotNow) {
			t.Errorf("%s of an unknown command: %v", kind, err)
		}
	}
	f.do(Recheck, "it")
	f.want("it", Failed)
}

func TestFailedCriticalCheckIsAcceptedOrMended(t *testing.T) {
	t.Parallel()
	f := begin(t, tiny)
	f.do(Check, "")
	f.want("readme-there", Failed)
	for _, kind := range []string{Skip, NA} {
		if err := f.try(kind, "readme-there", "whatever"); !errors.Is(err, ErrNotNow) {
			t.Errorf("%s of a failed critical check: %v", kind, err)
		}
	}
	f.do(Accept, "readme-there", "known")
}

func TestPlanOfWhichNothingRanRollsNothingBack(t *testing.T) {
	t.Parallel()
	f := begin(t, tiny)
	f.toAct()
	f.do(RunStep, "make")
	f.do(Rollback, "back")
	f.do(Skip, "unmake", "no")
	f.do(Skip, "unmade", "no")
	f.do(Close, "back")
	f.do(End, "")
	if got := f.State().Outcome; got != Stopped {
		t.Errorf("outcome %q", got)
	}
}

func TestSecretsOfTheBookAreTakenOutOfWhatACheckSaw(t *testing.T) {
	t.Parallel()
	f := begin(t, strings.Replace(tiny, `check.file = { path = "marker" }`, `check.command = { sh = "cat token; exit 1" }`, 1))
	f.do(Check, "")
	st := f.State().Steps["marker-there"]
	if strings.Contains(st.Result.Reason, "s3cret") || !strings.Contains(st.Result.Reason, "[redacted]") {
		t.Errorf("the log holds %q", st.Result.Reason)
	}
}

func TestChangedFilesBesideTheLogAreFound(t *testing.T) {
	t.Parallel()
	f := begin(t, tiny)
	f.toAct()
	f.do(RunStep, "make")
	dir, out := f.run.Dir, f.State().Output(f.Book().Step("make"))
	if err := beside(dir); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{out, filepath.Join(filepath.Dir(out), "verdict"), filepath.Join(dir, "target.toml")} {
		whole, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, append(whole, '\n'), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := beside(dir); err == nil || !strings.Contains(err.Error(), filepath.Base(name)) {
			t.Errorf("%s was changed: %v", name, err)
		}
		if err := os.WriteFile(name, whole, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if entries, err := journal.Read(dir); err != nil || len(entries) == 0 {
		t.Fatal(err)
	}
}
