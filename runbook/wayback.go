package runbook

import (
	"slices"

	"runbook/runbook/book"
)

// Changed are the steps of the phases that changed the target, or may have, in
// this run or in the one that it takes back: a plan is held against them. One
// of which its verify saw that nothing is done is not among them.
func (r *Run) Changed(b *book.Book) []*book.Step {
	var all []*book.Step
	for _, p := range b.Phases {
		for _, s := range p.Steps {
			if slices.Contains(r.Ran, s.ID) || r.changed(s) {
				all = append(all, s)
			}
		}
	}
	return all
}

func (r *Run) changed(s *book.Step) bool {
	st := r.Step(s)
	ran := isRun(s) && (st.Attempt > 0 || st.Who != "")
	nothing := st.Verified && st.State == Failed && !st.Partly
	return ran && s.Effect != "none" && !isProbe(s) && !nothing
}

// Stays are the steps that ran and that a plan does not undo: it holds no step
// that does, or, once it was begun, that step is not done. named is false if the
// book names no step that ran as undone by the plan: then it does not say.
func (r *Run) Stays(b *book.Book, p *book.Plan) (stays []*book.Step, named bool) {
	for _, s := range r.Changed(b) {
		undo := b.Step(s.Undo)
		if undo == nil || undo.Plan != p.ID {
			stays = append(stays, s)
			continue
		}
		named = true
		if st := r.Step(undo).State; p.ID == r.Plan && st != Passed && st != ByHand {
			stays = append(stays, s)
		}
	}
	return stays, named
}

// PlanWalked is the plan that is walked, or was; nil if none was chosen.
func (r *Run) PlanWalked(b *book.Book) *book.Plan {
	for _, p := range b.Plans {
		if p.ID == r.Plan {
			return p
		}
	}
	return nil
}
