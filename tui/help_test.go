package tui

import (
	"strings"
	"testing"

	"runbook/runbook"
	"runbook/tui/plain"
)

func TestHelpListsEveryKey(t *testing.T) {
	t.Parallel()
	b := begin(t, small, 80, 24)
	b.press("?")
	help, ok := b.top().screen.(*helpScreen)
	if !ok {
		t.Fatal("? lists nothing")
	}
	text := strings.Join(help.page.text, "\n")
	for _, k := range strings.Split("enter g y n r d a h s t i o c m R x q ?", " ") {
		if !strings.Contains(text, "\n"+k+" ") {
			t.Errorf("%s is not listed:\n%s", k, text)
		}
	}
}

func TestNarrowKeysKeepTheWaysOut(t *testing.T) {
	t.Parallel()
	b := migrated(t)
	b.send(windowSize(40, 20))
	for _, keys := range [][]string{nil, {"enter"}, {"esc", "i"}, {"esc"}} {
		b.press(keys...)
		for _, want := range []string{"R rollback", "q ", "? keys"} {
			b.shows(want)
		}
	}
}

// TestQuestionKeys tries the keys of the run over a question.
func TestQuestionKeys(t *testing.T) {
	t.Parallel()
	b := migrated(t)
	b.press("s")
	b.text("a test")
	b.press("enter")
	b.until("drop", func() bool { return b.state("drop") == runbook.Skipped })
	b.press("enter", "2", "enter")
	b.until("where", func() bool { return b.state("where") == runbook.Confirmed })
	b.press("enter", "w")
	b.shows("w does nothing here")
	b.press("R")
	b.shows("which way back?")
	b.press("esc", "x")
	b.shows("STOP THE RUN HERE")
	b.press("esc", "m")
	b.text("x")
	b.press("enter")
	b.until("the memo", func() bool { return len(b.snap.run.Notes) == 1 })
	b.ready()
	b.shows("Are the logs quiet?")
	b.press("n", "enter")
	b.shows("wants its reason")
	if b.state("quiet") != runbook.Pending {
		t.Fatal("a no without a reason was taken")
	}
	b.press("esc", "y", "enter")
	b.until("quiet", func() bool { return b.state("quiet") == runbook.Confirmed })
	if got := plain.Saw(b.snap.run.Step(b.book.Step("quiet"))); !strings.Contains(got, "yes") {
		t.Errorf("answered %q", got)
	}
	b.press("enter", "q")
	select {
	case <-b.leaving:
	default:
		t.Error("q left a question where it was")
	}
}
