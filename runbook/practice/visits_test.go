package practice

import (
	"testing"
	"time"

	"runbook/steps"
	"runbook/steps/check"
)

// A check that compares two looks has something to compare in both applications,
// and does not wait a minute for it.
func TestUsersComeByWhileTheClockIsMoved(t *testing.T) {
	t.Parallel()
	plain := newWorld(t)
	for _, w := range []*World{plain, enter(t, plain)} {
		ahead := func() time.Duration { return time.Until(w.Steps().Clock.Now()) }
		before := ahead()
		r := (&check.Postgres{Query: "slow_queries", DSN: "database_url", MaxMS: "60000"}).Do(deadline(t), w.Steps())
		if r.Verdict != steps.Pass {
			t.Errorf("%s: %s %q %v", w.site, r.Verdict, r.Reason, r.Evidence)
		}
		if moved := ahead() - before; moved < 30*time.Second {
			t.Errorf("the clock was moved by %s", moved)
		}
	}
}
