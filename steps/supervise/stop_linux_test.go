package supervise_test

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"runbook/steps/supervise"
)

// halt stops a process and sees it stopped.
func halt(t *testing.T, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGCONT) }) // gone, most likely
	await(t, "the stop", func() bool {
		data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		_, rest, _ := strings.Cut(string(data), ") ")
		return err == nil && strings.HasPrefix(rest, "T")
	})
}

func TestStoppedSupervisorIsSaid(t *testing.T) {
	t.Parallel()
	o, open := migration(t)
	p := start(t, o)
	pid := pidOf(t, o, "pid")
	supervisor := crewOf(t, o).Supervisor.PID
	halt(t, supervisor)
	if s := p.Status(); s.Class != supervise.Running || s.Stopped != "supervisor" {
		t.Errorf("stopped: %+v", s)
	}
	open()
	await(t, "the program's end", func() bool { return gone(pid) })
	if s := p.Status(); s.Class != supervise.Running || s.Stopped != "supervisor" {
		t.Errorf("the program ended: %+v", s)
	}
	if err := syscall.Kill(supervisor, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	wantRows(t, o, p.End(), "supervisor")
}

// TestStoppedRecorderIsSaid stops the recorder once it supervises.
func TestStoppedRecorderIsSaid(t *testing.T) {
	t.Parallel()
	o, open := migration(t)
	p := start(t, o)
	pidOf(t, o, "pid")
	w := crewOf(t, o)
	shoot(t, w.Supervisor.PID, syscall.SIGKILL)
	halt(t, w.Recorder.PID)
	if s := p.Status(); s.Class != supervise.Running || s.Stopped != "supervisor" {
		t.Errorf("stopped: %+v", s)
	}
	open()
	cancel(t, p) // which wakes it
	if end := p.End(); end.Class != supervise.Exited || end.Outcome.Source != "recorder" {
		t.Errorf("%+v", end)
	}
}

func TestStoppedProgramIsSaid(t *testing.T) {
	t.Parallel()
	o, open := migration(t)
	p := start(t, o)
	pid := pidOf(t, o, "pid")
	halt(t, pid)
	if s := p.Status(); s.Class != supervise.Running || s.Stopped != "program" || s.PID != pid {
		t.Errorf("stopped: %+v", s)
	}
	open()
	if err := syscall.Kill(pid, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	wantRows(t, o, p.End(), "supervisor")
}

func TestCancelWakesWhatIsStopped(t *testing.T) {
	t.Parallel()
	for _, who := range []string{"program", "supervisor", "both"} {
		t.Run(who, func(t *testing.T) {
			t.Parallel()
			o, _ := migration(t)
			p := start(t, o)
			if pid := pidOf(t, o, "pid"); who != "supervisor" {
				halt(t, pid)
			}
			if who != "program" {
				halt(t, crewOf(t, o).Supervisor.PID)
			}
			cancel(t, p)
			if got := p.End().Outcome; !got.Cancelled || got.Signal != "SIGINT" || !slices.Equal(got.Sent, []string{"SIGINT"}) {
				t.Errorf("%+v", got)
			}
		})
	}
}

// TestCancelOfAnOrphan sends a signal a call, also to one that is stopped.
func TestCancelOfAnOrphan(t *testing.T) {
	t.Parallel()
	o := script(t, `trap 'echo int >>seen' INT; trap 'echo term >>seen' TERM; echo $$ >pid; while :; do sleep 0.01 || :; done`)
	p := start(t, o)
	pid := pidOf(t, o, "pid")
	w := crewOf(t, o)
	shoot(t, w.Recorder.PID, syscall.SIGKILL)
	shoot(t, w.Supervisor.PID, syscall.SIGKILL)
	halt(t, pid)
	if s := p.Status(); s.Class != supervise.Orphan || s.Stopped != "program" {
		t.Errorf("%+v", s)
	}
	cancel(t, p)
	await(t, "SIGINT", seen(o, "int\n"))
	cancel(t, supervise.Attach(o.Files, keyOf(o))) // another driver goes on from there
	await(t, "SIGTERM", seen(o, "int\nterm\n"))
	cancel(t, p)
	if end := p.End(); end.Class != supervise.Unknown || !gone(pid) {
		t.Errorf("%+v", end)
	}
}

// TestCancelOfAnOrphanEscalates asks once: whoever is attached sends what
// follows, also where a supervisor that is dead now had sent the first.
func TestCancelOfAnOrphanEscalates(t *testing.T) {
	t.Parallel()
	for name, supervised := range map[string]bool{"asked as an orphan": false, "asked before": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := script(t, `trap 'echo int >>seen' INT; trap 'echo term >>seen' TERM; echo $$ >pid; while :; do sleep 0.01 || :; done`)
			o.Grace = 300 * time.Millisecond
			if supervised {
				o.Grace = 3 * time.Second // it is killed before that
			}
			p := start(t, o)
			pid := pidOf(t, o, "pid")
			w := crewOf(t, o)
			if supervised {
				cancel(t, p)
				await(t, "SIGINT", seen(o, "int\n"))
			}
			shoot(t, w.Recorder.PID, syscall.SIGKILL)
			shoot(t, w.Supervisor.PID, syscall.SIGKILL)
			if !supervised {
				cancel(t, p)
			}
			if end := p.End(); end.Class != supervise.Unknown || !gone(pid) || !seen(o, "int\nterm\n")() {
				t.Errorf("%+v", end)
			}
		})
	}
}
