package journal

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// Word is a verdict of Verify in one word.
type Word string

// The words of the four verdicts.
const (
	OK         Word = "ok"
	Torn       Word = "torn"        // integrity, completeness: bytes without an end follow
	Tampered   Word = "tampered"    // integrity
	Forked     Word = "forked"      // integrity
	Unreadable Word = "unreadable"  // integrity: not there, no permission, another version
	Unknown    Word = "unknown"     // the others, where integrity is lost
	Unfinished Word = "open"        // completeness: no run.end
	Unverified Word = "unverified"  // identity
	Rejected   Word = "rejected"    // completeness: a role that must sign rejects
	Missing    Word = "missing"     // completeness: a role that must sign has not
	NoAnchor   Word = "none"        // anchoring
	RolledBack Word = "rolled back" // anchoring: entries that were seen are gone
)

// Verdict is a word and what it rests on.
type Verdict struct {
	Word Word   `json:"word"`
	Text string `json:"text"` // one line; it may hold outside text
}

// Policy is what a log is held against: all of it is the verifier's own, and
// none of it comes from the log.
type Policy struct {
	Signers Signers
	Revoked Revoked
	Anchors []Anchor // what others have seen of it
	Seen    []Anchor // what the verifier has seen of it: it tells a change, and proves nothing to others
	// Terms reads what a run was begun with from the entry that says so: the kinds
	// of entries are the caller's. The first counts: what a driver says later takes
	// no role away but the way back. Without Terms no role must sign.
	Terms func(Entry) (Terms, bool)
	// Each is shown every entry of the longest valid prefix, in the same pass: what
	// the caller holds against the log. It may be nil.
	Each func(Entry)
	// Frees says of an entry that from it on nobody has to sign: the run went
	// back, and on the way back no signature is asked for.
	Frees func(Entry) bool
}

// Terms are what a run was begun with.
type Terms struct {
	Required                               []Required
	Book, BookSHA, Target, TargetSHA, Mode string // a sign-off must name these
}

// Required is a role that must sign, and what it signs.
type Required struct {
	Role     string `json:"role"`
	Scope    string `json:"scope"`
	Distinct bool   `json:"distinct,omitempty"` // its key signs for no other required role
}

// Report is what Verify found. The four verdicts are apart: none vouches for
// another.
type Report struct {
	Integrity    Verdict `json:"integrity"`    // are these the bytes that were signed
	Completeness Verdict `json:"completeness"` // did the run end, and has every role signed
	Identity     Verdict `json:"identity"`     // who signed the sessions and for the roles
	Anchoring    Verdict `json:"anchoring"`    // has anybody else seen the head

	Run      string       `json:"run"`     // 32 hex digits
	World    string       `json:"world"`   // Real or Practice
	Entries  int          `json:"entries"` // in the longest valid prefix
	Segments int          `json:"segments"`
	Slots    int          `json:"slots"` // lines of watch.jsonl
	Head     string       `json:"head"`  // hash of its last entry
	Sessions []Session    `json:"sessions"`
	Signoffs []SignedOff  `json:"signoffs"`
	Roles    []Role       `json:"roles"`       // those that must sign
	Handed   []HandedOver `json:"handed_over"` // by whom it was taken over, where somebody signed that
}

// Session is a segment and who vouched for its key.
type Session struct {
	Seg         uint64 `json:"segment"`
	Principal   string `json:"principal"`   // as the signers say; empty if unverified
	Fingerprint string `json:"fingerprint"` // SHA256:… of the person's key; empty if none signed
	Presence    string `json:"presence,omitempty"`
	Recorded    string `json:"recorded"`      // what the session says of itself
	Why         string `json:"why,omitempty"` // why it is unverified
}

// Verify checks the log in dir: every byte and every signature. p says whose
// keys count in a real run; a practice run is held against the public keys
// kept beside the runs, in allowed_signers of the parent of dir. It creates and
// locks nothing.
func Verify(dir string, p Policy) Report {
	var terms Terms
	known, freed := p.Terms == nil, uint64(0)
	c, err := scan(dir, func(e Entry) {
		if !known {
			terms, known = p.Terms(e)
		}
		if p.Each != nil {
			p.Each(e)
		}
		if freed == 0 && p.Frees != nil && p.Frees(e) {
			freed = e.N
		}
	})
	slots := &slotChain{}
	if err == nil || errors.Is(err, ErrTorn) {
		var lost error
		if slots, lost = c.slots(dir, func(Entry) {}); lost != nil && (err == nil || !errors.Is(lost, ErrTorn)) {
			err = lost
		}
	}
	r := Report{Run: c.run, World: c.world, Entries: int(c.n), Segments: len(c.segs), Head: c.head, Slots: int(slots.n)} //nolint:gosec // counted lines
	r.Integrity = integrity(c, slots, err)
	if r.Integrity.Word != OK && r.Integrity.Word != Torn {
		lost := Verdict{Unknown, "not judged without integrity"}
		r.Completeness, r.Identity, r.Anchoring = lost, lost, lost
		return r
	}
	if c.world == Practice {
		if p.Signers, err = ReadSigners(filepath.Join(filepath.Dir(filepath.Clean(dir)), "allowed_signers")); err != nil {
			p.Signers = Signers{}
		}
	}
	if freed > 0 {
		terms.Required = nil
	}
	r.Signoffs = signoffs(c, p, terms)
	r.Roles = roles(terms.Required, r.Signoffs)
	r.Handed = handedTo(c, p)
	r.Completeness = completeness(c, r.Integrity.Word, r.Roles)
	if freed > 0 {
		r.Completeness.Text += wentBack(freed, r.Signoffs)
	}
	if r.Completeness.Word == OK && !known {
		r.Completeness = Verdict{Missing, "no entry says what the run was begun with, and who must sign"}
	}
	r.Identity = r.identify(c, slots, p)
	r.Anchoring = anchoring(c, p)
	return r
}

func integrity(c *chain, slots *slotChain, err error) Verdict {
	word := Unreadable
	switch {
	case err == nil && slots.n > 0:
		return Verdict{OK, fmt.Sprintf("chain and session signatures %d/%d, slots %d/%d, %s", c.n, c.n, slots.n, slots.n, HeadCode(c.n, c.head))}
	case err == nil:
		return Verdict{OK, fmt.Sprintf("chain and session signatures %d/%d, %s", c.n, c.n, HeadCode(c.n, c.head))}
	case errors.Is(err, ErrTorn):
		word = Torn
	case errors.Is(err, ErrForked):
		word = Forked
	case errors.Is(err, ErrTampered):
		word = Tampered
	}
	return Verdict{word, strings.TrimPrefix(err.Error(), string(word)+": ")} // the word stands before it
}

func completeness(c *chain, integrity Word, roles []Role) Verdict {
	v := Verdict{OK, "run.end is there"}
	switch {
	case integrity == Torn:
		v = Verdict{Torn, fmt.Sprintf("the last whole entry is %d", c.n)}
	case !c.ended:
		v = Verdict{Unfinished, "no run.end"}
	}
	if len(roles) == 0 {
		return v
	}
	signed, word := 0, OK
	var open []string
	for _, role := range roles {
		if role.Word == OK {
			signed++
			continue
		}
		open = append(open, strings.TrimSpace(fmt.Sprintf("%s (%s) %s %s", role.Role, role.Scope, role.Word, role.Text)))
		if word != Rejected {
			word = role.Word
		}
	}
	v.Text += fmt.Sprintf("; sign-offs %d/%d", signed, len(roles))
	if len(open) > 0 {
		v.Text += ": " + strings.Join(open, ", ")
	}
	if v.Word == OK {
		v.Word = word
	}
	return v
}

// wentBack says why nobody has to sign, and who said no all the same: a reject
// holds back no recovery, but is not to be overlooked.
func wentBack(entry uint64, signed []SignedOff) string {
	text := fmt.Sprintf("; it went back at entry %d, so nobody has to sign", entry)
	for _, s := range standingRejects(signed) {
		text += fmt.Sprintf("; rejected at entry %d by %s as %s (%s)", s.Entry, s.Principal, s.Role, s.Scope)
	}
	return text
}

// Exit returns what `log verify` exits with: 0 ok, 1 tampered, forked or rolled
// back, 2 not readable, 3 torn, open, or a role has not signed or rejects, 4
// identity unverified. The worst wins: 1, 2, 4, 3.
func (r Report) Exit() int {
	switch {
	case slices.Contains([]Word{r.Integrity.Word, r.Anchoring.Word}, Forked),
		r.Integrity.Word == Tampered, r.Anchoring.Word == RolledBack:
		return 1
	case r.Integrity.Word == Unreadable:
		return 2
	case r.Identity.Word != OK:
		return 4
	case r.Integrity.Word != OK || r.Completeness.Word != OK:
		return 3
	}
	return 0
}

// Lines returns the four verdicts as they are printed.
func (r Report) Lines() []string {
	var lines []string
	for _, v := range []struct {
		name string
		Verdict
	}{
		{"integrity", r.Integrity}, {"completeness", r.Completeness}, {"identity", r.Identity}, {"anchoring", r.Anchoring},
	} {
		lines = append(lines, strings.TrimSpace(fmt.Sprintf("%s %s  %s", v.name, v.Word, v.Text)))
	}
	return lines
}
