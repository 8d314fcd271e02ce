//go:build fault

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/creack/pty"

	"runbook/runbook"
	"runbook/steps/supervise"
)

// team is who takes part in the step, by pid.
func (d *desk) team() map[string]int {
	d.t.Helper()
	data, err := os.ReadFile(filepath.Join(d.now().run.Files("migrate", 1), "pid"))
	must(d.t, err)
	var who map[string]struct{ PID int }
	must(d.t, json.Unmarshal(data, &who))
	pids := map[string]int{"screen": d.screen()}
	for name, one := range who {
		pids[name] = one.PID
	}
	return pids
}

// TestFaultKilled kills whoever keeps a step, with a screen on it and without.
// Any one of them may go; without both supervisor and recorder the step goes
// on, and nobody knows how it ended.
func TestFaultKilled(t *testing.T) {
	t.Parallel()
	bastions := openBastions(t)
	var all []trial
	for _, c := range []struct {
		victims  string
		attached bool
		source   string // empty if nobody sees its end
	}{
		{"", false, "the verdict of its supervisor"},
		{"screen", true, "the verdict of its supervisor"},
		{"supervisor", true, "the verdict of its recorder"},
		{"supervisor", false, "the verdict of its recorder"},
		{"recorder", true, "the verdict of its supervisor"},
		{"recorder", false, "the verdict of its supervisor"},
		{"recorder supervisor", true, ""},
		{"recorder supervisor", false, ""},
		{"screen recorder supervisor", true, ""},
	} {
		b := bastions[len(all)%len(bastions)]
		all = append(all, trial{fmt.Sprintf("%s attached=%v %s", c.victims, c.attached, b.name), func(t *testing.T) {
			d := openDesk(t, b)
			l := d.deploy()
			d.row(10)
			team := d.team()
			if !c.attached {
				ways[0].lose(d, l)
				await(t, "the end of the screen", func() bool { return !alive(team["screen"]) })
			}
			for _, name := range strings.Fields(c.victims) {
				kill(t, team[name], syscall.SIGKILL)
				await(t, "the end of the "+name, func() bool { return !alive(team[name]) })
			}
			if !alive(team["program"]) {
				t.Fatal("the step did not outlive it")
			}
			if c.source == "" {
				d.unseen(t, l, team["program"])
				return
			}
			d.end(t, l)
			f := d.now()
			f.whole(t)
			if f.kept.Source != c.source {
				t.Errorf("it was seen by %s", f.kept.Source)
			}
		}})
	}
	atOnce(t, all)
}

// end sees the step to its end, on the screen that is there or on another.
func (d *desk) end(t *testing.T, l *line) {
	t.Helper()
	if l.cut() || !alive(d.screen()) {
		goOn(t, d)
		return
	}
	l.doesAll(failing, leaving)
}

// unseen asserts that the end of a step that nobody saw is said to be unknown,
// on the screen that is there and on the next, and that its output is whole.
func (d *desk) unseen(t *testing.T, l *line, step int) {
	t.Helper()
	await(t, "a step that nobody keeps", func() bool { return d.now().kept.Class == supervise.Orphan })
	await(t, "the end of the step", func() bool { return !alive(step) })
	if alive(d.screen()) {
		l.doesAll(press{then: "unknown"}, leaving)
		l.left()
	}
	again := d.runbook(80, 24, "resume")
	again.doesAll(resuming...)
	again.doesAll(press{then: "unknown"}, leaving)
	if code := again.left(); code != exitPerson {
		t.Errorf("left with %d", code)
	}
	f := d.now()
	if f.kept.Class != supervise.Unknown || f.step.State != runbook.Unknown || f.step.Exit != nil {
		t.Errorf("its directory says %+v, the run %+v", f.kept, f.step)
	}
	if f.written != allRows || f.printed != allRows {
		t.Errorf("%d of %d rows were written, %d were kept", f.written, allRows, f.printed)
	}
}

// TestFaultFrozenClient stops the ssh client: the step ends, and the old screen
// writes it down and still drives. Taken over, it shows that when the client
// goes on.
func TestFaultFrozenClient(t *testing.T) {
	t.Parallel()
	d := openDesk(t, openBastion(t, ourselves(t)))
	l := d.deploy()
	old := d.screen()
	d.row(10)
	kill(t, l.cmd.Process.Pid, syscall.SIGSTOP)
	await(t, "a stopped client", func() bool { state, _ := stat(l.cmd.Process.Pid); return state == "T" })
	came := len(l.since(0))
	await(t, "the end of the step", func() bool { return d.now().step.State == runbook.Failed })
	d.now().whole(t)
	if n := len(l.since(0)); n != came || !alive(old) {
		t.Errorf("%d bytes came over a frozen line; screen alive: %v", n-came, alive(old))
	}
	second := d.runbook(80, 24, "resume")
	if code := second.left(); code != exitBusy || !strings.Contains(second.since(0), fmt.Sprintf("pid %d", old)) {
		t.Errorf("a second screen: %d, %q", code, second.since(0))
	}
	third := d.runbook(80, 24, "resume --take-over")
	third.doesAll(asks, press{keys: "y\r", then: "was asked, and only reads along now"}, press{then: "exit 42"}, leaving)
	if code := third.left(); code != exitPerson {
		t.Errorf("left with %d", code)
	}
	kill(t, l.cmd.Process.Pid, syscall.SIGCONT)
	l.doesAll(failing, press{then: "took over"}, leaving)
	if code := l.left(); code != exitBusy {
		t.Errorf("who was taken over left with %d", code)
	}
}

// TestFaultSignals sends what ends programs to the screen's process group: it
// leaves tidily, and the step goes on.
func TestFaultSignals(t *testing.T) {
	t.Parallel()
	bastions := openBastions(t)
	var all []trial
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		b := bastions[len(all)%len(bastions)]
		all = append(all, trial{sig.String(), func(t *testing.T) {
			d := openDesk(t, b)
			l := d.deploy()
			d.row(10)
			must(t, syscall.Kill(-d.screen(), sig))
			if code := l.left(); code != exitPerson || !strings.Contains(l.since(0), "\x1b[?1049l") {
				t.Errorf("left with %d, terminal given back: %q", code, l.since(l.from))
			}
			if f := d.now(); f.kept.Class != supervise.Running {
				t.Errorf("it did not leave the step running: %+v", f.kept)
			}
			goOn(t, d)
			d.now().whole(t)
		}})
	}
	atOnce(t, all)
}

// TestFaultResizeStorm gives the terminal 200 sizes while rows come.
func TestFaultResizeStorm(t *testing.T) {
	t.Parallel()
	d := openDesk(t, openBastion(t, ourselves(t)))
	l := d.deploy()
	for i := range 200 {
		d.row(5 + i/5)
		must(t, pty.Setsize(l.pty, &pty.Winsize{Cols: uint16(20 + i), Rows: uint16(8 + i%40)}))
	}
	must(t, pty.Setsize(l.pty, &pty.Winsize{Cols: 100, Rows: 30}))
	l.doesAll(press{then: rule(100)}, failing, leaving)
	if code := l.left(); code != exitPerson {
		t.Errorf("left with %d", code)
	}
	drawn := 0
	for w := range 200 {
		if strings.Contains(l.since(0), rule(20+w)) {
			drawn++
		}
	}
	if drawn < 20 { // sizes that follow each other closely are drawn as one
		t.Errorf("of 200 sizes %d were drawn: that was no storm", drawn)
	}
	t.Logf("%d of 200 sizes were drawn", drawn)
	d.now().whole(t)
}

// rule is the line under the header of a real target, as wide as the screen.
func rule(w int) string { return "\n" + strings.Repeat("─", w) + "\r" }
