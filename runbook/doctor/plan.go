package doctor

import (
	"context"
	"maps"
	"slices"
	"strings"

	"runbook/runbook"
	"runbook/runbook/book"
	"runbook/steps"
)

// plan tells whether a way back could be gone now: the checks that it begins
// with pass, and its programs are there.
func (s *Site) plan(ctx context.Context, plan *book.Plan) []Finding {
	what := "plan " + plan.ID
	wrong, verdict := groups{}, steps.Pass
	first, before := s.begins(plan)
	for _, seen := range runbook.Survey(ctx, s.Book, s.vars, s.World, before) {
		r := seen.Result
		if verdict = verdict.Worse(r.Verdict); r.Verdict != steps.Pass {
			wrong.add(r.Verdict.String()+": "+r.Reason, r.Verdict, seen.Step.ID, "")
		}
	}
	for _, step := range plan.Steps {
		if s.needs(step) == never {
			continue
		}
		_, missing := s.tools(step)
		for _, err := range missing {
			verdict = verdict.Worse(steps.Fail)
			wrong.add(err.Error(), steps.Fail, step.ID, "")
		}
	}
	var reasons []string
	for _, reason := range slices.Sorted(maps.Keys(wrong)) {
		reasons = append(reasons, wrong[reason].String()+": "+reason)
	}
	switch {
	case verdict == steps.Pass && len(before) == 0:
		return one(steps.Warn, what, "has its programs, and no check before "+first+": whether what it goes back to is there nobody sees", "", "look by hand now, or begin the plan with a check")
	case verdict == steps.Pass:
		return pass(what, "ready: "+count(len(before), "check")+" passed, its programs are there")
	case verdict == steps.Warn:
		return one(verdict, what, "ready, with a warning: "+strings.Join(reasons, "; "), "", "")
	}
	return one(s.planNeeds(plan.ID).weigh(verdict), what, "not ready: "+strings.Join(reasons, "; "), "", "")
}

// begins are the checks that a plan starts with, and the first step of it that
// changes something. What verifies a step of the plan comes after it.
func (s *Site) begins(plan *book.Plan) (first string, checks []*book.Step) {
	for _, step := range plan.Steps {
		if s.needs(step) == never {
			continue
		}
		switch step.Verb.(type) {
		case book.Check:
			verifies := func(other *book.Step) bool { return other.Verify == step.ID }
			if runbook.Applies(step, s.vars) && !slices.ContainsFunc(plan.Steps, verifies) {
				checks = append(checks, step)
			}
		case book.Run:
			if step.Effect != "none" {
				return step.ID, checks
			}
		}
	}
	return "its end", checks
}
