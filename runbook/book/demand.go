package book

import (
	"cmp"
	"fmt"
	"slices"
)

// Demand is a var that a target demands of a run, beyond what the book does:
// in `require` its name, or a table { name, title, match }. Each run is given
// its own, by --var or at the prompt.
type Demand struct {
	Name  string `mapstructure:"name"`  // of the var
	Title string `mapstructure:"title"` // what is asked for
	Match string `mapstructure:"match"` // a regular expression the whole value must match
}

// UnmarshalText reads a demand that is nothing but its name.
func (d *Demand) UnmarshalText(text []byte) error {
	d.Name = string(text)
	return nil
}

// Check holds a value against the demand.
func (d Demand) Check(value string) error {
	if value == "" {
		return fmt.Errorf("%s is missing: %s", d.Name, cmp.Or(d.Title, "the target demands it of each run"))
	}
	return checkValue(d.Name, Var{Match: d.Match}, value)
}

func (r *reader) demands(t *Target) {
	seen := map[string]bool{}
	for i, d := range t.Require {
		path := element("require", i)
		_, fixed := t.Values()[d.Name]
		_, secret := t.Secrets[d.Name]
		switch {
		case !varPattern().MatchString(d.Name):
			r.at(path, "require names vars: lower case letters, digits and underscores, at most 64: %q", d.Name)
		case reserved().MatchString(Var{}.Exported(d.Name)):
			r.at(path, "var %s would reach commands as %s, which is reserved; name it otherwise", d.Name, Var{}.Exported(d.Name))
		case seen[d.Name]:
			r.at(path, "require has %s twice", d.Name)
		case fixed:
			r.at(path, "%s is demanded of each run, and the target gives it to all of them; keep one of the two", d.Name)
		case secret:
			r.at(path, "%s is a secret; what a run is given stands in its log", d.Name)
		}
		seen[d.Name] = true
		if _, err := (Var{Match: d.Match}).full(); err != nil {
			r.at(path, "match: %v", err)
		}
	}
}

// demanded adds what the target demands to the vars of a book. What is a var
// of the book already stays as it is: Check holds its value against both.
func (b *Book) demanded(t *Target) {
	for _, d := range t.Require {
		if _, ok := b.Vars[d.Name]; !ok {
			b.Vars[d.Name] = Var{Title: d.Title, Match: d.Match}
		}
	}
}

// Unmet are the demands of the target that a run with these vars would not
// meet.
func (t *Target) Unmet(vars map[string]string) []Demand {
	return slices.DeleteFunc(slices.Clone(t.Require), func(d Demand) bool { return d.Check(vars[d.Name]) == nil })
}
