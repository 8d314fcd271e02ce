package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"runbook/runbook"
	"runbook/runbook/book"
	"runbook/steps/safetext"
)

// dryRun prints the plan in order and runs its checks. Nothing else is run,
// and no run begins.
func dryRun(ctx context.Context, w io.Writer, p *place) error {
	for _, phase := range p.book.Phases {
		if _, err := fmt.Fprintf(w, "\n== %s ==\n", safetext.Line(phase.Title)); err != nil {
			return err
		}
		var checks []*book.Step
		for _, s := range phase.Steps {
			if _, ok := s.Verb.(book.Check); ok && runbook.Applies(s, p.vars) {
				checks = append(checks, s)
			}
		}
		seen := map[string]runbook.Surveyed{}
		for _, one := range runbook.Survey(ctx, p.book, p.vars, p.world, checks) {
			seen[one.Step.ID] = one
		}
		for _, s := range phase.Steps {
			line := ""
			if one, ok := seen[s.ID]; ok {
				line = surveyLine(one)
			} else {
				verb, _ := book.VerbOf(s)
				line = fmt.Sprintf("· %-14s %-28s %s", verb, s.ID, safetext.Line(s.Title)+notRun(s, p.vars))
			}
			if _, err := fmt.Fprintln(w, line); err != nil {
				return err
			}
		}
	}
	_, err := fmt.Fprintln(w, "\ndry run: only checks were run; no run was begun")
	return err
}

func notRun(s *book.Step, vars map[string]string) string {
	v, ok := s.Verb.(book.Run)
	switch {
	case !runbook.Applies(s, vars):
		return "  (only when " + whenOf(s) + ")"
	case ok && v.Probe != nil:
		return "  (not run: it touches the target)"
	case ok:
		return "  (not run)"
	}
	return ""
}

func whenOf(s *book.Step) string {
	var all []string
	for name, want := range s.When {
		all = append(all, name+" is "+want)
	}
	slices.Sort(all)
	return safetext.Line(strings.Join(all, " and "))
}
