package book

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"runbook/steps/check"
)

// enough problems at once: nobody reads more, and each costs a search for the
// name that was meant.
const enough = 100

// references checks that every name in a book means something.
func (r *reader) references(b *Book) {
	b.steps = map[string]*Step{}
	for _, s := range b.All() {
		b.steps[s.ID] = s
	}
	r.unique(b)
	for _, s := range b.All() {
		if len(r.problems) >= enough {
			return
		}
		r.around(b, s)
		r.inside(b, s)
		r.mentions(b, s)
	}
	r.plain(b)
}

// unique holds the ids of steps apart, and those of phases and plans.
func (r *reader) unique(b *Book) {
	seen := map[string]int{}
	note := func(space, id, path string) {
		line, _ := r.index.at(path)
		if first, ok := seen[space+id]; ok && id != "" {
			r.at(join(path, "id"), "id %s is already used at line %d", id, first)
		}
		seen[space+id] = line
	}
	for i, p := range b.Phases {
		note("part:", p.ID, element("phase", i))
	}
	for i, p := range b.Plans {
		note("part:", p.ID, element("plan", i))
	}
	for _, s := range b.All() {
		note("step:", s.ID, s.path)
	}
	exports := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(b.Vars)) {
		export := b.Vars[name].Exported(name)
		if other, ok := exports[export]; ok {
			r.at(join("vars", name), "vars %s and %s would both reach commands as %s", other, name, export)
		}
		exports[export] = name
	}
}

// around checks what surrounds a step's verb.
func (r *reader) around(b *Book, s *Step) {
	if s.Undo != "" && !strings.HasPrefix(s.Undo, "none: ") {
		if undo := b.Step(s.Undo); undo == nil || undo.Plan == "" {
			r.at(join(s.path, "undo"), "undo names no step of a plan: %q%s; or write undo = \"none: reason\"", s.Undo, nearest(s.Undo, b.ids(func(s *Step) bool { return s.Plan != "" })))
		}
	}
	if s.Undo == "none: " {
		r.at(join(s.path, "undo"), "undo = \"none: reason\" wants its reason")
	}
	if s.Verify != "" {
		r.isCheck(b, join(s.path, "verify"), s.Verify)
	}
	for i, id := range s.During {
		r.isCheck(b, element(join(s.path, "during"), i), id)
	}
	for name := range s.When {
		r.isVar(b, join(join(s.path, "when"), name), name)
	}
	if _, ok := s.Verb.(Run); s.Chain != "" && (!ok || s.Effect != "none") {
		r.at(join(s.path, "chain"), "chain is only for a run with effect = \"none\": one key approves them all")
	}
}

// inside checks what a step's verb names.
func (r *reader) inside(b *Book, s *Step) {
	path := join(s.path, s.verb)
	r.secretNames(b, path, s.Verb)
	v, _ := s.Verb.(Ask)
	switch {
	case v.Confirm != nil:
		r.evidence(b, path+".confirm.evidence", v.Confirm.Evidence)
	case v.Form != nil:
		r.evidence(b, path+".form.evidence", v.Form.Evidence)
	case v.Approve != nil:
		r.evidence(b, path+".approve.evidence", v.Approve.Evidence)
	case v.Decide != nil && r.isVar(b, path+".decide.var", v.Decide.Var):
		for i, choice := range v.Decide.Choices {
			if err := checkValue(v.Decide.Var, b.Vars[v.Decide.Var], choice); err != nil {
				r.at(element(path+".decide.choices", i), "%v", err)
			}
		}
	}
}

// secretNames checks the fields of a verb that name a secret var.
func (r *reader) secretNames(b *Book, path string, verb Verb) {
	switch v := verb.(type) {
	case Check:
		r.secretVars(b, join(path, v.Kind), v.Check)
	case Watch:
		r.secretVars(b, join(path+".check", v.Kind), v.Check)
	case Run:
		if v.Probe != nil {
			r.secretVars(b, join(path+".probe", v.Probe.Kind), v.Probe.Check)
			return
		}
		for i, name := range v.Command.Secrets {
			r.isSecret(b, element(path+".command.secrets", i), name)
		}
	case Tell:
		for field, name := range SecretsOfTell(v) {
			r.isSecret(b, join(path, v.Kind)+"."+field, name)
		}
	case Ask:
	}
}

// SecretsOfTell are the fields of a tell that name a secret var, and what they
// name.
func SecretsOfTell(v Tell) map[string]string {
	named := map[string]string{}
	if v.Sender != nil {
		for field, name := range v.Sender.SecretVars() {
			if name != "" {
				named[field] = name
			}
		}
	}
	return named
}

func (r *reader) secretVars(b *Book, path string, c check.Check) {
	for _, v := range check.SecretVars(c) {
		r.isSecret(b, path+"."+v.Field, v.Name)
	}
}

func (r *reader) isSecret(b *Book, path, name string) {
	if v, ok := b.Vars[name]; !ok || !v.Secret {
		r.at(path, "%s names no secret var: %q%s", strings.SplitN(short(path), "[", 2)[0], name, nearest(name, b.secrets()))
	}
}

// mentions checks each ${name} in a step's verb.
func (r *reader) mentions(b *Book, s *Step) {
	_, err := expandAll(s.raw, "", func(text string) (string, error) {
		return expand(text, func(name string) (string, error) {
			v, ok := b.Vars[name]
			switch {
			case !ok:
				return "", fmt.Errorf("${%s} names no var%s; $${ stands for a literal ${", name, nearest(name, slices.Collect(maps.Keys(b.Vars))))
			case v.Secret:
				return "", fmt.Errorf("${%s} is a secret; a secret reaches a command only by secrets = [%q]", name, name)
			}
			return "x", nil
		})
	})
	if err != nil && s.raw != nil {
		r.at(join(s.path, s.verb), "%v", err)
	}
}

// plain checks what stands in a book beside its steps.
func (r *reader) plain(b *Book) {
	for i, h := range b.Hints {
		path := element("hint", i)
		if _, err := compile(h.Match); err != nil {
			r.at(join(path, "match"), "match: %v", err)
		}
		if h.Diagnose != "" {
			r.isCheck(b, join(path, "diagnose"), h.Diagnose)
		}
	}
	for i, s := range b.Signoffs {
		path := element("signoff", i)
		r.role(join(path, "role"), s.Role)
		phase, ok := strings.CutPrefix(s.Scope, phaseScope)
		if s.Scope == "" {
			r.at(path, "scope is missing: write scope = \"run\", or \"phase:ID\" of a phase of this book")
			continue
		}
		if s.Scope != runScope && (!ok || !slices.ContainsFunc(b.Phases, func(p *Phase) bool { return p.ID == phase })) {
			r.at(join(path, "scope"), "scope is \"run\" or \"phase:ID\" of a phase of this book, not %q", s.Scope)
		}
	}
}

func (r *reader) evidence(b *Book, path string, ids []string) {
	for i, id := range ids {
		if b.Step(id) == nil {
			r.at(element(path, i), "evidence names no step: %q%s", id, nearest(id, b.ids(nil)))
		}
	}
}

func (r *reader) isVar(b *Book, path, name string) bool {
	v, ok := b.Vars[name]
	switch {
	case !ok:
		r.at(path, "no such var: %q%s", name, nearest(name, slices.Collect(maps.Keys(b.Vars))))
	case v.Secret:
		r.at(path, "%s is a secret; it can't be decided or compared", name)
	default:
		return true
	}
	return false
}

func (r *reader) isCheck(b *Book, path, id string) {
	s := b.Step(id)
	if s == nil {
		r.at(path, "%s names no step: %q%s", strings.SplitN(short(path), "[", 2)[0], id, nearest(id, b.ids(isCheck)))
		return
	}
	if s.Verb != nil && !isCheck(s) {
		r.at(path, "%s wants a check, and %s is none", strings.SplitN(short(path), "[", 2)[0], id)
	}
}

func isCheck(s *Step) bool {
	_, ok := s.Verb.(Check)
	return ok
}

// ids lists the steps that a filter takes; nil takes all.
func (b *Book) ids(take func(*Step) bool) []string {
	var ids []string
	for _, s := range b.All() {
		if take == nil || take(s) {
			ids = append(ids, s.ID)
		}
	}
	return ids
}

func (b *Book) secrets() []string {
	var names []string
	for name, v := range b.Vars {
		if v.Secret {
			names = append(names, name)
		}
	}
	return names
}
