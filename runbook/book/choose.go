package book

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Chosen is what the target chooses at a step that asks for it, empty if it
// does not.
func (t *Target) Chosen(s *Step) string {
	if v, ok := s.Verb.(Ask); ok && v.Decide != nil {
		return t.Choose[v.Decide.Var]
	}
	return ""
}

// chosen is what is wrong with the choices of a target, for this book. It may
// choose for others too.
func (b *Book) chosen(t *Target) []Problem {
	var wrong []Problem
	var decided []string
	for _, s := range b.All() {
		v, ok := s.Verb.(Ask)
		if !ok || v.Decide == nil {
			continue
		}
		decided = append(decided, v.Decide.Var)
		choice := t.Chosen(s)
		if choice == "" || slices.Contains(v.Decide.Choices, choice) {
			continue
		}
		line, col := b.index.at(s.path)
		wrong = append(wrong, Problem{Line: line, Col: col, Text: fmt.Sprintf("target %s chooses %s = %q, and %s is a choice among %s%s",
			t.Name, v.Decide.Var, choice, s.ID, strings.Join(v.Decide.Choices, ", "), nearest(choice, v.Decide.Choices))})
	}
	for _, name := range slices.Sorted(maps.Keys(t.Choose)) {
		if meant := nearest(name, decided); meant != "" && !slices.Contains(decided, name) {
			wrong = append(wrong, Problem{Text: fmt.Sprintf("target %s chooses %s, which %s does not ask%s", t.Name, name, b.Name, meant)})
		}
	}
	return wrong
}
