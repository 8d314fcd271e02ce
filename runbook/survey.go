package runbook

import (
	"context"

	"golang.org/x/sync/errgroup"

	"runbook/runbook/book"
	"runbook/steps"
)

// Surveyed is one check outside of a run.
type Surveyed struct {
	Step   *book.Step
	Result steps.Result
}

// Survey executes checks side by side and starts no run. It changes nothing:
// what touches is not among steps. Results come in the order of the steps.
func Survey(ctx context.Context, b *book.Book, vars map[string]string, w *steps.World, wanted []*book.Step) []Surveyed {
	all := make([]Surveyed, len(wanted))
	var group errgroup.Group
	group.SetLimit(parallel)
	for i, s := range wanted {
		group.Go(func() error {
			all[i] = Surveyed{Step: s, Result: Look(ctx, b, s, vars, w)}
			return nil
		})
	}
	_ = group.Wait() // no look answers an error
	return all
}

// Behind is the step of a check's phase that it stands behind, the last that
// changes the target: the check is about what that leaves, so before, it need not
// hold. Nil if there is none.
func Behind(b *book.Book, check *book.Step, vars map[string]string) (change *book.Step) {
	for _, s := range b.All() {
		switch {
		case s.ID == check.ID:
			return change
		case s.Phase == check.Phase && s.Plan == check.Plan && touched(s) && Applies(s, vars):
			change = s
		}
	}
	return nil
}

// Verdict is the worst of what was seen; of nothing it is unknown.
func Verdict(all []Surveyed) steps.Verdict {
	if len(all) == 0 {
		return steps.Unknown
	}
	worst := steps.Pass
	for _, s := range all {
		worst = worst.Worse(s.Result.Verdict)
	}
	return worst
}

// Applies reports whether the `when` of a step holds for these vars. A choice
// not made yet holds for nothing.
func Applies(s *book.Step, vars map[string]string) bool {
	for name, want := range s.When {
		if vars[name] != want {
			return false
		}
	}
	return true
}
