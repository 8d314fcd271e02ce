package tui

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"

	"runbook/runbook"
	"runbook/runbook/journal"
)

func windowSize(w, h int) tea.WindowSizeMsg { return tea.WindowSizeMsg{Width: w, Height: h} }

// deploy brings a run to its second phase.
func deploy(t *testing.T) *bench {
	t.Helper()
	b := begin(t, small, 80, 24)
	b.ready()
	mend(t, b)
	b.press("enter", "enter")
	b.until("the second phase", func() bool { return b.snap.run.Phase(b.book).ID == "go" })
	b.ready()
	return b
}

func TestChecksStartByThemselves(t *testing.T) {
	t.Parallel()
	b := begin(t, small, 80, 24)
	b.until("the checks", func() bool { return b.state("readme") == runbook.Passed && b.state("jwt") == runbook.Failed })
	b.ready()
	entries := b.session.State().Entries
	b.press("down", "up")
	b.ready()
	if got := b.session.State().Entries; got != entries {
		t.Errorf("%d entries were written by themselves", got-entries)
	}
}

// TestEnterNeverDecides presses enter until nothing moves, where something
// failed.
func TestEnterNeverDecides(t *testing.T) {
	t.Parallel()
	b := begin(t, small, 80, 24)
	b.ready()
	entries := b.session.State().Entries
	for range 12 {
		b.press("enter")
	}
	if got := b.session.State().Entries; got != entries {
		t.Errorf("enter wrote %d entries over failed checks", got-entries)
	}
	if b.state("jwt") != runbook.Failed || b.state("dump") != runbook.Failed {
		t.Error("enter settled a failure")
	}
}

func TestEnterStartsOnlyWhatCanBeUndone(t *testing.T) {
	t.Parallel()
	b := deploy(t)
	b.press("enter")
	b.shows("exactly this")
	if b.state("migrate") != runbook.Pending {
		t.Fatal("the first enter started it")
	}
	b.press("s", "h", "a", "enter") // a name that is typed where none is asked for
	b.until("migrate", func() bool { return b.state("migrated") == runbook.Passed })
	b.ready()
	if got := b.state("migrate"); got != runbook.Passed {
		t.Fatalf("letters made it %v", got)
	}
	for range 4 {
		b.press("enter")
	}
	if b.state("drop") != runbook.Pending {
		t.Fatal("enter started what can't be undone")
	}
	b.shows("enter does not start")
	b.press("g")
	b.text("dro")
	b.press("enter")
	b.shows("Nothing was started")
	if b.state("drop") != runbook.Pending {
		t.Fatal("half a name started it")
	}
	b.text("p")
	b.press("enter")
	b.until("drop", func() bool { return b.state("drop") == runbook.Passed })
	if _, err := os.Stat(filepath.Join(b.dir, "dropped")); err != nil {
		t.Error(err)
	}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	b := deploy(t)
	for _, id := range []string{"migrate", "drop"} { // set aside, as a person may
		b.press("s")
		b.text("a test")
		b.press("enter")
		b.until(id, func() bool { return b.state(id) == runbook.Skipped })
		if id == "migrate" {
			put(t, b.dir, "migrated", "", 0o600)
			b.until("migrated", func() bool { return b.state("migrated") != runbook.Pending })
			b.ready()
			if b.state("migrated") == runbook.Failed {
				b.press("r")
			}
		}
	}
	b.ready()
	b.press("y", "enter")
	b.shows("pick one")
	b.press("2", "enter")
	b.until("where", func() bool { return b.state("where") == runbook.Confirmed })
	b.press("enter", "enter")
	b.shows("enter answers nothing")
	b.press("s", "h") // of an answer that is typed before y
	b.shows("y it is so")
	b.press("y", "enter")
	b.until("quiet", func() bool { return b.state("quiet") == runbook.Confirmed })
	b.press("y", "y")
	b.text("411")
	b.press("enter")
	b.shows("412")
	if b.state("count") != runbook.Pending {
		t.Fatal("a wrong value confirmed it")
	}
	b.press("y", "y")
	b.text("412")
	b.press("enter")
	b.until("count", func() bool { return b.state("count") == runbook.Confirmed })
	b.press("n", "n")
	b.text("no")
	b.press("enter")
	b.until("lead", func() bool { return b.state("lead") == runbook.Declined })
}

func TestPasteNeverActs(t *testing.T) {
	t.Parallel()
	b := begin(t, small, 80, 24)
	b.ready()
	entries := b.session.State().Entries
	b.send(tea.PasteMsg{Content: "q\na1\n"})
	b.shows("never acts")
	for _, k := range strings.Split("axsqcR", "") {
		b.send(keyOf(k))
	}
	b.send(keyOf("enter"))
	b.ready()
	b.shows("look pasted")
	if len(b.layers) != 1 || b.session.State().Entries != entries {
		t.Errorf("a paste acted: %d screens", len(b.layers))
	}
	select {
	case <-b.leaving:
		t.Error("a paste left the program")
	default:
	}
}

func TestPasteIsTextInAField(t *testing.T) {
	t.Parallel()
	b := begin(t, small, 80, 24)
	b.press("m")
	b.send(tea.PasteMsg{Content: "one\ntwo \x1b[31mred\u202e"})
	b.send(keyOf("x"))
	b.ready()
	for _, k := range append(strings.Split("burst", ""), "enter", "y") {
		b.send(keyOf(k))
	}
	b.ready()
	b.shows("line end became a space")
	b.press("enter")
	b.until("the memo", func() bool { return len(b.session.State().Notes) == 1 })
	got := b.session.State().Notes[0].Text
	if got != "one two red<U+202E>xburst y" {
		t.Errorf("memo %q", got)
	}
}

func TestTypeAheadIsDropped(t *testing.T) {
	t.Parallel()
	b := deploy(t)
	b.deaf = true
	b.press("enter")
	b.press("enter")
	b.shows("before the question was on the screen")
	if b.state("migrate") != runbook.Pending {
		t.Fatal("type-ahead started a command")
	}
	b.until("the second after which it opens", func() bool { return b.gate.open })
	b.press("enter")
	b.until("migrate", func() bool { return b.state("migrate") == runbook.Passed })
}

func TestCommandRuns(t *testing.T) {
	t.Parallel()
	b := deploy(t)
	put(t, b.dir, "migrate", "#!/bin/sh\nprintf 'line\\033]0;title\\007\\033[2J\\033[31mred\\n'; exec sleep 60\n", 0o700)
	b.press("enter")
	b.send(keyOf("enter"))
	b.until("output", func() bool { return strings.Contains(b.screen(), "red") })
	b.shows("RUNNING")
	for line := range strings.SplitSeq(b.View().Content, "\n") {
		onlySGR(t, line)
	}
	b.send(keyOf("enter"))
	b.until("a word", func() bool { return strings.Contains(b.screen(), "enter does nothing") })
	b.send(tea.KeyPressMsg{Code: 'c', Mod: tea.ModCtrl})
	b.shows("CANCEL")
	b.until("the question", func() bool { return b.gate.open })
	b.send(keyOf("y"))
	b.until("its end", func() bool { return b.state("migrate") == runbook.Unknown && b.idle() })
	b.shows("cancelled")
}

func TestLeaving(t *testing.T) {
	t.Parallel()
	for _, k := range []tea.KeyPressMsg{keyOf("q"), {Code: 'c', Mod: tea.ModCtrl}} {
		b := begin(t, small, 80, 24)
		b.ready()
		b.send(tea.KeyPressMsg{Code: 'z', Mod: tea.ModCtrl})
		b.shows("nothing is suspended")
		b.send(k)
		b.until("leaving", func() bool {
			select {
			case <-b.leaving:
				return true
			default:
				return false
			}
		})
	}
}

func TestRollbackIsPickedAndTyped(t *testing.T) {
	t.Parallel()
	b := deploy(t)
	b.press("R")
	b.shows("nothing that ran has a plan")
	b.press("enter", "enter")
	b.until("migrate", func() bool { return b.state("migrated") == runbook.Passed })
	b.press("R", "enter")
	b.shows("enter picks no plan")
	b.press("1")
	b.text("back")
	if b.session.State().Plan != "" {
		t.Fatal("begun before enter")
	}
	b.press("enter")
	b.until("the plan", func() bool { return b.session.State().Plan == "back" })
	b.ready()
	b.shows("revert")
}

func TestNotRecordedStays(t *testing.T) {
	t.Parallel()
	b := begin(t, small, 80, 24)
	b.ready()
	b.flight[runbook.Memo]++
	b.send(doneMsg{runbook.Intent{Kind: runbook.Memo}, fmt.Errorf("%w: disk full", journal.ErrNotRecorded)})
	b.press("down", "up")
	b.shows("NOT RECORDED: ")
	b.press("m")
	b.text("x")
	b.press("enter") // this one is taken: the log is back
	if strings.Contains(b.screen(), "NOT RECORDED") {
		t.Error("it says so although the log takes entries again")
	}
}

func TestEndIsTyped(t *testing.T) {
	t.Parallel()
	b := begin(t, small, 80, 24)
	b.press("x", "enter")
	b.shows("the run goes on")
	b.text("end")
	b.press("enter")
	b.until("the end", func() bool { return !b.snap.run.Ended.IsZero() })
	b.shows("THIS RUN HAS ENDED")
	b.shows("stopped")
}
