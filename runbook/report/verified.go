package report

import "runbook/runbook/journal"

// unverified is a role for which somebody signed whom nobody vouches for.
const unverified = "signed, not verified"

// judged takes over what a verifier found.
func (a *Account) judged(found journal.Report) {
	of := func(v journal.Verdict) Verdict { return Verdict{Word: string(v.Word), Text: v.Text} }
	a.Verified = &Verified{
		Integrity: of(found.Integrity), Completeness: of(found.Completeness),
		Identity: of(found.Identity), Anchoring: of(found.Anchoring),
	}
	if a.Log.Damage == "" && found.Integrity.Word != journal.OK {
		a.Marks = append([]string{"NOT INTACT: " + found.Integrity.Text}, a.Marks...)
	}
	for i := range a.Sessions {
		for _, s := range found.Sessions {
			if s.Seg == uint64(a.Sessions[i].Number) { //nolint:gosec // counted from 1
				a.Sessions[i].Principal = s.Principal
			}
		}
	}
	for i := range a.Signoffs {
		a.Signoffs[i].judged(found)
	}
}

func (s *Signoff) judged(found journal.Report) {
	for i := range s.Decisions {
		d := &s.Decisions[i]
		for _, known := range found.Signoffs {
			if known.Entry == d.Entry {
				d.Identity, d.Fault = known.Principal, known.Why
			}
		}
	}
	for _, role := range found.Roles {
		if role.Role == s.Role && role.Scope == s.Scope && role.Word != journal.OK && s.State == signed {
			s.State = unverified
		}
	}
}

// Intact reports whether the log and what lies beside it are what was recorded,
// as far as was looked.
func (a *Account) Intact() bool {
	return a.Log.Damage == "" && (a.Verified == nil || a.Verified.Integrity.Word == string(journal.OK))
}

// named is a verdict with its name.
type named struct {
	Name string
	Verdict
}

func (v *Verified) lines() []named {
	return []named{
		{"integrity", v.Integrity}, {"completeness", v.Completeness}, {"identity", v.Identity}, {"anchoring", v.Anchoring},
	}
}
