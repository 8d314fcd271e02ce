package doctor

import (
	"context"
	"fmt"
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
	verdict := steps.Pass
	var reasons []string
	add := func(v steps.Verdict, reason string) {
		verdict = verdict.Worse(v)
		if v != steps.Pass && !slices.Contains(reasons, reason) {
			reasons = append(reasons, reason)
		}
	}
	first, before := s.begins(plan)
	for _, seen := range runbook.Survey(ctx, s.Book, s.vars, s.World, before) {
		r := seen.Result
		add(r.Verdict, fmt.Sprintf("%s %s: %s", seen.Step.ID, r.Verdict, r.Reason))
	}
	for _, step := range plan.Steps {
		if s.needs(step) == never {
			continue
		}
		_, missing := s.tools(step)
		for _, err := range missing {
			add(steps.Fail, err.Error())
		}
	}
	verdict = s.planNeeds(plan.ID).weigh(verdict)
	switch {
	case verdict == steps.Pass && len(before) == 0:
		return one(steps.Warn, what, "has its programs, and no check before "+first+": whether what it goes back to is there nobody sees", "", "look by hand now, or begin the plan with a check")
	case verdict == steps.Pass:
		return pass(what, "ready: "+count(len(before), "check")+" passed, its programs are there")
	case verdict == steps.Warn && s.planNeeds(plan.ID) == surely:
		return one(verdict, what, "ready, with a warning: "+strings.Join(reasons, "; "), "", "")
	}
	return one(verdict, what, "not ready: "+strings.Join(reasons, "; "), "", "")
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
			if s.applies(step) && !slices.ContainsFunc(plan.Steps, verifies) {
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
