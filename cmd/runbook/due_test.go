package main

import (
	"testing"
	"time"

	"runbook/runbook"
)

// TestBrieflyTellsWhoIsWaitedFor: of a run that is driven the sign-offs, which
// others give, and not what stands on its driver's screen; of practice nothing.
func TestBrieflyTellsWhoIsWaitedFor(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	driven := runbook.Summary{Short: "7f3a", Book: "tiny", Target: "here", Driven: true}
	practice := driven
	practice.Practice = true
	all := []runbook.Due{
		{Run: driven, What: "slot 1 of 2 of alive", At: now.Add(-time.Hour), Command: "runbook watch 7f3a --once"},
		{Run: driven, What: "sure waits for an answer", Command: "runbook resume 7f3a"},
		{Run: practice, What: "the sign-off of dev for run is missing", Command: "runbook sign", Unsigned: true},
	}
	if line := briefly(all, now); line != "" {
		t.Errorf("what only the driver can do: %q", line)
	}
	all = append(all, runbook.Due{Run: driven, What: "the sign-off of dev for run is missing", Command: "runbook sign 7f3a", Unsigned: true},
		runbook.Due{Run: driven, What: "the sign-off of qa for run is missing", Command: "runbook sign 7f3a", Unsigned: true})
	const want = "runbook: 7f3a tiny on here: the sign-off of dev for run is missing: runbook sign 7f3a (and 1 more: runbook due)"
	if line := briefly(all, now); line != want {
		t.Errorf("%q, not %q", line, want)
	}
}
