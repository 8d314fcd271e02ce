package main

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"runbook/runbook"
	"runbook/runbook/journal"
)

// waits lets the migration of a desk wait at its 30th row, so that people can
// come and go; the answer lets it go on.
func (d *desk) waits() (goOn func()) {
	d.t.Helper()
	d.put("app/migrate", strings.Replace(migrates, "sleep 0.025", "sleep 0.025; while [ $i = 30 ] && [ ! -e go ]; do sleep 0.05; done", 1))
	goOn = func() { d.put("app/go", "") }
	d.t.Cleanup(goOn)
	return goOn
}

// What is typed to take a run over.
var (
	asks   = press{"", "take over? y, or anything else to leave: ", false}
	agrees = []press{{"y", "", false}, {"\r", "GOING ON WITH", true}, {"\r", "RUNNING", false}}
)

// TestTakeOverAcrossConnections has one person follow a run, and two take it
// over: from a screen that answers, and from one that was stopped.
func TestTakeOverAcrossConnections(t *testing.T) {
	t.Parallel()
	d := openDesk(t, openBastion(t, ourselves(t)))
	goOn := d.waits()
	first := d.deploy()
	told := d.runbook(80, 24, "resume")
	if code := told.left(); code != exitBusy || !strings.Contains(told.since(0), "on pts/") ||
		!inOrder(strings.ReplaceAll(told.since(0), "\r\n", ""), "`runbook follow", "--take-over`") {
		t.Errorf("a second driver left with %d: %q", code, told.since(0))
	}
	along := d.runbook(80, 24, "follow")
	along.doesAll(press{then: "you follow"}, press{then: "row "}, press{keys: "c", then: "you only read along"})

	leaves := d.runbook(80, 24, "resume --take-over")
	leaves.doesAll(asks, press{"n", "", false}, press{"\r", "left as it is", false})
	if code := leaves.left(); code != exitBusy {
		t.Errorf("who let it be left with %d", code)
	}

	if !strings.Contains(leaves.since(0), "nobody signs that you take over: ") {
		t.Errorf("it did not say that nobody signs: %q", leaves.since(0))
	}

	must(t, os.Mkdir(d.at(".ssh"), 0o700))
	must(t, exec.CommandContext(t.Context(), "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", d.at(".ssh/id_ed25519")).Run())
	second := d.runbook(80, 24, "resume --take-over")
	second.doesAll(asks)
	if !inOrder(second.since(0), "migrate runs, since", "you sign that you take over, with file ", "runbook-log/v1 hand-over", "run "+d.now().run.ID, "from session-key ") {
		t.Errorf("it did not say what runs, and what is signed: %q", second.since(0))
	}
	second.doesAll(agrees...)
	if !strings.Contains(second.since(0), "was asked, and only reads along now") {
		t.Errorf("it did not say what it did: %q", second.since(0))
	}
	stopped := d.screen()
	first.doesAll(press{then: "took over"}, press{keys: "c", then: "you only read along"}, leaving)
	if code := first.left(); code != exitBusy {
		t.Errorf("who was taken over left with %d", code)
	}

	kill(t, stopped, syscall.SIGSTOP)
	await(t, "a stopped driver", func() bool { state, _ := stat(stopped); return state == "T" })
	third := d.runbook(40, 20, "resume --take-over")
	third.doesAll(press{then: "take over? y"})
	third.doesAll(agrees...)
	if alive(stopped) || !strings.Contains(third.since(0), "did not answer in 3 s and was ended") {
		t.Errorf("the stopped driver lives: %v; %q", alive(stopped), third.since(0))
	}
	if code := second.left(); code == 0 {
		t.Errorf("who was ended left with %d", code)
	}
	goOn()
	third.doesAll(failing)
	along.doesAll(press{then: "exit 42"}, press{keys: "q", then: "\x1b[?1049l"})
	if code := along.left(); code != exitOK {
		t.Errorf("who followed left with %d", code)
	}
	third.doesAll(leaving)
	third.left()
	d.now().whole(t)
	handovers(t, d.now().run)
}

// handovers holds the log against what was done: one driver let go, one was
// ended, and what runs was never touched.
func handovers(t *testing.T, r *runbook.Run) {
	t.Helper()
	entries, err := journal.Read(r.Dir)
	must(t, err)
	var all []string
	for _, e := range entries {
		switch e.Kind {
		case journal.KindSession, journal.KindHandover, "run.intent", "run.result":
			all = append(all, e.Kind)
		}
	}
	if got := strings.Join(all, " "); got != "session run.intent handover session session run.result" {
		t.Errorf("the log holds %s", got)
	}
	if v := journal.Verify(r.Dir, journal.Policy{}); v.Integrity.Word != journal.OK || len(v.Handed) != 1 {
		t.Errorf("%+v %q", v.Handed, v.Lines())
	}
}

// TestTakeOverOfARealTargetIsAnswered: not by a pipe.
func TestTakeOverOfARealTargetIsAnswered(t *testing.T) {
	t.Parallel()
	d := openDesk(t, openBastion(t, ourselves(t)))
	d.waits()
	d.deploy()
	l := d.runbook(80, 24, "resume --take-over </dev/null")
	if code := l.left(); code != exitUsage || !strings.Contains(l.since(0), "taken over at a terminal") {
		t.Errorf("left with %d: %q", code, l.since(0))
	}
}
