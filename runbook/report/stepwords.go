package report

import (
	"fmt"
	"slices"

	"runbook/steps"
)

// word is the state of a step, with what must be seen of it.
func (s Step) word() string {
	words := s.State
	switch {
	case s.State == "passed" && s.Verdict == "warn":
		words = "passed with a warning"
	case s.State == "accepted" && len(s.Acts) > 0 && s.Acts[len(s.Acts)-1].Waiver != nil:
		words = "accepted, " + waived
	}
	if s.Verified {
		words += ", by its verify"
	}
	if s.Reported {
		words += ", REPORTED"
	}
	if s.Rehearsed {
		words += ", REHEARSED"
	}
	return words
}

// times is when a step was done, how long that took, and how long it usually takes.
func (s Step) times() string {
	if s.Ended == nil && s.Began == nil {
		return ""
	}
	words := ""
	if s.Ended != nil {
		words = s.Ended.UTC().Format("15:04:05Z")
	} else {
		words = "since " + s.Began.UTC().Format("15:04:05Z")
	}
	if s.TookUS > 0 {
		words += ", " + took(micros(s.TookUS))
	}
	if s.UsualOf > 0 {
		words += fmt.Sprintf(", usual %s (of %d)", took(micros(s.UsualUS)), s.UsualOf)
	}
	return words
}

// shown is the evidence of a step, but for the exit code: its command's end has
// that.
func (s Step) shown() []steps.Evidence {
	return slices.DeleteFunc(slices.Clone(s.Evidence), func(e steps.Evidence) bool {
		return e.Label == "exit code" && s.tells()
	})
}

// tells reports whether the acts of a step say more than its last line does.
func (s Step) tells() bool {
	return len(s.Acts) > 1 || len(s.Acts) == 1 && (s.Acts[0].Command != nil || s.Watch != nil)
}

// by is who answered, of a step with one act.
func (s Step) by() string {
	if s.tells() || len(s.Acts) == 0 {
		return ""
	}
	return s.Acts[0].By
}

func (n *Slots) line() string {
	words := fmt.Sprintf("every %s for %s: %d of %d slots measured, %d failed (%d allowed), %d unknown, %d missed",
		n.Every, n.For, n.Measured, n.Planned, n.Failed, n.Allowed, n.Unknown, n.Missed)
	if n.Loose > 0 {
		words += fmt.Sprintf(", %d of these NOT YET COMMITTED TO THE LOG", n.Loose)
	}
	for i, gap := range n.Gaps {
		switch {
		case i == 20:
			return words + fmt.Sprintf(", and %d more gaps", len(n.Gaps)-i)
		case gap.First == gap.Last:
			words += fmt.Sprintf(", gap %d", gap.First)
		default:
			words += fmt.Sprintf(", gap %d-%d", gap.First, gap.Last)
		}
	}
	return words
}

// line is a slot that did not pass.
func (s Slot) line() string {
	words := fmt.Sprintf("slot %d, due %s: %s", s.Slot, stamp(s.Due), s.Verdict)
	if s.Reason != "" {
		words += ": " + s.Reason
	}
	return words
}

// line is an act behind its number and time.
func (a Act) line() string {
	words := a.What
	if a.Verdict != "" {
		words += ": " + a.Verdict
	}
	if a.By != "" {
		words += ", by " + a.By
	}
	if a.Text != "" {
		words += ": " + a.Text
	}
	if a.Waiver != nil {
		words += "; waived by " + a.Waiver.By + ", " + a.Waiver.Ticket + ", until " + a.Waiver.Until
	}
	if a.End != nil {
		words += "; " + a.End.line()
	}
	if a.TookUS > 0 {
		words += ", took " + took(micros(a.TookUS))
	}
	return words
}

func (e *End) line() string {
	words := e.Outcome
	if e.Host != "" {
		words = "on " + e.Host + " " + words
	}
	if e.Exit != nil {
		words += fmt.Sprintf(", exit %d", *e.Exit)
	}
	if e.Signal != "" {
		words += ", signal " + e.Signal
	}
	if e.SHA256 != "" {
		words += fmt.Sprintf(", output %d bytes, sha256 %s", e.Bytes, e.SHA256)
	}
	if e.Source != "" {
		words += ", says " + e.Source
	}
	return words
}
