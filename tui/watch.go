package tui

import (
	"fmt"
	"strings"
	"time"

	"runbook/runbook"
	"runbook/runbook/book"
	"runbook/steps"
	"runbook/tui/plain"
)

// slotMark is the sign of one slot. A slot nobody measured is a blank.
func slotMark(s runbook.Slot) string {
	switch {
	case s.Gap:
		return " "
	case s.Verdict == steps.Pass:
		return "✓"
	case s.Verdict == steps.Warn:
		return "!"
	case s.Verdict == steps.Fail:
		return "✗"
	}
	return "?"
}

// sparkline is the newest slots of a watch, one cell each, between bars.
func sparkline(st runbook.StepState, all, w int) string {
	slots := st.Slots[max(0, len(st.Slots)-w):]
	var b strings.Builder
	for _, s := range slots {
		b.WriteString(slotMark(s))
	}
	if rest := min(all-len(st.Slots), w-len(slots)); rest > 0 {
		b.WriteString(strings.Repeat("·", rest))
	}
	return "│" + b.String() + "│"
}

// nextSlot says when the next slot is due, on the clock of waits.
func nextSlot(st runbook.StepState, w book.Watch, today time.Time) string {
	k := 1
	if n := len(st.Slots); n > 0 {
		k = st.Slots[n-1].K + 1
	}
	if k > w.Slots() {
		return "the last slot is written"
	}
	return "next " + moment(w.Due(st.Began, k), today)
}

// moment is a time of the clock of waits, with its date if that is not today's.
func moment(t, today time.Time) string {
	if t.UTC().Format(time.DateOnly) == today.UTC().Format(time.DateOnly) {
		return t.UTC().Format("15:04:05Z")
	}
	return t.UTC().Format("2006-01-02 15:04Z")
}

// watchLines is a watch in full: what was measured, what nobody measured, and
// when the next slot is due.
func watchLines(st runbook.StepState, v book.Watch, today time.Time, w int) []string {
	failed, gaps, newest := 0, 0, 0
	for _, s := range st.Slots {
		newest = max(newest, s.K)
		if s.Gap {
			gaps++
		} else if s.Verdict == steps.Fail {
			failed++
		}
	}
	lines := []string{
		fmt.Sprintf("slot %d of %d, every %s  %d failed, limit %d  %d missed", newest, v.Slots(), v.Every, failed, v.Failures, gaps),
		sparkline(st, v.Slots(), max(8, w-2)),
	}
	if st.State == runbook.Running {
		lines = append(lines, nextSlot(st, v, today))
	}
	if n := len(st.Slots); n > 0 && st.Slots[n-1].Reason != "" {
		lines = append(lines, "last slot: "+plain.Saw(runbook.StepState{State: runbook.Failed, Reason: st.Slots[n-1].Reason}))
	}
	return lines
}
