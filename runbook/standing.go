package runbook

import (
	"errors"
	"strings"

	"runbook/runbook/book"
)

// ErrPerson says that a person is needed: something is to be answered, or a
// command runs or its end is unknown.
var ErrPerson = errors.New("a person is needed")

// Standing is how a run stands when its session is left: nil when it finished,
// an *UnsignedError when a role has yet to sign it, a *NotFinishedError when it ended otherwise, a *WaitError when only time is
// missing, else ErrPerson.
func Standing(b *book.Book, r *Run) error {
	if !r.Ended.IsZero() {
		if r.Outcome == Finished {
			return unsigned(b, r)
		}
		return &NotFinishedError{Outcome: r.Outcome}
	}
	if len(r.cancels(b)) > 0 {
		return ErrPerson
	}
	p := r.Phase(b)
	due := r.NextSlot(b)
	if p == nil || due.IsZero() || r.FirstOpen(p) != nil {
		return ErrPerson
	}
	for _, s := range p.Steps {
		if r.Step(s).State == Pending && !isWatch(s) && r.ready(p, s) {
			return ErrPerson
		}
	}
	return &WaitError{Until: due}
}

// NotFinishedError says that a run ended, and not as the book wanted.
type NotFinishedError struct{ Outcome string }

func (e *NotFinishedError) Error() string { return "the run ended: " + e.Outcome }

func unsigned(b *book.Book, r *Run) error {
	e := &UnsignedError{}
	for _, s := range r.Signoffs(b) {
		if s.Missing() {
			e.Missing = append(e.Missing, s.Name())
		}
	}
	if len(e.Missing) == 0 {
		return nil
	}
	return e
}

// UnsignedError says that a run has finished, and that not every role that has
// to sign it has: a person is needed.
type UnsignedError struct{ Missing []string }

func (e *UnsignedError) Error() string {
	return "the run has finished, and is not signed by " + strings.Join(e.Missing, ", ")
}

// Unwrap is ErrPerson.
func (e *UnsignedError) Unwrap() error { return ErrPerson }
