package runbook

import (
	"errors"
	"slices"

	"runbook/runbook/book"
)

// ErrRehearsal says that a rehearsal came to what it may not answer: it
// accepts no failure.
var ErrRehearsal = errors.New("the rehearsal stops: something failed, and a rehearsal accepts no failure")

// Rehearse is the answer that a rehearsal gives next: the book's own good
// answer to everything that was not yet done. What failed it never answers.
func (s *Session) Rehearse() (Intent, error) {
	r := s.State()
	next := Next(s.book, r, s.world.Clock.Now())
	p := r.Phase(s.book)
	if p != nil && r.FirstOpen(p) != nil {
		return Intent{}, ErrRehearsal
	}
	if len(next) > 0 && next[0].Kind != Memo && next[0].Kind != End || p == nil && len(next) > 0 {
		i := next[0]
		i.Text = s.goodAnswer(s.book.Step(i.Step), i.Kind)
		if i.Kind != Jump || r.Practice {
			return i, nil
		}
	}
	if k := slices.IndexFunc(next, func(i Intent) bool { return i.Kind == Jump }); k >= 0 {
		return next[k], nil
	}
	return Intent{}, ErrRehearsal
}

func (s *Session) goodAnswer(step *book.Step, kind string) string {
	if step == nil {
		return ""
	}
	v, _ := step.Verb.(book.Ask)
	switch {
	case kind == Confirm && v.Confirm.Value != "":
		return v.Confirm.Value
	case kind == Decide:
		return v.Decide.Choices[0]
	case kind == Confirm || kind == Approve:
		return "rehearsed"
	}
	return ""
}
