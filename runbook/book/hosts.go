package book

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"runbook/steps/check"
)

// hosts reads the [host.X] of a target.
func (r *reader) hosts(t *Target) {
	for _, name := range slices.Sorted(maps.Keys(t.Hosts)) {
		path, h := join("host", name), t.Hosts[name]
		h.Name = name
		t.Hosts[name] = h
		r.hostName(path, name)
		if err := h.Validate(); err != nil {
			field, _, _ := strings.Cut(err.Error(), " ")
			r.at(join(path, strings.TrimRight(field, ":,")), "host %s: %v", name, err)
		}
	}
}

func (r *reader) hostName(path, name string) {
	if !idPattern().MatchString(name) {
		r.at(path, "the name of a host is lower case letters, digits and dashes, begins with a letter and has at most 64: %q", name)
	}
}

// on reads the hosts of a step: a name, or a list of names.
func (r *reader) on(path string, value any) []string {
	if value == nil {
		return nil
	}
	path = join(path, "on")
	list, isList := value.([]any)
	if !isList {
		list = []any{value}
	}
	var names []string
	for i, one := range list {
		where := path
		if isList {
			where = element(path, i)
		}
		name, ok := one.(string)
		switch {
		case !ok:
			r.at(where, "on wants the name of a host, or a list of names, not %s", tomlType(one))
		case slices.Contains(names, name):
			r.at(where, "on has %s twice", name)
		default:
			r.hostName(where, name)
			names = append(names, name)
		}
	}
	if len(list) == 0 {
		r.at(path, "on names no host; without it the step runs here")
	}
	return names
}

// places checks that a step with on has something that a host can carry out.
func (r *reader) places(s *Step) {
	if s.Parallel && len(s.On) < 2 {
		r.at(join(s.path, "parallel"), "parallel means something only with several hosts in on")
	}
	if len(s.On) == 0 || s.Verb == nil {
		return
	}
	path := join(s.path, s.verb)
	v, isRun := s.Verb.(Run)
	switch {
	case isRun && v.Command != nil && v.Command.Agent:
		r.at(path+".command.agent", "agent: the SSH agent of here reaches no host")
	case isRun && v.Command != nil && v.Command.Interactive:
		r.at(path+".command.interactive", "interactive: a command on a host has no terminal")
	case isRun && v.Command != nil, CommandOf(s.Verb) != nil:
	default:
		verb, kind := VerbOf(s)
		r.at(join(s.path, "on"), "on: a host carries out commands, and %s.%s is none; it is done from here", verb, kind)
	}
}

// CommandOf is what a check or a watch executes, nil if that is nothing.
func CommandOf(v Verb) *check.Command {
	var c check.Check
	switch v := v.(type) {
	case Check:
		c = v.Check
	case Watch:
		c = v.Check
	case Run, Ask, Tell:
	}
	return check.Program(c)
}

// Place is where a step runs, for people; empty for here.
func (s *Step) Place() string {
	where := strings.Join(s.On, ", ")
	_, isRun := s.Verb.(Run)
	switch {
	case len(s.On) > 1 && s.Parallel:
		where += ", at once"
	case len(s.On) > 1 && isRun:
		where += ", in this order, to the first that fails"
	}
	return where
}

// Fits holds a book against the target it is to run on: that has every host
// which a step names, and chooses what can be chosen. The error is *Problems,
// of the book.
func (b *Book) Fits(t *Target) error {
	wrong := &Problems{File: b.File, List: b.chosen(t)}
	for _, d := range t.Require {
		if b.Vars[d.Name].Secret {
			line, col := b.index.at(join("vars", d.Name))
			wrong.List = append(wrong.List, Problem{Line: line, Col: col, Text: fmt.Sprintf("target %s demands %s of each run, and here it is a secret", t.Name, d.Name)})
		}
	}
	for _, s := range b.All() {
		for i, name := range s.On {
			if _, ok := t.Hosts[name]; ok {
				continue
			}
			line, col := b.index.at(element(join(s.path, "on"), i))
			hint := nearest(name, slices.Collect(maps.Keys(t.Hosts)))
			if hint == "" {
				hint = "; name it there: [host." + name + "]"
			}
			wrong.List = append(wrong.List, Problem{Line: line, Col: col, Text: fmt.Sprintf("target %s has no host %s%s", t.Name, name, hint)})
		}
	}
	if len(wrong.List) > 0 {
		return wrong
	}
	return nil
}
