package tui

import (
	"strings"
	"testing"

	"runbook/runbook"
)

// migrated brings a run to the point where its migration has run.
func migrated(t *testing.T) *bench {
	t.Helper()
	b := deploy(t)
	b.press("enter", "enter")
	b.until("migrate", func() bool { return b.state("migrated") == runbook.Passed })
	b.ready()
	return b
}

func TestRollbackOpensOnItsPlans(t *testing.T) {
	t.Parallel()
	b := migrated(t)
	entries := b.session.State().Entries
	b.open(b.session, Options{Rollback: true, Start: []string{"book small"}}, 80, 24)
	b.ready()
	b.shows("which way back?")
	b.press("enter", "enter")
	b.shows("enter picks no plan")
	b.press("esc")
	b.shows("GOING ON WITH")
	if got := b.session.State(); got.Entries != entries || got.Plan != "" {
		t.Fatalf("%d entries before anything was typed, plan %q", got.Entries-entries, got.Plan)
	}
}

func TestRollbackByItsName(t *testing.T) {
	t.Parallel()
	b := migrated(t)
	b.open(b.session, Options{Rollback: true, Plan: "back"}, 80, 24)
	b.ready()
	for _, text := range []string{"the old image works", "LOSES  column locale", "takes  6 minutes", "type back"} {
		b.shows(text)
	}
	b.press("enter")
	b.shows("Nothing was begun")
	b.text("back")
	b.press("enter")
	b.until("the plan", func() bool { return b.snap.run.Plan == "back" })
	b.ready()
	b.shows("PRODUCTION  ROLLBACK")
	b.press("enter")
	b.shows("enter starts it") // it was chosen by its name
	b.press("enter")
	b.until("its end", func() bool { return b.state("reverted") == runbook.Passed })
	b.ready()
	b.press("enter", "enter")
	b.until("the plan's end", func() bool { return b.snap.run.Phase(b.book) == nil })
	b.press("enter")
	b.shows("END OF RUN")
	b.shows("PRE-CHECKS  3 passed")
	b.shows("ROLLBACK: IMAGE BACK")
}

func TestFailedRunIsTakenUpAgain(t *testing.T) {
	t.Parallel()
	b := deploy(t)
	put(t, b.dir, "migrate", "#!/bin/sh\nexit 1\n", 0o700)
	b.press("enter", "enter")
	b.until("its failure", func() bool { return b.state("migrate") == runbook.Failed })
	b.ready()
	b.shows("g run again..")
	put(t, b.dir, "migrate", "#!/bin/sh\ntouch migrated\n", 0o700)
	b.press("enter")
	b.shows("run again..")
	b.press("enter")
	b.shows("exactly this")
	b.press("enter")
	b.until("its end", func() bool { return b.state("migrate") == runbook.Passed })
	if got := b.snap.run.Step(b.book.Step("migrate")).Attempt; got != 2 {
		t.Errorf("attempt %d", got)
	}
}

// TestOneGoKey asks for the name at once, and shows it before.
func TestOneGoKey(t *testing.T) {
	t.Parallel()
	b := migrated(t)
	b.press("enter")
	b.shows("g, then type drop")
	b.press("esc", "g")
	b.shows("type drop and enter")
	b.text("drop")
	b.press("enter")
	b.until("drop", func() bool { return b.state("drop") == runbook.Passed })
}

func TestDiagnosis(t *testing.T) {
	t.Parallel()
	toml := strings.Replace(small, `say = "rotate vault kv/prod"`, "say = \"rotate\"\ndiagnose = \"reverted\"", 1)
	if toml == small {
		t.Fatal("the hint got no diagnosis")
	}
	b := begin(t, toml, 80, 24)
	b.ready()
	b.shows("d diagnose")
	b.press("d")
	b.until("what it saw", func() bool { _, ok := b.snap.run.Asides["reverted"]; return ok })
	b.ready()
	b.shows("pass reverted")
	if b.state("jwt") != runbook.Failed {
		t.Error("a diagnosis settled something")
	}
}

func TestGoingOnSaysWhatRuns(t *testing.T) {
	t.Parallel()
	b := deploy(t)
	put(t, b.dir, "migrate", "#!/bin/sh\nexec sleep 60\n", 0o700)
	b.press("enter")
	b.send(keyOf("enter"))
	b.until("its start", func() bool { return b.command() != nil })
	b.open(b.session, Options{Start: []string{"book small"}}, 80, 24)
	b.until("the start screen", func() bool { return b.snap.run != nil && b.gate.open })
	b.shows("GOING ON WITH")
	b.shows("in Deploy, 0 of 8 settled")
	b.shows("RUNS    Run migrations")
	b.exec(b.do(runbook.Intent{Kind: runbook.Cancel, Step: "migrate"}))
	b.until("its end", func() bool { return b.command() == nil })
}

// TestWhatStaysIsNamed: what ran and no step of the plan undoes stands on the
// plan's page before it begins, beside what it loses, and at the end.
func TestWhatStaysIsNamed(t *testing.T) {
	t.Parallel()
	const stays = "not undone by this: drop  Drop the old column"
	b := migrated(t)
	b.press("g")
	b.text("drop")
	b.press("enter")
	b.until("drop", func() bool { return b.state("drop") == runbook.Passed })
	b.open(b.session, Options{Rollback: true, Plan: "back", Undoes: []string{"takes back 7f3a CHG-13, deploy"}}, 80, 24)
	b.ready()
	b.shows("takes back 7f3a CHG-13, deploy")
	b.shows(stays)
	b.golden("80x24-stays")
	b.press("esc")
	b.shows("takes back 7f3a CHG-13, deploy")
	b.shows(stays)
	b.press("1")
	b.text("back")
	b.press("enter")
	b.until("the plan", func() bool { return b.snap.run.Plan == "back" })
	b.ready()
	b.press("x")
	b.shows("not undone by this: migrate  Run migrations") // nothing of the plan is done yet
	b.press("esc", "enter")
	b.shows("enter starts it")
	b.press("enter")
	b.until("its end", func() bool { return b.state("reverted") == runbook.Passed })
	b.ready()
	b.press("enter", "enter")
	b.until("the plan's end", func() bool { return b.snap.run.Phase(b.book) == nil })
	b.press("enter")
	b.shows("END OF RUN")
	b.shows(stays)
	b.golden("80x24-stayed")
}
