package book

import (
	"cmp"
	"strings"
)

type phaseTable struct {
	ID    string           `mapstructure:"id"`
	Title string           `mapstructure:"title"`
	Style string           `mapstructure:"style"`
	Steps []map[string]any `mapstructure:"step"`
}

type planTable struct {
	ID        string           `mapstructure:"id"`
	Title     string           `mapstructure:"title"`
	Situation string           `mapstructure:"situation"`
	Loses     string           `mapstructure:"loses"`
	Takes     string           `mapstructure:"takes"`
	Steps     []map[string]any `mapstructure:"step"`
}

type stepTable struct {
	ID       string            `mapstructure:"id"`
	Title    string            `mapstructure:"title"`
	Note     string            `mapstructure:"note"`
	Covers   []string          `mapstructure:"covers"`
	Critical bool              `mapstructure:"critical"`
	When     map[string]string `mapstructure:"when"`
	Undo     string            `mapstructure:"undo"`
	Verify   string            `mapstructure:"verify"`
	During   []string          `mapstructure:"during"`
	Effect   string            `mapstructure:"effect"`
	Chain    string            `mapstructure:"chain"`
	On       any               `mapstructure:"on"`
	Parallel bool              `mapstructure:"parallel"`
	Check    map[string]any    `mapstructure:"check"`
	Run      map[string]any    `mapstructure:"run"`
	Ask      map[string]any    `mapstructure:"ask"`
	Tell     map[string]any    `mapstructure:"tell"`
	Watch    map[string]any    `mapstructure:"watch"`
}

func (r *reader) phase(path string, table map[string]any) *Phase {
	var t phaseTable
	r.decode(path, table, &t)
	r.id(join(path, "id"), t.ID)
	if t.Style != "" && t.Style != "do-confirm" && t.Style != "read-do" {
		r.at(join(path, "style"), "style is do-confirm or read-do, not %q", t.Style)
	}
	p := &Phase{ID: t.ID, Title: cmp.Or(t.Title, t.ID), Style: cmp.Or(t.Style, "do-confirm")}
	for i, step := range t.Steps {
		s := r.step(element(join(path, "step"), i), step)
		s.Phase = p.ID
		p.Steps = append(p.Steps, s)
	}
	return p
}

func (r *reader) plan(path string, table map[string]any) *Plan {
	var t planTable
	r.decode(path, table, &t)
	r.id(join(path, "id"), t.ID)
	p := &Plan{ID: t.ID, Title: cmp.Or(t.Title, t.ID), When: t.Situation, Loses: t.Loses, Takes: t.Takes}
	for i, step := range t.Steps {
		s := r.step(element(join(path, "step"), i), step)
		s.Plan = p.ID
		p.Steps = append(p.Steps, s)
	}
	return p
}

func (r *reader) step(path string, table map[string]any) *Step {
	var t stepTable
	r.decode(path, table, &t)
	r.id(join(path, "id"), t.ID)
	if t.Effect != "" && t.Effect != "none" {
		r.at(join(path, "effect"), `effect is "none" or left out, not %q`, t.Effect)
	}
	s := &Step{
		ID: t.ID, Title: cmp.Or(t.Title, t.ID), Note: t.Note, Covers: t.Covers, Critical: t.Critical, When: t.When,
		Undo: t.Undo, Verify: t.Verify, During: t.During, Effect: t.Effect, Chain: t.Chain,
		On: r.on(path, t.On), Parallel: t.Parallel, path: path,
	}
	s.Line, _ = r.index.at(path)
	r.onlyVerb(s, table, map[string]map[string]any{
		"check": t.Check, "run": t.Run, "ask": t.Ask, "tell": t.Tell, "watch": t.Watch,
	})
	r.places(s)
	return s
}

// onlyVerb reads the one verb a step must have.
func (r *reader) onlyVerb(s *Step, table map[string]any, fields map[string]map[string]any) {
	var given []string
	for _, verb := range []string{"check", "run", "ask", "tell", "watch"} {
		if _, ok := table[verb]; ok {
			given = append(given, verb)
		}
	}
	if len(given) != 1 {
		found := "none is given"
		if len(given) > 1 {
			found = "given are " + strings.Join(given, " and ")
		}
		r.at(s.path, "a step has exactly one of check, run, ask, tell, watch; %s", found)
		return
	}
	if fields[given[0]] == nil {
		return // not a table: already noted
	}
	s.verb, s.raw = given[0], fields[given[0]]
	s.Verb = r.verb(join(s.path, s.verb), s.verb, s.raw)
}
