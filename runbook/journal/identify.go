package journal

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// SignedOff is a sign-off of the log and who vouches for it.
type SignedOff struct {
	Signoff
	Entry       uint64    `json:"at_entry"`
	At          time.Time `json:"at"`        // when it came into the log
	Principal   string    `json:"principal"` // as the signers say; empty if unverified
	Fingerprint string    `json:"fingerprint"`
	Presence    string    `json:"presence,omitempty"` // of a security key: touched; touched, PIN
	Why         string    `json:"why,omitempty"`      // why it does not count
}

// Role is a role that must sign, and whether it has: OK, Missing or Rejected.
type Role struct {
	Required
	Word Word   `json:"word"`
	Text string `json:"text"` // who signed, or why nobody has
}

// vouched says who the signers of p say owns key.
func (p Policy) vouched(key ssh.PublicKey, namespace string, at time.Time) (string, error) {
	if err := p.Signers.Without(p.Revoked, nil).Revoked(key); err != nil {
		return "", err
	}
	if !p.Signers.Given() {
		return "", fmt.Errorf("no allowed_signers to hold %s against", ssh.FingerprintSHA256(key))
	}
	principal, err := p.Signers.Principal(key, namespace, at)
	if err != nil {
		return "", fmt.Errorf("%s: %w", ssh.FingerprintSHA256(key), err)
	}
	return principal, nil
}

// signoffs judges whose the sign-offs of the log are.
func signoffs(c *chain, p Policy, t Terms) []SignedOff {
	var all []SignedOff
	for _, a := range c.attested {
		s := SignedOff{
			Signoff: a.Signoff, Entry: a.entry, At: a.at, Presence: a.presence, Fingerprint: ssh.FingerprintSHA256(a.key),
		}
		var err error
		if s.Principal, err = p.vouched(a.key, SignoffNamespace(c.world, s.Role), a.at); err == nil {
			err = t.named(a.Signoff)
		}
		if err != nil {
			s.Why = err.Error()
		}
		all = append(all, s)
	}
	return all
}

// HandedOver is a hand-over of the log that somebody signed, and who vouches for
// it.
type HandedOver struct {
	Entry       uint64    `json:"at_entry"`
	At          time.Time `json:"at"`
	From        uint64    `json:"from_segment"` // of the session that let go
	Seen        uint64    `json:"entry"`        // up to which they had read when they signed
	Said        time.Time `json:"time"`         // of the statement
	Principal   string    `json:"principal"`    // as the signers say; empty if unverified
	Fingerprint string    `json:"fingerprint"`
	Presence    string    `json:"presence,omitempty"`
	Why         string    `json:"why,omitempty"` // why it is unverified
}

// handedTo judges who signed that they take the run over from a session that
// let go. Whose session came next is another thing, and said by that session.
func handedTo(c *chain, p Policy) []HandedOver {
	var all []HandedOver
	for _, h := range c.handed {
		one := HandedOver{Entry: h.entry, At: h.at, From: h.from, Seen: h.N, Said: h.Time, Presence: h.presence, Fingerprint: ssh.FingerprintSHA256(h.key)}
		var err error
		if one.Principal, err = p.vouched(h.key, SessionNamespace(c.world), h.at); err != nil {
			one.Why = err.Error()
		}
		all = append(all, one)
	}
	return all
}

// named says what a sign-off names that is not the run's.
func (t Terms) named(s Signoff) error {
	if t.Book == "" {
		return nil
	}
	if s.Book != t.Book || s.BookSHA != t.BookSHA || s.Target != t.Target || s.TargetSHA != t.TargetSHA || s.Mode != t.Mode {
		return errors.New("it names another book, target or mode than the run was begun with")
	}
	return nil
}

// roles judges whether each role that must sign has. Of every key its last
// word counts, and one reject outweighs all approvals.
func roles(wanted []Required, signed []SignedOff) []Role {
	counted := counting(signed)
	said := make([]map[string]SignedOff, len(wanted)) // by role: of a fingerprint
	for i, want := range wanted {
		said[i] = lastSigned(counted, want)
	}
	all := make([]Role, len(wanted))
	for i, want := range wanted {
		all[i] = Role{Required: want, Word: Missing}
		for _, s := range signed {
			if s.Role != want.Role || s.Scope != want.Scope {
				continue
			}
			all[i].weigh(s, said[i][s.Fingerprint].Decision, alsoFor(wanted, said, i, s.Fingerprint))
		}
	}
	return all
}

// standingRejects are those that count and that nothing lifted, of whatever
// role, in the order of their entries.
func standingRejects(signed []SignedOff) []SignedOff {
	counted := counting(signed)
	last := map[Required]map[string]SignedOff{} // by role and scope: of a fingerprint
	return slices.DeleteFunc(slices.Clone(counted), func(s SignedOff) bool {
		if s.Decision != DecisionReject {
			return true
		}
		of := Required{Role: s.Role, Scope: s.Scope}
		if last[of] == nil {
			last[of] = lastSigned(counted, of)
		}
		return last[of][s.Fingerprint].Entry != s.Entry
	})
}

// counting are the sign-offs that somebody vouches for.
func counting(signed []SignedOff) []SignedOff {
	return slices.DeleteFunc(slices.Clone(signed), func(s SignedOff) bool { return s.Why != "" })
}

// lastSigned is the last word of each fingerprint for a role and scope.
func lastSigned(counted []SignedOff, of Required) map[string]SignedOff {
	return LastWords(counted, of.Role, of.Scope, func(s SignedOff) (string, Signoff) { return s.Fingerprint, s.Signoff })
}

// weigh adds one sign-off to what is known of a role. now is the last word of
// its key; also is another role for which the same key stands.
func (r *Role) weigh(s SignedOff, now, also string) {
	switch {
	case r.Word == Rejected:
	case s.Why != "":
		if r.Word == Missing {
			r.Text = s.Why
		}
	case now == DecisionReject:
		r.Word, r.Text = Rejected, "by "+s.Principal
	case now == DecisionApprove && r.Distinct && also != "":
		if r.Word == Missing {
			r.Text = fmt.Sprintf("%s also signed as %s", s.Principal, also)
		}
	case now == DecisionApprove:
		r.Word, r.Text = OK, "by "+s.Principal
	}
}

func alsoFor(wanted []Required, said []map[string]SignedOff, i int, key string) string {
	for j, other := range wanted {
		if j != i && other.Role != wanted[i].Role && said[j][key].Decision == DecisionApprove {
			return other.Role
		}
	}
	return ""
}

// identify says whose keys the sessions, the delegations, the hand-overs and the sign-offs are. A session that
// only added statements of others or anchors needs nobody to vouch for it.
func (r *Report) identify(c *chain, slots *slotChain, p Policy) Verdict {
	var good, bad []string
	for i := range c.segs {
		seg := &c.segs[i]
		if i > 0 && !seg.acts {
			continue
		}
		session := r.session(seg, p)
		r.Sessions = append(r.Sessions, session)
		switch {
		case session.Why != "":
			bad = append(bad, fmt.Sprintf("session %d: %s", session.Seg, session.Why))
		case c.world == Practice:
			good = append(good, fmt.Sprintf("practice key %s (proves no person)", session.Fingerprint))
		default:
			good = append(good, session.Principal+" "+session.Fingerprint)
		}
	}
	for i, d := range c.delegations {
		if !slots.used[uint64(i)+1] {
			continue // nothing rests on it
		}
		if principal, err := p.vouched(d.person.key, WatchNamespace(c.world), d.entry.Time); err != nil {
			bad = append(bad, fmt.Sprintf("slots delegated at entry %d: %v", d.entry.N, err))
		} else if c.world != Practice {
			good = append(good, principal+" delegated slots")
		}
	}
	for _, h := range r.Handed {
		if h.Why != "" {
			bad = append(bad, fmt.Sprintf("hand-over at entry %d: %s", h.Entry, h.Why))
		} else if c.world != Practice {
			good = append(good, fmt.Sprintf("%s signed to take over from session %d", h.Principal, h.From))
		}
	}
	for _, s := range r.Signoffs {
		if s.Why != "" {
			bad = append(bad, fmt.Sprintf("sign-off of %s at entry %d: %s", s.Role, s.Entry, s.Why))
		} else if c.world != Practice {
			good = append(good, fmt.Sprintf("%s signed as %s", s.Principal, s.Role))
		}
	}
	if len(bad) > 0 {
		return Verdict{Unverified, strings.Join(bad, "; ")}
	}
	slices.Sort(good)
	return Verdict{OK, strings.Join(slices.Compact(good), ", ")}
}

// session judges one.
func (r *Report) session(seg *segment, p Policy) Session {
	out := Session{Seg: seg.first.Seg, Recorded: seg.body.Identity}
	if seg.signer.key == nil {
		out.Why = "no person signed: " + strings.TrimPrefix(seg.body.Identity, "none: ")
		return out
	}
	out.Fingerprint, out.Presence = ssh.FingerprintSHA256(seg.signer.key), seg.signer.presence
	principal, err := p.vouched(seg.signer.key, SessionNamespace(r.World), seg.first.Time)
	if err != nil {
		out.Why = err.Error()
		return out
	}
	out.Principal = principal
	return out
}
