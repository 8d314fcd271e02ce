package tui

import (
	"fmt"
	"strings"
	"testing"

	"runbook/runbook"
)

// TestScreens walks a run at every size and holds each screen against a file.
func TestScreens(t *testing.T) {
	t.Parallel()
	for _, size := range [][2]int{{80, 24}, {40, 20}, {120, 40}} {
		name := func(s string) string { return fmt.Sprintf("%dx%d-%s", size[0], size[1], s) }
		t.Run(name("walk"), func(t *testing.T) {
			t.Parallel()
			b := begin(t, small, size[0], size[1])
			b.ready()
			b.golden(name("failed"))
			b.press("enter")
			b.golden(name("evidence"))
			b.press("a")
			b.golden(name("reason"))
			b.press("esc", "?")
			b.golden(name("keys"))
			b.press("esc", "esc")
			mend(t, b)
			b.press("enter")
			b.golden(name("pause"))
			b.press("enter", "enter")
			b.golden(name("approval"))
			b.press("enter")
			b.until("the end of the command", func() bool { return b.state("migrated") == runbook.Passed })
			b.ready()
			b.press("enter")
			b.golden(name("irreversible"))
			b.press("esc", "R")
			b.golden(name("plans"))
			b.press("esc", "x")
			b.golden(name("ending"))
		})
	}
}

// TestScreensOfProduction: the frame says so whatever the vars say, the ticket is
// seen, what is waived never looks like passed, and an approval comes first.
func TestScreensOfProduction(t *testing.T) {
	t.Parallel()
	const target = `guard = true
require = ["change_ticket"]
vars.environment = "staging"
[[waiver]]
step = "dump"
until = 2999-12-31
ticket = "SEC-88"
by = "eve"
`
	book := strings.Replace(small, "[vars]\n", "[vars]\nenvironment = {}\n", 1)
	for _, size := range [][2]int{{80, 24}, {40, 20}, {120, 40}} {
		name := func(s string) string { return fmt.Sprintf("%dx%d-production-%s", size[0], size[1], s) }
		t.Run(name("walk"), func(t *testing.T) {
			t.Parallel()
			b := beginOn(t, book, target, map[string]string{"change_ticket": "CHG-4711"}, size[0], size[1])
			b.ready()
			b.golden(name("waived"))
			put(t, b.dir, "jwt", "a long secret of more than thirty-two bytes", 0o600)
			b.press("r")
			b.until("jwt", func() bool { return b.state("jwt") == runbook.Passed })
			b.ready()
			b.press("enter")
			b.golden(name("pause"))
			b.press("enter", "enter")
			for _, want := range []string{"May this run change tickr-prod?", "y approved", "CHG-4711"} {
				if !strings.Contains(b.screen(), want) {
					t.Errorf("the approval does not say %q:\n%s", want, b.screen())
				}
			}
			if strings.Contains(b.screen(), "by hand") || strings.Contains(b.screen(), "skip") {
				t.Errorf("the approval can be set aside:\n%s", b.screen())
			}
		})
	}
}

// mend makes the two failing checks of the first phase pass.
func mend(t *testing.T, b *bench) {
	t.Helper()
	put(t, b.dir, "jwt", "a long secret of more than thirty-two bytes", 0o600)
	put(t, b.dir, "dump", "dump", 0o600)
	b.press("r")
	b.until("jwt", func() bool { return b.state("jwt") == runbook.Passed })
	b.press("r")
	b.until("dump", func() bool { return b.state("dump") == runbook.Passed })
	b.ready()
}

func TestTooSmallRecovers(t *testing.T) {
	t.Parallel()
	b := begin(t, small, 80, 24)
	b.ready()
	before := b.screen()
	for _, size := range [][2]int{{20, 5}, {0, 0}, {29, 40}, {200, 9}} {
		b.send(windowSize(size[0], size[1]))
		if got := b.screen(); len(got) > max(0, size[0]) || got != fit(tooSmall, size[0]) {
			t.Errorf("%v shows %q", size, got)
		}
	}
	b.send(windowSize(80, 24))
	if b.screen() != before {
		t.Errorf("after a small terminal:\n%s\nbefore:\n%s", b.screen(), before)
	}
}
