package runbook

import (
	"fmt"
	"slices"
	"strings"

	"runbook/runbook/book"
	"runbook/runbook/journal"
)

// AskedError says that what a role is to sign has to be named.
type AskedError struct {
	Role   string
	Scopes []string // what it may sign; none if the book asks nothing of it
	Roles  []string // of whom the book asks a signature
}

func (e *AskedError) Error() string {
	switch {
	case len(e.Roles) == 0:
		return "nobody has to sign this run: its book has no [[signoff]] and no ask.approve"
	case len(e.Scopes) == 0:
		return fmt.Sprintf("the book asks no signature of %s, but of: %s", e.Role, strings.Join(e.Roles, ", "))
	}
	return fmt.Sprintf("%s may sign several things; name one: --scope %s", e.Role, strings.Join(e.Scopes, ", --scope "))
}

// Scope is what a role signs with a decision if nobody says more: the run, if
// it has to sign that and has settled every phase it approves; else the phase
// that waits for it. A withdrawal is of what its signatures stand on. The error
// is an *AskedError.
func (r *Run) Scope(b *book.Book, role, decision string) (string, error) {
	asked := scopes(b, role)
	if len(asked) == 0 {
		return "", &AskedError{Role: role, Roles: signingRoles(b)}
	}
	var waits []string
	for _, scope := range asked {
		if decision == journal.DecisionWithdraw {
			if r.SignedAbout(role, scope) {
				waits = append(waits, scope)
			}
		} else if !r.settledAbout(b, role, scope) {
			waits = append(waits, scope)
		}
	}
	if decision != journal.DecisionWithdraw && len(waits) > 1 { // the run comes last
		waits = slices.DeleteFunc(waits, func(scope string) bool { return scope == journal.ScopeRun })
	}
	now := ""
	if p := r.Phase(b); p != nil {
		now = journal.PhaseScope(p.ID)
	}
	switch {
	case len(waits) == 1:
		return waits[0], nil
	case slices.Contains(waits, now) && decision != journal.DecisionWithdraw:
		return now, nil
	case len(waits) == 0 && len(asked) == 1:
		return asked[0], nil
	}
	return "", &AskedError{Role: role, Scopes: asked, Roles: signingRoles(b)}
}

// Asks says that the book wants a role to sign about a scope; the error is an
// *AskedError.
func Asks(b *book.Book, role, scope string) error {
	asked := scopes(b, role)
	if slices.Contains(asked, scope) {
		return nil
	}
	return &AskedError{Role: role, Scopes: asked, Roles: signingRoles(b)}
}

// scopes are what a book wants a role to sign, in its order, the run last.
func scopes(b *book.Book, role string) []string {
	var all []string
	for _, want := range wantedSignatures(b) {
		if want.Role == role && !slices.Contains(all, want.Scope) && want.Scope != journal.ScopeRun {
			all = append(all, want.Scope)
		}
	}
	for _, want := range wantedSignatures(b) {
		if want.Role == role && want.Scope == journal.ScopeRun {
			return append(all, want.Scope)
		}
	}
	return all
}

func signingRoles(b *book.Book) []string {
	var all []string
	for _, want := range wantedSignatures(b) {
		if !slices.Contains(all, want.Role) {
			all = append(all, want.Role)
		}
	}
	return all
}

// ToSign are the roles of whom a signature is still wanted; if none is, all that
// may sign.
func (r *Run) ToSign(b *book.Book) []string {
	var all []string
	for _, want := range wantedSignatures(b) {
		if !r.settledAbout(b, want.Role, want.Scope) && !slices.Contains(all, want.Role) {
			all = append(all, want.Role)
		}
	}
	if len(all) == 0 {
		return signingRoles(b)
	}
	return all
}

// wantedSignatures are the approvals of a book and the roles that must sign.
func wantedSignatures(b *book.Book) []journal.Required {
	var all []journal.Required
	for _, p := range b.Phases {
		for _, step := range p.Steps {
			if role, scope, ok := step.Signs(); ok {
				all = append(all, journal.Required{Role: role, Scope: scope})
			}
		}
	}
	return append(all, Required(b)...)
}

// settledAbout reports whether a role has nothing more to say about a scope:
// the run it must sign itself, an approval may also have been reported.
func (r *Run) settledAbout(b *book.Book, role, scope string) bool {
	by := r.standing(b, role, scope)
	if by != nil {
		return by.Decision == journal.DecisionApprove
	}
	step := b.Signed(role, scope)
	return scope != journal.ScopeRun && step != nil && r.Step(step).State.Settled()
}

// SignedAbout reports whether something stands that a role signed about a scope:
// it can be withdrawn.
func (r *Run) SignedAbout(role, scope string) bool {
	for _, s := range r.lastWords(role, scope) {
		if s.Decision != journal.DecisionWithdraw {
			return true
		}
	}
	return false
}

// MaySay says why a key can't sign a decision of a role about a scope: it has
// said so already, has nothing to withdraw, or signed as another role beside
// which this one wants a key of its own.
func (r *Run) MaySay(b *book.Book, key, role, scope, decision string) error {
	last := r.lastWords(role, scope)[key]
	also := r.alsoSigns(b, key, role, scope, true)
	switch {
	case last != nil && last.Decision == decision:
		return fmt.Errorf("your key has signed %s as %s at entry %d already", decision, role, last.Entry)
	case decision == journal.DecisionWithdraw && last == nil:
		return fmt.Errorf("your key has signed nothing as %s about %s: there is nothing to withdraw", role, scope)
	case decision == journal.DecisionApprove && also != "":
		return fmt.Errorf("your key signed as %s already, and %s wants a key of its own beside it: somebody else signs", also, role)
	}
	return nil
}
