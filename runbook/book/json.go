package book

import (
	"encoding/json"
	"fmt"
)

// entry is what `show --json` gives for a step, and for data beside the steps
// that covers something.
type entry struct {
	ID       string            `json:"id"`
	Title    string            `json:"title"`
	Verb     string            `json:"verb"`
	Kind     string            `json:"kind"`
	Covers   []string          `json:"covers"`
	Phase    string            `json:"phase,omitempty"`
	Plan     string            `json:"plan,omitempty"`
	Critical bool              `json:"critical"`
	When     map[string]string `json:"when,omitempty"`
	Undo     string            `json:"undo,omitempty"`
	Verify   string            `json:"verify,omitempty"`
	During   []string          `json:"during,omitempty"`
	Effect   string            `json:"effect,omitempty"`
	Chain    string            `json:"chain,omitempty"`
	On       []string          `json:"on,omitempty"`
	Parallel bool              `json:"parallel,omitempty"`
	Note     string            `json:"note,omitempty"`
	Diagnose string            `json:"diagnose,omitempty"`
	Fields   any               `json:"fields,omitempty"`
}

// JSON is the whole book as JSON: phases and plans with their steps, all steps
// once more in a flat list, and hints, contacts, objectives, backups and
// sign-offs as entries with the verb "data". A hint with a diagnose has the
// verb and kind of that check.
func (b *Book) JSON() ([]byte, error) {
	type part struct {
		ID        string  `json:"id"`
		Title     string  `json:"title"`
		Style     string  `json:"style,omitempty"`
		Situation string  `json:"situation,omitempty"`
		Loses     string  `json:"loses,omitempty"`
		Takes     string  `json:"takes,omitempty"`
		Steps     []entry `json:"steps"`
	}
	out := struct {
		Schema     int            `json:"schema"`
		Name       string         `json:"name"`
		Title      string         `json:"title"`
		File       string         `json:"file"`
		SHA256     string         `json:"sha256"`
		Vars       map[string]Var `json:"vars"`
		Phases     []part         `json:"phases"`
		Plans      []part         `json:"plans"`
		Steps      []entry        `json:"steps"`
		Hints      []entry        `json:"hints"`
		Contacts   []entry        `json:"contacts"`
		Objectives []entry        `json:"objectives"`
		Backups    []entry        `json:"backups"`
		Signoffs   []entry        `json:"signoffs"`
	}{Schema: b.Schema, Name: b.Name, Title: b.Title, File: b.File, SHA256: b.SHA256, Vars: b.Vars, Steps: entries(b.All())}
	for _, p := range b.Phases {
		out.Phases = append(out.Phases, part{ID: p.ID, Title: p.Title, Style: p.Style, Steps: entries(p.Steps)})
	}
	for _, p := range b.Plans {
		out.Plans = append(out.Plans, part{ID: p.ID, Title: p.Title, Situation: p.When, Loses: p.Loses, Takes: p.Takes, Steps: entries(p.Steps)})
	}
	for i, h := range b.Hints {
		out.Hints = append(out.Hints, b.hint(i, h))
	}
	for i, c := range b.Contacts {
		out.Contacts = append(out.Contacts, data("contact", i, c.Name, c.Covers, c))
	}
	for i, o := range b.Objectives {
		out.Objectives = append(out.Objectives, data("objective", i, o.Scenario, o.Covers, o))
	}
	for i, k := range b.Backups {
		out.Backups = append(out.Backups, data("backup", i, k.Type, k.Covers, k))
	}
	for i, s := range b.Signoffs {
		out.Signoffs = append(out.Signoffs, data("signoff", i, s.Title, s.Covers, s))
	}
	text, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("show %s: %w", b.Name, err)
	}
	return text, nil
}

func entries(all []*Step) []entry {
	out := make([]entry, len(all))
	for i, s := range all {
		verb, kind := VerbOf(s)
		out[i] = entry{
			ID: s.ID, Title: s.Title, Verb: verb, Kind: kind, Covers: covered(s.Covers), Phase: s.Phase, Plan: s.Plan,
			Critical: s.Critical, When: s.When, Undo: s.Undo, Verify: s.Verify, During: s.During, Effect: s.Effect, Chain: s.Chain,
			On: s.On, Parallel: s.Parallel, Note: s.Note, Fields: s.raw,
		}
	}
	return out
}

func (b *Book) hint(i int, h Hint) entry {
	e := data("hint", i, h.Issue, h.Covers, h)
	if s := b.Step(h.Diagnose); s != nil {
		e.Verb, e.Kind = VerbOf(s)
		e.Diagnose = h.Diagnose
	}
	return e
}

func data(kind string, i int, title string, covers []string, fields any) entry {
	return entry{ID: fmt.Sprintf("%s-%d", kind, i+1), Title: title, Verb: "data", Kind: kind, Covers: covered(covers), Fields: fields}
}

// covered is never null in JSON.
func covered(covers []string) []string {
	if covers == nil {
		return []string{}
	}
	return covers
}
