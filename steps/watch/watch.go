// Package watch holds the arithmetic of a check over time. Slot k is due at
// t0 + k*every; each slot is measured once, or is a gap, and is never dated
// back.
package watch

import (
	"time"

	"runbook/steps"
	"runbook/steps/check"
)

// Watch is the verb watch: a check, how often and for how long.
//
//	watch = { every = "15m", for = "24h", failures = 1, check.http = { … } }
type Watch struct {
	Every    steps.Duration // from slot to slot
	For      steps.Duration // from its beginning to its last slot
	Failures int            // failing slots that the whole may hold and still pass
	Kind     string
	Check    check.Check
}

// Slots is how many slots the watch has: the first is due one interval after
// it began.
func (w Watch) Slots() int {
	if w.Every <= 0 {
		return 0
	}
	return int(w.For / w.Every)
}

// Due is when slot k (from 1) of a watch that began at t0 is due.
func (w Watch) Due(t0 time.Time, k int) time.Time {
	return t0.Add(time.Duration(k) * w.Every.D())
}

// Newest is the number of the newest slot due at now, 0 if none is.
func (w Watch) Newest(t0, now time.Time) int {
	if w.Every <= 0 || now.Before(t0) {
		return 0
	}
	return min(int(now.Sub(t0)/w.Every.D()), w.Slots())
}
