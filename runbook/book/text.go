package book

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"runbook/steps/safetext"
)

// Text writes the whole book as a person reads it. The error is w's.
func (b *Book) Text(w io.Writer) error {
	p := &page{}
	p.line(0, "%s", b.Title)
	p.line(0, "book %s · %s · sha256 %s", b.Name, b.File, b.SHA256)
	if len(b.Vars) > 0 {
		p.head("Vars")
	}
	for _, name := range slices.Sorted(maps.Keys(b.Vars)) {
		p.variable(name, b.Vars[name])
	}
	for _, phase := range b.Phases {
		p.head("Phase %s (%s)", titled(phase.ID, phase.Title), phase.Style)
		p.steps(phase.Steps)
	}
	for _, plan := range b.Plans {
		p.head("Plan %s", titled(plan.ID, plan.Title))
		p.pairs(2, "situation", plan.When, "loses", plan.Loses, "takes", plan.Takes)
		p.steps(plan.Steps)
	}
	p.beside(b)
	_, err := io.WriteString(w, p.out.String())
	return err
}

// page collects lines; text from the book passes safetext on its way in.
type page struct{ out strings.Builder }

func (p *page) line(indent int, format string, args ...any) {
	p.out.WriteString(strings.Repeat(" ", indent) + safetext.Line(fmt.Sprintf(format, args...)) + "\n")
}

// titled is a name and its title, if it has one.
func titled(name, title string) string {
	if title == "" || title == name {
		return name
	}
	return name + " · " + title
}

func (p *page) head(format string, args ...any) {
	p.out.WriteString("\n")
	p.line(0, format, args...)
}

// pairs writes name and value of each pair that has a value.
func (p *page) pairs(indent int, pairs ...string) {
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			p.line(indent, "%-9s %s", pairs[i], pairs[i+1])
		}
	}
}

func (p *page) variable(name string, v Var) {
	var marks []string
	if v.Required {
		marks = append(marks, "required")
	}
	if v.Secret {
		marks = append(marks, "secret")
	}
	if v.Default != "" {
		marks = append(marks, "default "+exactly(v.Default))
	}
	if v.Match != "" {
		marks = append(marks, "matches "+v.Match)
	}
	marks = append(marks, "to commands as "+v.Exported(name))
	p.line(2, "%s  %s", name, strings.Join(marks, ", "))
	p.pairs(4, "title", v.Title)
}

func (p *page) steps(all []*Step) {
	for i, s := range all {
		mark := ""
		if s.Critical {
			mark = "  CRITICAL"
		}
		p.line(2, "%d. %s%s", i+1, titled(s.ID, s.Title), mark)
		p.pairs(5, "note", s.Note, "when", conditions(s.When), "on", s.Place())
		verb, _ := VerbOf(s)
		for _, line := range lines(verb, s.raw) {
			p.line(5, "%s", line)
		}
		p.pairs(5, "undo", s.Undo, "verify", s.Verify, "during", strings.Join(s.During, ", "),
			"effect", s.Effect, "chain", s.Chain, "covers", strings.Join(s.Covers, ", "))
	}
}

func conditions(when map[string]string) string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(when)) {
		all = append(all, name+" is "+when[name])
	}
	return strings.Join(all, ", ")
}

// beside writes what stands in a book beside its steps.
func (p *page) beside(b *Book) {
	for i, h := range b.Hints {
		p.head("Hint %d · %s", i+1, h.Issue)
		p.pairs(2, "match", h.Match, "cause", h.Cause, "say", h.Say, "diagnose", h.Diagnose, "covers", strings.Join(h.Covers, ", "))
	}
	for _, c := range b.Contacts {
		p.head("Contact %s", titled(c.Level, c.Name))
		p.pairs(2, "response", c.Response, "reach", c.Reach, "covers", strings.Join(c.Covers, ", "))
	}
	for _, o := range b.Objectives {
		p.head("Objective · %s", o.Scenario)
		p.pairs(2, "rto", o.RTO, "rpo", o.RPO, "covers", strings.Join(o.Covers, ", "))
	}
	for _, k := range b.Backups {
		p.head("Backup · %s", k.Type)
		p.pairs(2, "frequency", k.Frequency, "retention", k.Retention, "covers", strings.Join(k.Covers, ", "))
	}
	for _, s := range b.Signoffs {
		p.head("Sign-off %s", titled(s.Role, s.Title))
		distinct := ""
		if s.Distinct {
			distinct = "its key may sign no other role"
		}
		p.pairs(2, "scope", s.Scope, "distinct", distinct, "covers", strings.Join(s.Covers, ", "))
	}
}
