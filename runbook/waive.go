package runbook

import (
	"runbook/runbook/book"
	"runbook/steps"
)

// waive holds what a check saw against the target's waiver of its step. A
// failure that is waived passes as accepted; a waiver that does not count says
// so in the reason. It is read at this look: one that has ended since lets
// nothing pass that is looked at again.
func (s *Session) waive(step *book.Step, body *checkBody) *checkBody {
	w := s.target.Waiver(step.ID)
	if w == nil || body.Verdict == steps.Pass || body.Verdict == steps.Warn {
		return body
	}
	why, stands := w.Waives(s.world.Clock.Now())
	switch {
	case !stands:
		body.Reason += "; its waiver " + why
	case body.Verdict != steps.Fail:
		body.Reason += "; its waiver is for a failure, and this was not measured"
	case step.Critical:
		body.Reason += "; no waiver lets a critical step pass"
	default:
		body.Waived = &waived{By: w.By, Ticket: w.Ticket, Until: string(w.Until)}
	}
	return body
}

// state is what a look makes of its step, and why if it does not say so itself.
func (b *checkBody) state() (State, string) {
	w, state := b.Waived, StateOf(b.Verdict)
	if w == nil || state != Failed {
		return state, ""
	}
	return Accepted, "waived by " + w.By + ", " + w.Ticket + ", until " + w.Until + ": " + b.Reason
}
