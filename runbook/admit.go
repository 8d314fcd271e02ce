package runbook

import (
	"fmt"
	"slices"

	"runbook/runbook/book"
)

// slotsClaim stands for the slots of all watches: they are measured together.
const slotsClaim = "\x00slots"

// admit holds an intent against the state and, in the same breath, claims the
// steps it works on: of two intents on one step the second is stale.
func (s *Session) admit(i Intent) (release func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.snapshot()
	if !r.Ended.IsZero() {
		return nil, ErrEnded
	}
	if st := r.Steps[i.Step]; st != nil && namesStep(i.Kind) && st.Seen != i.Seen {
		return nil, ErrStale
	}
	if !s.legal(r, i) {
		return nil, fmt.Errorf("%s %s: %w", i.Kind, i.Step, ErrNotNow)
	}
	claims := s.claims(r, i)
	for _, id := range claims {
		if s.claimed[id] {
			return nil, ErrStale
		}
	}
	for _, id := range claims {
		s.claimed[id] = true
	}
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, id := range claims {
			delete(s.claimed, id)
		}
	}, nil
}

// namesStep reports whether an intent is about what the person saw of a step.
// A Cancel is about whatever runs.
func namesStep(kind string) bool {
	return !slices.Contains([]string{Cancel, CancelBackend, Close, Rollback, End, Memo}, kind)
}

func (s *Session) legal(r *Run, i Intent) bool {
	if i.Kind == Recheck && s.isAside(r, i.Step) {
		return true
	}
	return slices.ContainsFunc(Next(s.book, r, s.world.Clock.Now()), func(legal Intent) bool {
		return legal.Kind == i.Kind && legal.Step == i.Step && (i.Kind != CancelBackend || legal.Text == i.Text)
	})
}

func (s *Session) claims(r *Run, i Intent) []string {
	switch i.Kind {
	case Cancel, Memo:
		return nil
	case CancelBackend: // the step itself belongs to its command while that runs
		return []string{"\x00backend " + i.Text}
	case Slots, Jump, WatchIt:
		return []string{slotsClaim}
	case Check:
		if i.Step == "" {
			var ids []string
			for _, step := range r.Turn(r.Phase(s.book), isCheck) {
				ids = append(ids, step.ID)
			}
			return ids
		}
	}
	return []string{i.Step}
}

// isAside reports whether a look at a check would be out of turn: looking is
// always allowed, but what is seen then settles nothing.
func (s *Session) isAside(r *Run, id string) bool {
	step, p := s.book.Step(id), r.Phase(s.book)
	if step == nil || !isCheck(step) {
		return false
	}
	return p == nil || !slices.ContainsFunc(p.Steps, func(one *book.Step) bool { return one.ID == id }) ||
		!slices.Contains(legalKinds(r, p, step, r.Step(step)), Recheck)
}
