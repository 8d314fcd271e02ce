package doctor

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"runbook/steps"
)

// group gathers the steps that one and the same thing is wrong for, so that it
// is said once.
type group struct {
	verdict steps.Verdict // the worst
	ids     []string
	when    []string // when each is come to, as only says it
}

func (g *group) add(v steps.Verdict, id, when string) {
	g.verdict = g.verdict.Worse(v)
	g.ids = append(g.ids, id)
	if !slices.Contains(g.when, when) {
		g.when = append(g.when, when)
	}
}

// String is "a, b and 5 more (only if platform is docker)".
func (g *group) String() string {
	const named = 3
	text := strings.Join(g.ids[:min(named, len(g.ids))], ", ")
	if more := len(g.ids) - named; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	if len(g.when) == 1 {
		text += g.when[0]
	}
	return text
}

// groups are such groups by what is wrong.
type groups map[string]*group

func (g groups) add(wrong string, v steps.Verdict, id, when string) {
	if g[wrong] == nil {
		g[wrong] = &group{verdict: steps.Pass}
	}
	g[wrong].add(v, id, when)
}

// findings says each once, in the order of the texts.
func (g groups) findings(say func(wrong string, of *group) Finding) []Finding {
	var found []Finding
	for _, wrong := range slices.Sorted(maps.Keys(g)) {
		found = append(found, say(wrong, g[wrong]))
	}
	return found
}
