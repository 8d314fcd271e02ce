package doctor

import (
	"context"
	"slices"
	"strings"
	"time"

	"runbook/runbook/journal"
	"runbook/steps"
)

// roles looks whether anybody may sign in each role that the book asks at the
// target. On the ways back nobody's signature is asked for.
func (s *Site) roles(context.Context) []Finding {
	signers, err := s.Signers()
	if err != nil {
		return one(steps.Unknown, "roles", "who may sign is not known: "+err.Error(), "", "correct it: nobody signs with it")
	}
	var found []Finding
	names, needs := s.asked()
	for _, role := range names {
		what, space := "role "+role, journal.SignoffNamespace(journal.Real, role)
		if who := signers.Principals(space, time.Now()); len(who) > 0 {
			found = append(found, pass(what, "may be signed by "+strings.Join(who, ", "))...)
			continue
		}
		found = append(found, one(needs[role].weigh(steps.Fail), what, "nobody may sign it: no key is listed for "+space, "", listed(s.SignersFile, space))...)
	}
	return found
}

// asked are the roles in the order of the book, and how surely a run comes to
// them.
func (s *Site) asked() (names []string, needs map[string]need) {
	needs = map[string]need{}
	ask := func(role string, n need) {
		if n == never {
			return
		}
		if !slices.Contains(names, role) {
			names = append(names, role)
		}
		needs[role] = max(needs[role], n)
	}
	on := s.Book.On(s.Target)
	for _, phase := range on.Phases {
		for _, step := range phase.Steps {
			if role, _, signs := step.Signs(); signs {
				ask(role, s.needs(step))
			}
		}
	}
	for _, signoff := range on.Signoffs {
		ask(signoff.Role, surely)
	}
	return names, needs
}

// listed is how a key gets into allowed_signers, and no further than it must.
func listed(file, namespaces string) string {
	return "a line in " + file + ", after review: NAME namespaces=\"" + namespaces + "\" KEY (a key without namespaces= signs in every role)"
}
