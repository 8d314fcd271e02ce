package doctor

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"runbook/runbook/book"
	"runbook/steps"
	"runbook/steps/check"
)

// need is how surely a run comes to a step.
type need uint8

const (
	never   need = iota // its `when` is decided otherwise
	perhaps             // its `when` is not decided yet, or it is of a plan that nothing in the book leads to
	surely
)

// needs tells how surely a run, or its way back, comes to a step.
func (s *Site) needs(step *book.Step) need {
	n := surely
	if step.Plan != "" {
		n = s.planNeeds(step.Plan)
	}
	for name, want := range step.When {
		switch have, known := s.vars[name]; {
		case !known:
			n = min(n, perhaps)
		case have != want:
			return never
		}
	}
	return n
}

// planNeeds tells it of a plan: by the steps that its steps undo.
func (s *Site) planNeeds(id string) need {
	n := perhaps
	for _, phase := range s.Book.Phases {
		for _, step := range phase.Steps {
			if undo := s.Book.Step(step.Undo); undo != nil && undo.Plan == id {
				n = max(n, s.needs(step))
			}
		}
	}
	return n
}

// weigh is how bad a verdict is of what a run may never come to.
func (n need) weigh(v steps.Verdict) steps.Verdict {
	if n == surely || v == steps.Pass {
		return v
	}
	return steps.Warn
}

// only says when a step is come to, for one that may not be.
func (s *Site) only(step *book.Step) string {
	var open []string
	for name, want := range step.When {
		if _, known := s.vars[name]; !known {
			open = append(open, name+" is "+want)
		}
	}
	slices.Sort(open)
	switch {
	case len(open) > 0:
		return " (only if " + strings.Join(open, " and ") + ")"
	case step.Plan != "":
		return fmt.Sprintf(" (only in plan %s)", step.Plan)
	}
	return ""
}

// secretNeeds tells how surely a run comes to a step that names the secret.
func (s *Site) secretNeeds(name string) need {
	n := perhaps
	for _, step := range s.Book.All() {
		if slices.Contains(secretsOf(step.Verb), name) {
			n = max(n, s.needs(step))
		}
	}
	return n
}

// secretsOf names the secrets of a step.
func secretsOf(verb book.Verb) []string {
	var look check.Check
	switch v := verb.(type) {
	case book.Run:
		if v.Command != nil {
			return v.Command.Secrets
		}
		look = v.Probe.Check
	case book.Check:
		look = v.Check
	case book.Watch:
		look = v.Check
	case book.Tell:
		return slices.Collect(maps.Values(book.SecretsOfTell(v)))
	}
	var names []string
	for _, v := range check.SecretVars(look) {
		names = append(names, v.Name)
	}
	return names
}
