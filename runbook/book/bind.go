package book

import (
	"errors"
	"fmt"
	"strings"
)

// ErrUnsetVar says that a step names a var that has no value (yet).
var ErrUnsetVar = errors.New("var has no value")

// Bind returns the verb of a step with the values of vars in place of each
// ${name}. A value stays inside the element it stands in, and the script of a
// command is left as it is: its shell gets vars from the environment. The
// error wraps ErrUnsetVar if a value is missing.
func (b *Book) Bind(s *Step, vars map[string]string) (Verb, error) {
	if s.raw == nil {
		return s.Verb, nil
	}
	filled, err := expandAll(s.raw, "", func(text string) (string, error) {
		return expand(text, func(name string) (string, error) {
			if value, ok := vars[name]; ok && !b.Vars[name].Secret {
				return value, nil
			}
			return "", fmt.Errorf("%w: %s (give --var %s=…, or set it in the target's [vars])", ErrUnsetVar, name, name)
		})
	})
	if err != nil {
		return nil, fmt.Errorf("step %s: %w", s.ID, err)
	}
	table, _ := filled.(map[string]any)
	r := &reader{}
	verb := r.verb(s.verb, s.verb, table)
	if len(r.problems) > 0 {
		texts := make([]string, len(r.problems))
		for i, p := range r.problems {
			texts[i] = p.Text
		}
		return nil, fmt.Errorf("step %s: %s", s.ID, strings.Join(texts, "; "))
	}
	return verb, nil
}

// Step returns the step of that id, of a phase or a plan, or nil.
func (b *Book) Step(id string) *Step {
	if b.steps != nil {
		return b.steps[id]
	}
	for _, s := range b.All() {
		if s.ID == id {
			return s
		}
	}
	return nil
}

// All returns every step in the order of the book: phases, then plans.
func (b *Book) All() []*Step {
	var all []*Step
	for _, p := range b.Phases {
		all = append(all, p.Steps...)
	}
	for _, p := range b.Plans {
		all = append(all, p.Steps...)
	}
	return all
}
