package runbook

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"

	"runbook/runbook/book"
	"runbook/runbook/journal"
)

// Signature is a sign-off that stands in the log. That it holds the log itself
// has checked; whose key it is only somebody's allowed_signers can say.
type Signature struct {
	journal.Signoff
	Entry     uint64    // where it stands
	At        time.Time // when it came there
	Principal string    // who the signers of whoever took it in say owns the key; empty if nobody vouched
	Key       string    // SHA256:…
	Void      string    // "revoked", or that this can't be told: it counts for nothing
	Rehearsed bool
}

// By is who signed, for people.
func (s *Signature) By() string {
	switch {
	case s.Void != "":
		return strings.TrimSpace(s.Principal+" "+s.Key) + ", which does not count: " + s.Void
	case s.Principal == "":
		return s.Key + ", for whom nobody vouched"
	}
	return s.Principal
}

// rehearsedNote is the note of a signature that a rehearsal gives.
const rehearsedNote = "rehearsed"

// signatureOf reads one. In practice no key is revoked.
func signatureOf(a journal.Attest, e journal.Entry, who journal.Signers) (*Signature, error) {
	s, err := journal.ParseSignoff(a.Stmt)
	if err != nil {
		return nil, err
	}
	sig, err := sshsig.Unarmor([]byte(a.SSHSig))
	if err != nil {
		return nil, err
	}
	void := ""
	if err := who.Revoked(sig.PublicKey); err != nil && s.World != journal.Practice {
		if void = "revoked"; !errors.Is(err, journal.ErrRevoked) {
			void = "which keys are revoked can't be read"
		}
	}
	return &Signature{
		Signoff: s, Entry: e.N, At: e.Time, Principal: a.Principal, Key: ssh.FingerprintSHA256(sig.PublicKey), Void: void,
		Rehearsed: s.World == journal.Practice && s.Note == rehearsedNote,
	}, nil
}

// voidOf is why what was signed last for a role and scope counts for nothing, if
// it is so.
func voidOf(signed []*Signature, role, scope string) string {
	for _, s := range slices.Backward(signed) {
		if s.Role == role && s.Scope == scope && s.Void != "" {
			return s.Void
		}
	}
	return ""
}

// restsOnRevoked reports whether an approval of a phase was signed with a key
// that is revoked, and nobody has given it since.
func (r *Run) restsOnRevoked(b *book.Book, phase string) bool {
	return slices.ContainsFunc(b.All(), func(step *book.Step) bool {
		role, scope, ok := step.Signs()
		return ok && step.Phase == phase && voidOf(r.Signatures, role, scope) != "" && !r.Step(step).State.Settled()
	})
}

// foldAttest keeps a signature, and settles the steps that it decides: also
// another's, if its key may sign no second role.
func foldAttest(r *Run, b *book.Book, e journal.Entry) error {
	body, err := decode[journal.Attest](e)
	if err != nil {
		return err
	}
	s, err := signatureOf(body, e, r.signers)
	if err != nil {
		return err
	}
	r.Signatures = append(r.Signatures, s)
	r.Rejected = ""
	for _, p := range b.Phases {
		for _, step := range p.Steps {
			if role, scope, ok := step.Signs(); ok {
				r.settleSigned(b, step, e, role, scope)
			}
		}
	}
	return nil
}

// settleSigned holds a step against the signatures of its role and scope.
func (r *Run) settleSigned(b *book.Book, step *book.Step, e journal.Entry, role, scope string) {
	by := r.standing(b, role, scope)
	if by != nil && by.Decision == journal.DecisionReject {
		r.Rejected = step.ID
	}
	was := r.Step(step).Signed
	if by == was && (by == nil || by.Entry != e.N) {
		return
	}
	st := r.touch(step.ID, e, mark{})
	switch {
	case by == nil: // what was signed was withdrawn
		*st = StepState{Seen: e.N, At: e.Time}
		return
	case by.Decision == journal.DecisionReject:
		st.State, st.Answer = Declined, answerRejected
	default:
		st.State, st.Answer = Confirmed, answerApproved
	}
	st.Signed, st.Reported, st.Reason, st.Rehearsed = by, false, by.Note, by.Rehearsed
}

// standing is the signature that decides for a role and scope: a reject, of
// whatever key, else the last approval that counts. Of every key its last word
// does. Nil if nobody has signed.
func (r *Run) standing(b *book.Book, role, scope string) *Signature {
	last := r.lastWords(role, scope)
	by := firstReject(last)
	if by != nil {
		return by
	}
	for key, s := range last {
		counts := s.Decision == journal.DecisionApprove && r.alsoSigns(b, key, role, scope, false) == ""
		if counts && (by == nil || s.Entry > by.Entry) {
			by = s
		}
	}
	return by
}

// lastWords are the signatures of each key that count for a role and scope: not
// those that came last, which may be older ones that were handed in again.
func (r *Run) lastWords(role, scope string) map[string]*Signature {
	return lastWords(r.Signatures, role, scope)
}

func lastWords(signed []*Signature, role, scope string) map[string]*Signature {
	signed = slices.DeleteFunc(slices.Clone(signed), func(s *Signature) bool { return s.Void != "" })
	return journal.LastWords(signed, role, scope, func(s *Signature) (string, journal.Signoff) { return s.Key, s.Signoff })
}

// firstReject is the reject that came first of the last words of all keys; nil if
// none rejects.
func firstReject(last map[string]*Signature) *Signature {
	var by *Signature
	for _, s := range last {
		if s.Decision == journal.DecisionReject && (by == nil || s.Entry < by.Entry) {
			by = s
		}
	}
	return by
}

// alsoSigns is another role that has to sign and that key signs for, where role
// must have a key of its own; with either, also where only the other must.
func (r *Run) alsoSigns(b *book.Book, key, role, scope string, either bool) string {
	all := Required(b)
	var mine *journal.Required
	for i := range all {
		if all[i].Role == role && all[i].Scope == scope {
			mine = &all[i]
		}
	}
	if mine == nil {
		return ""
	}
	for _, other := range all {
		if other.Role == role || !mine.Distinct && (!either || !other.Distinct) {
			continue
		}
		if s := r.lastWords(other.Role, other.Scope)[key]; s != nil && s.Decision == journal.DecisionApprove {
			return other.Role
		}
	}
	return ""
}

// Required are the roles that have to sign a run of the book, and for what.
func Required(b *book.Book) []journal.Required {
	var all []journal.Required
	for _, s := range b.Signoffs {
		all = append(all, journal.Required{Role: s.Role, Scope: s.Scope, Distinct: s.Distinct})
	}
	return all
}

// RoleSign is a role that has to sign, and what it has signed.
type RoleSign struct {
	journal.Required
	By   *Signature // a reject holds; nil if nobody has signed
	Void string     // why what was signed does not count, if that is why nobody has
}

// Name is the role, with the phase it signs for unless that is the run.
func (s RoleSign) Name() string {
	if s.Scope == journal.ScopeRun {
		return s.Role
	}
	return s.Role + " for " + s.Scope
}

// Missing reports whether it is not signed, or rejected.
func (s RoleSign) Missing() bool { return s.By == nil || s.By.Decision == journal.DecisionReject }

// Signoffs are the roles that have to sign the run. On the way back none has.
func (r *Run) Signoffs(b *book.Book) []RoleSign {
	if r.asksNobody() {
		return nil
	}
	var all []RoleSign
	for _, want := range Required(b) {
		one := RoleSign{Required: want, By: r.standing(b, want.Role, want.Scope)}
		if one.By == nil {
			one.Void = voidOf(r.Signatures, want.Role, want.Scope)
		}
		all = append(all, one)
	}
	return all
}

// asksNobody reports whether the run is on the way back.
func (r *Run) asksNobody() bool { return r.Mode == ModeRollback || r.Plan != "" }

// Missing are the roles that have to sign the run and have not.
func (r *Run) Missing(b *book.Book) []journal.Required {
	var missing []journal.Required
	for _, s := range r.Signoffs(b) {
		if s.Missing() {
			missing = append(missing, s.Required)
		}
	}
	return missing
}

// SignoffLine is how the sign-off of a run stands: "sign-off 2/4, missing
// qa-lead, security-lead (rejected)", and "sign-off 4/4, rehearsed" or "sign-off
// 4/4, 1 rehearsed" where no person signed. Empty if nobody has to sign.
func SignoffLine(all []RoleSign) string {
	var missing []string
	for _, s := range all {
		switch {
		case s.By != nil && s.Missing():
			missing = append(missing, s.Name()+" (rejected)")
		case s.Void != "":
			missing = append(missing, s.Name()+" ("+s.Void+")")
		case s.Missing():
			missing = append(missing, s.Name())
		}
	}
	return signoffLine(len(all), rehearsed(all), missing)
}

// rehearsed is how many of them a rehearsal signed.
func rehearsed(all []RoleSign) (n int) {
	for _, s := range all {
		if !s.Missing() && s.By.Rehearsed {
			n++
		}
	}
	return n
}

func signoffLine(of, rehearsed int, missing []string) string {
	if of == 0 {
		return ""
	}
	signed := of - len(missing)
	line := fmt.Sprintf("sign-off %d/%d", signed, of)
	switch {
	case rehearsed > 0 && rehearsed == signed:
		line += ", rehearsed"
	case rehearsed > 0:
		line += fmt.Sprintf(", %d rehearsed", rehearsed)
	}
	if len(missing) > 0 {
		line += ", missing " + strings.Join(missing, ", ")
	}
	return line
}
