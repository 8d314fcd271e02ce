package runbook

import (
	"cmp"
	"errors"
	"slices"

	"runbook/runbook/book"
	"runbook/runbook/journal"
)

// ErrRehearsal says that a rehearsal came to what it may not answer: it
// accepts no failure.
var ErrRehearsal = errors.New("the rehearsal stops: something failed, and a rehearsal accepts no failure")

// Rehearse is the answer that a rehearsal gives next: the book's own good
// answer to everything that was not yet done. What failed it never answers.
func (s *Session) Rehearse() (Intent, error) {
	r := s.State()
	now := s.world.Clock.Now()
	if p := r.Phase(s.book); p != nil && r.FirstOpen(p) != nil {
		return Intent{}, ErrRehearsal
	}
	if i, ok := Suggest(s.book, r, now); ok {
		if signs, err := s.rehearsedSign(i); signs.Kind != "" || err != nil {
			return signs, err
		}
		i.Text = goodAnswer(s.book.Step(i.Step), i.Kind, r.Vars)
		return i, nil
	}
	jump := Intent{Kind: Jump}
	if slices.Contains(Next(s.book, r, now), jump) {
		return jump, nil
	}
	return Intent{}, ErrRehearsal
}

// rehearsedSign is the signature that a rehearsal gives where an approval is
// asked for and the world has a key for its role; else the zero intent.
func (s *Session) rehearsedSign(i Intent) (Intent, error) {
	if i.Kind != Approve || s.keys.Role == nil || s.keys.Report == nil {
		return Intent{}, nil
	}
	step := s.book.Step(i.Step)
	if _, _, signs := step.Signs(); !signs {
		return Intent{}, nil
	}
	statement, err := s.Statement(s.driving, step, journal.DecisionApprove, rehearsedNote)
	i.Kind, i.Text = Sign, statement.Text()
	return i, err
}

// goodAnswer is what a rehearsal says to a step. What the run was given for a
// choice is chosen, right or wrong: the first of the list is only a way to go on.
func goodAnswer(step *book.Step, kind string, vars map[string]string) string {
	if step == nil {
		return ""
	}
	v, _ := step.Verb.(book.Ask)
	switch {
	case kind == Confirm && v.Form != nil:
		return v.Form.Rehearsed()
	case kind == Confirm && v.Confirm.Value != "":
		return v.Confirm.Value
	case kind == Decide:
		return cmp.Or(vars[v.Decide.Var], v.Decide.Choices[0])
	case kind == Confirm || kind == Approve:
		return "rehearsed"
	}
	return ""
}
