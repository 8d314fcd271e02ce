package book

import "runbook/steps/ask"

// The scopes of approvals and sign-offs: the run as a whole, or one phase.
const (
	runScope   = "run"
	phaseScope = "phase:"
)

// Signs is the role in which a step is signed, and what such a signature is
// about: "run", or "phase:ID" of its own phase. A step that asks for no
// approval has none, and neither has one of a plan: nobody's signature stands
// between a person and the way back.
func (s *Step) Signs() (role, scope string, ok bool) {
	v, isAsk := s.Verb.(Ask)
	switch {
	case !isAsk || v.Approve == nil || s.Phase == "":
		return "", "", false
	case v.Approve.Scope != "":
		return v.Approve.Role, v.Approve.Scope, true
	}
	return v.Approve.Role, phaseScope + s.Phase, true
}

// Signed is the step that a signature of a role about a scope settles; nil if
// the book asks for none.
func (b *Book) Signed(role, scope string) *Step {
	for _, p := range b.Phases {
		for _, s := range p.Steps {
			if r, sc, ok := s.Signs(); ok && r == role && sc == scope {
				return s
			}
		}
	}
	return nil
}

func (r *reader) approve(path string, a ask.Approve) bool {
	if a.Scope != "" && a.Scope != runScope {
		r.at(join(path, "scope"), "scope is \"run\", or is left out: then it is the phase of the step, not %q", a.Scope)
		return false
	}
	return r.role(join(path, "role"), a.Role)
}

// signs wants a place for each signature: an approval of the run that a
// [[signoff]] wants, and one step for each role and scope.
func (l *linter) signs() {
	wanted := map[string]bool{}
	for i, s := range l.book.Signoffs {
		if wanted[s.Role+" "+s.Scope] {
			l.add(false, join(element("signoff", i), "role"), "%s signs %s twice", s.Role, s.Scope)
		}
		wanted[s.Role+" "+s.Scope] = true
	}
	for _, s := range l.book.All() {
		role, scope, ok := s.Signs()
		if !ok {
			continue
		}
		path := join(s.path, s.verb) + ".approve"
		if other := l.book.Signed(role, scope); other != s {
			l.add(false, join(path, "role"), "%s approves with scope %s in %s already: a signature settles one step", role, scope, other.ID)
		}
		if scope == runScope && !wanted[role+" "+scope] {
			l.add(false, join(path, "scope"), "no [[signoff]] has the role %s and the scope run: nobody would miss its signature", role)
		}
	}
}
