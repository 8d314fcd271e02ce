package journal

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"
)

// Word is a verdict of Verify in one word.
type Word string

// The words of the four verdicts.
const (
	OK         Word = "ok"
	Torn       Word = "torn"       // integrity, completeness: bytes without an end follow
	Tampered   Word = "tampered"   // integrity
	Forked     Word = "forked"     // integrity
	Unreadable Word = "unreadable" // integrity: not there, no permission, another version
	Unknown    Word = "unknown"    // the others, where integrity is lost
	Unfinished Word = "open"       // completeness: no run.end
	Unverified Word = "unverified" // identity
	NoAnchor   Word = "none"       // anchoring
)

// Verdict is a word and what it rests on.
type Verdict struct {
	Word Word
	Text string // one line; it may hold outside text
}

// Report is what Verify found. The four verdicts are apart: none vouches for
// another.
type Report struct {
	Integrity    Verdict // are these the bytes that were signed
	Completeness Verdict // did the run end
	Identity     Verdict // who signed the sessions
	Anchoring    Verdict // has anybody else seen the head

	Run      string // 32 hex digits
	World    string // Real or Practice
	Entries  int    // in the longest valid prefix
	Segments int
	Head     string // hash of its last entry
	Sessions []Session
}

// Session is a segment and who vouched for its key.
type Session struct {
	Seg         uint64
	Principal   string // as the signers say; empty if unverified
	Fingerprint string // SHA256:… of the person's key; empty if none signed
	Recorded    string // what the session says of itself
	Why         string // why it is unverified
}

// Verify checks the log in dir: every byte and every signature. s says whose
// keys count in a real run; a practice run is held against the public keys
// kept beside the runs, in allowed_signers of the parent of dir. It creates and locks
// nothing.
func Verify(dir string, s Signers) Report {
	c, err := scan(dir, func(Entry) {})
	r := Report{
		Run: c.run, World: c.world, Entries: int(c.n), Segments: len(c.segs), Head: c.head, //nolint:gosec // counted lines
		Anchoring: Verdict{NoAnchor, "nobody else has seen the head"},
	}
	r.Integrity = integrity(c, err)
	if r.Integrity.Word != OK && r.Integrity.Word != Torn {
		lost := Verdict{Unknown, "not judged without integrity"}
		r.Completeness, r.Identity = lost, lost
		return r
	}
	r.Completeness = completeness(c, r.Integrity.Word)
	r.Identity = r.identify(c, dir, s)
	return r
}

func integrity(c *chain, err error) Verdict {
	word := Unreadable
	switch {
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

func completeness(c *chain, integrity Word) Verdict {
	switch {
	case integrity == Torn:
		return Verdict{Torn, fmt.Sprintf("the last whole entry is %d", c.n)}
	case !c.ended:
		return Verdict{Unfinished, "no run.end"}
	}
	return Verdict{OK, "run.end is there"}
}

// identify holds the key of each session against the signers. A session that
// only added statements of others or anchors needs nobody to vouch for it.
func (r *Report) identify(c *chain, dir string, s Signers) Verdict {
	if c.world == Practice {
		var err error
		if s, err = ReadSigners(filepath.Join(filepath.Dir(filepath.Clean(dir)), "allowed_signers")); err != nil {
			s = Signers{}
		}
	}
	var good, bad []string
	for i := range c.segs {
		seg := &c.segs[i]
		if i > 0 && !seg.acts {
			continue
		}
		session := r.session(seg, s)
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
	if len(bad) > 0 {
		return Verdict{Unverified, strings.Join(bad, "; ")}
	}
	slices.Sort(good)
	return Verdict{OK, strings.Join(slices.Compact(good), ", ")}
}

// session judges one.
func (r *Report) session(seg *segment, s Signers) Session {
	out := Session{Seg: seg.first.Seg, Recorded: seg.body.Identity}
	if seg.signer == nil {
		out.Why = "no person signed (" + seg.body.Identity + ")"
		return out
	}
	out.Fingerprint = ssh.FingerprintSHA256(seg.signer)
	if !s.Given() {
		out.Why = fmt.Sprintf("no allowed_signers to hold %s against", out.Fingerprint)
		return out
	}
	principal, err := s.Principal(seg.signer, SessionNamespace(r.World), seg.first.Time)
	if err != nil {
		out.Why = fmt.Sprintf("%s: %v", out.Fingerprint, err)
		return out
	}
	out.Principal = principal
	return out
}

// Exit returns what `log verify` exits with: 0 ok, 1 tampered or forked, 2 not
// readable, 3 torn or open, 4 identity unverified. The worst wins: 1, 2, 4, 3.
func (r Report) Exit() int {
	switch {
	case r.Integrity.Word == Tampered || r.Integrity.Word == Forked:
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
