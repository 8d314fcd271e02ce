package book

import (
	"fmt"
	"maps"
	"slices"

	"runbook/steps/ask"
)

// On is the book as it is run on a target. What the target demands of a run is
// among its vars. Where the target is guarded, an approval stands before the
// first run with an effect: the book's own, or one that is put there. Such a
// step can't be set aside (Guards). The ways back need none.
func (b *Book) On(t *Target) *Book {
	on := *b
	on.Vars = maps.Clone(b.Vars)
	on.demanded(t)
	if !t.Guard {
		return &on
	}
	on.Phases = make([]*Phase, len(b.Phases))
	for i, p := range b.Phases {
		phase := *p
		phase.Steps = slices.Clone(p.Steps)
		on.Phases[i] = &phase
	}
	on.guard(t)
	on.steps = map[string]*Step{}
	for _, s := range on.All() {
		on.steps[s.ID] = s
	}
	return &on
}

// guard marks the approvals before the first command with an effect. One with a
// `when` is none that can be relied on. A probe wants one as well: what is
// approved for it does not stand for the approvals between it and the command.
func (b *Book) guard(t *Target) {
	var rests []string // what may not be wrong, and what may
	guarded := false
	for _, p := range b.Phases {
		for i := 0; i < len(p.Steps); i++ {
			s := p.Steps[i]
			v, isAsk := s.Verb.(Ask)
			run, isRun := s.Verb.(Run)
			switch {
			case isAsk && v.Approve != nil && len(s.When) == 0:
				marked := *s
				marked.Guards = true
				p.Steps[i], guarded = &marked, true
			case isRun && s.Effect != "none":
				if !guarded {
					p.Steps = slices.Insert(p.Steps, i, b.approval(t, p, rests))
					guarded, i = true, i+1
				}
				if run.Probe == nil {
					return
				}
			case isCheck(s) && (s.Critical || t.Waiver(s.ID) != nil):
				rests = append(rests, s.ID)
			}
		}
	}
}

// approval is the step that a guarded target puts before the first run with an
// effect of a book that has none of its own there.
func (b *Book) approval(t *Target, p *Phase, evidence []string) *Step {
	id, role := "guard", "approver"
	for b.Step(id) != nil {
		id += "-guard"
	}
	for b.Signed(role, phaseScope+p.ID) != nil { // a signature settles one step
		role = "guard-" + role
	}
	return &Step{
		ID: id, Title: "Approval: " + t.Name + " is guarded", Phase: p.ID, Critical: true, Guards: true,
		Note: "The target demands it, not the book. What was accepted before stands in the list of steps, each with its reason.",
		Verb: Ask{Kind: "approve", Approve: &ask.Approve{Role: role, Question: fmt.Sprintf("May this run change %s?", t.Name), Evidence: evidence}},
	}
}
