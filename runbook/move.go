package runbook

import (
	"context"

	"runbook/runbook/book"
)

// open marks the beginning of a phase, once.
func (s *Session) open(ctx context.Context, p *book.Phase) error {
	if p == nil || !s.State().Phases[p.ID].Opened.IsZero() {
		return nil
	}
	return s.record(ctx, kindPhaseOpen, &phaseBody{Phase: p.ID})
}

// move carries out what concerns the run as a whole.
func (s *Session) move(ctx context.Context, i Intent) error {
	r := s.State()
	switch i.Kind {
	case Rollback:
		if err := s.record(ctx, kindRollbackStart, &rollbackBody{Plan: i.Step}); err != nil {
			return err
		}
		return s.choose(ctx)
	case Close:
		counts := map[string]int{}
		for state, n := range r.Counts(r.Phase(s.book)) {
			counts[state.String()] = n
		}
		return s.record(ctx, kindPhaseClose, &phaseBody{Phase: i.Step, Counts: counts})
	}
	end := &runEndBody{Outcome: r.outcome(s.book), Reason: i.Text}
	if end.Outcome == Finished { // a run that was stopped has no result to sign
		for _, want := range r.Missing(s.book) {
			end.Missing = append(end.Missing, want.Role+" "+want.Scope)
		}
		end.ByRehearsal = rehearsed(r.Signoffs(s.book))
	}
	return s.record(ctx, kindRunEnd, end)
}

// outcome is what ending the run now makes of it.
func (r *Run) outcome(b *book.Book) string {
	switch {
	case r.Phase(b) != nil || len(r.Sequence(b)) == 0:
		return Stopped
	case r.Plan == "":
		return Finished
	}
	for _, s := range r.Sequence(b)[0].Steps {
		if st := r.Step(s).State; isRun(s) && (st == Passed || st == ByHand) {
			return RolledBack
		}
	}
	return Stopped // the plan was walked, and nothing of it was done
}
