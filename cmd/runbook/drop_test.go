package main

import (
	"strings"
	"syscall"
	"testing"

	"runbook/runbook"
	"runbook/steps/supervise"
)

// way is a way to lose a connection.
type way struct {
	name string
	lose func(d *desk, l *line)
}

// session is the sshd process that holds the screen's terminal.
func (d *desk) session() int {
	_, parent := stat(d.screen())
	return parent
}

var ways = []way{
	{"client killed", func(d *desk, l *line) { kill(d.t, l.cmd.Process.Pid, syscall.SIGKILL) }},
	{"sshd killed", func(d *desk, _ *line) { kill(d.t, d.session(), syscall.SIGKILL) }},
	{"hang-up", func(d *desk, _ *line) { kill(d.t, d.screen(), syscall.SIGHUP) }},
	{"terminal closed", func(d *desk, l *line) { must(d.t, l.pty.Close()) }},
	{"screen killed", func(d *desk, _ *line) { kill(d.t, d.screen(), syscall.SIGKILL) }},
}

// whole asserts that the step did all its work, and that its output and its
// exit code were kept.
func (f fact) whole(t *testing.T) {
	t.Helper()
	if f.written != allRows || f.printed != allRows {
		t.Errorf("%d of %d rows were written, %d were kept", f.written, allRows, f.printed)
	}
	if f.kept.Class != supervise.Exited || f.kept.Outcome.Exit != ownExit {
		t.Errorf("its directory says: %+v", f.kept)
	}
	if f.step.State != runbook.Failed || f.step.Exit == nil || *f.step.Exit != ownExit {
		t.Errorf("the run says: %+v", f.step)
	}
}

// TestDrop loses a connection in the middle of a step, and goes on with the run
// over another.
func TestDrop(t *testing.T) {
	t.Parallel()
	for i, b := range openBastions(t) {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			d := openDesk(t, b)
			l := d.deploy()
			d.row(10)
			old, how := d.screen(), ways[i%len(ways)]
			how.lose(d, l)
			if code := l.left(); code == 0 {
				t.Errorf("%s, and the client ended with %d", how.name, code)
			}
			await(t, "the end of the screen", func() bool { return !alive(old) })
			if f := d.now(); f.kept.Class != supervise.Running {
				t.Errorf("%s: %+v", how.name, f.kept)
			}
			again := d.runbook(80, 24, "resume")
			again.doesAll(resuming...)
			again.doesAll(failing, leaving)
			if code := again.left(); code != exitPerson {
				t.Errorf("left with %d", code)
			}
			d.now().whole(t)
		})
	}
}

// TestDropControl: without us the same drop ends the same step.
func TestDropControl(t *testing.T) {
	t.Parallel()
	for _, how := range ways[:2] {
		t.Run(how.name, func(t *testing.T) {
			t.Parallel()
			d := openDesk(t, openBastion(t, ourselves(t)))
			l := d.b.dial(t, 80, 24, "cd "+d.at("app")+" && echo $$ >>../screens && exec sh migrate")
			d.row(10)
			step := d.screen()
			how.lose(d, l)
			await(t, "the end of the step", func() bool { return !alive(step) })
			if n := d.now().written; n < 10 || n >= allRows {
				t.Errorf("%s: it went on to row %d: that was no drop", how.name, n)
			}
		})
	}
}

// TestTwoResumes: of two who go on with a run at once one does, and the other
// is told who.
func TestTwoResumes(t *testing.T) {
	t.Parallel()
	d := openDesk(t, openBastion(t, ourselves(t)))
	l := d.deploy()
	old := d.screen()
	kill(t, l.cmd.Process.Pid, syscall.SIGKILL)
	await(t, "the end of the screen", func() bool { return !alive(old) })
	both := []*line{d.runbook(80, 24, "resume"), d.runbook(80, 24, "resume")}
	drives, told := 0, 0
	for _, l := range both {
		switch {
		case l.does(resuming[0]):
			drives++
		case l.left() == exitBusy && strings.Contains(l.since(0), "somebody drives this run"):
			told++
			t.Logf("%q", l.since(0))
		default:
			t.Errorf("left with %d: %q", l.left(), l.since(0))
		}
	}
	if drives != 1 || told != 1 {
		t.Errorf("%d drive, %d were told who does", drives, told)
	}
}
