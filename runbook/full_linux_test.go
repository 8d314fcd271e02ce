package runbook

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"runbook/steps"
	"runbook/steps/run"
	"runbook/steps/supervise"
)

// TestRecoveryThatPrintsMoreThanTheDiskTakes has its own output fill the disk:
// it does all it was to do, and what is lost is said.
func TestRecoveryThatPrintsMoreThanTheDiskTakes(t *testing.T) {
	t.Parallel()
	loud := strings.Replace(tiny, `argv = ["rm", "-f", "made"]`,
		`sh = "for i in {1..20}; do head -c 200000 /dev/zero | tr '\\0' x; echo $i >>undone; done; rm made"`, 1)
	f := beginIn(t, loud, filepath.Join(smallDisk(t), "runs"))
	f.toAct()
	f.do(RunStep, "make")
	f.do(Rollback, "back")
	f.do(RunStep, "unmake")
	st := f.State().Steps["unmake"]
	if st.State != Passed || st.Exit == nil || *st.Exit != 0 || !strings.Contains(st.Reason, "bytes that it printed are lost") {
		t.Errorf("%s: %s", st.State, st.Reason)
	}
}

func TestCommandThatFillsItsDiskSaysSo(t *testing.T) {
	t.Parallel()
	loud := strings.Replace(tiny, `test ! -e broken`, `for i in {1..400000}; do echo row $i; done`, 1)
	f := beginIn(t, loud, filepath.Join(smallDisk(t), "runs"))
	f.toAct()
	f.do(RunStep, "make")
	st := f.State().Steps["make"]
	if st.State != Failed || !strings.HasPrefix(st.Reason, "exit 1; the disk ") {
		t.Errorf("%s: %s", st.State, st.Reason)
	}
}

func TestEndsAreNamed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		outcome        supervise.Outcome
		ended, reason  string
		label, evident string
	}{
		{
			supervise.Outcome{Exit: -1, Signal: "SIGKILL", Cancelled: true, Leftovers: []string{"3369 sh (killed)"}},
			"it was cancelled and ended by SIGKILL", "cancelled: how far it came is not known; left behind and killed: 3369 sh", "left behind and killed", "3369 sh",
		},
		{
			supervise.Outcome{Exit: 9, Cancelled: true, Leftovers: []string{"33 sh (killed)", "34 x (still runs)"}},
			"it was cancelled and ended with exit 9", "cancelled: how far it came is not known; still running: 34 x; left behind and killed: 33 sh", "still running", "34 x",
		},
		{
			supervise.Outcome{Leftovers: []string{"1 a", "2 a", "3 a", "4 a", "5 a", "6 a", "7 a"}},
			"it ended with exit 0", "it ended, and left processes running: 1 a, 2 a, 3 a, 4 a, 5 a, 2 more", "still running", "1 a, 2 a, 3 a, 4 a, 5 a, 6 a, 7 a",
		},
		{supervise.Outcome{Exit: 1, Leftovers: []string{"7 sleep"}}, "it ended with exit 1", "exit 1; still running: 7 sleep", "still running", "7 sleep"},
		{supervise.Outcome{Exit: -1, Unseen: "its supervisor was killed while it started it"}, "", "its supervisor was killed while it started it", "", ""},
	} {
		c.outcome.Began = time.Now()
		body := resultOf(c.outcome, run.Command{})
		seen := steps.Evidence{}
		for _, e := range body.Evidence {
			if e.Label == c.label {
				seen = e
			}
		}
		if body.ended() != c.ended || body.Reason != c.reason || seen.Value != c.evident {
			t.Errorf("%q, %q, %q", body.ended(), body.Reason, seen.Value)
		}
	}
}
