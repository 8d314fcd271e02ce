package doctor

import (
	"context"
	"slices"
	"strings"
	"time"

	"runbook/runbook"
	"runbook/runbook/book"
	"runbook/steps"
)

// lookLimit is how long the checks that are looked at together may take.
const lookLimit = 45 * time.Second

// settles carries out the checks that a run rests on once something acts: what
// settles an unknown end (verify) and what is looked at meanwhile (during).
// Before the run they may well fail; what counts is that they can look.
func (s *Site) settles(ctx context.Context) []Finding {
	const what = "verify and during"
	var wanted []*book.Step
	user := map[*book.Step]*book.Step{} // of each check a step that names it
	for _, step := range s.Book.All() {
		if s.needs(step) == never {
			continue
		}
		for _, id := range append(slices.Clone(step.During), step.Verify) {
			look := s.Book.Step(id)
			if look == nil {
				continue
			}
			first := user[look]
			if first == nil {
				wanted = append(wanted, look)
			}
			if first == nil || s.needs(first) < s.needs(step) {
				user[look] = step
			}
		}
	}
	wrong, well := groups{}, 0
	for _, seen := range runbook.Survey(ctx, s.Book, s.vars, s.World, wanted) {
		v := blind(seen.Result)
		if v == steps.Pass {
			well++
			continue
		}
		step := user[seen.Step]
		reason := strings.TrimPrefix(seen.Result.Reason, "step "+seen.Step.ID+": ")
		wrong.add(reason, s.needs(step).weigh(v), seen.Step.ID+" (for "+step.ID+")", s.only(step))
	}
	found := wrong.findings(func(reason string, of *group) Finding {
		return Finding{Verdict: of.verdict, What: what, Saw: "can't look: " + of.String() + ": " + reason}
	})
	if well > 0 {
		found = append(found, pass(what, count(well, "check")+" can look")...)
	}
	return found
}

// blind tells whether a check could look at all. One that found nobody to ask
// fails, and has held nothing against a limit.
func blind(r steps.Result) steps.Verdict {
	switch {
	case r.Verdict == steps.Unknown || r.Verdict == steps.Blocked:
		return steps.Unknown
	case r.Verdict == steps.Fail && !slices.ContainsFunc(r.Evidence, func(e steps.Evidence) bool { return e.Limit != "" }):
		return steps.Warn
	}
	return steps.Pass
}
