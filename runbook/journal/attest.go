package journal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/crypto/ssh"
)

// Attest is the body of an attest entry: a sign-off and its signature, as
// somebody handed them in.
type Attest struct {
	Principal string `json:"principal"` // who the signers of the writer said owns the key: a claim; empty if nobody vouched
	SSHSig    string `json:"sshsig"`    // armored
	Stmt      string `json:"stmt"`      // what Signoff.Text wrote
	Via       string `json:"via"`       // how the key was reached: "agent", "file PATH", "detached"
}

// attested is an attest entry that holds.
type attested struct {
	Signoff
	person
	entry uint64
	at    time.Time // of the entry: when it came into the log
}

// attest takes e, whose place and line are right.
func (c *chain) attest(e *Entry) error {
	a, err := decodeBody[Attest](e)
	if err != nil {
		return err
	}
	s, who, err := c.check(a)
	if err != nil {
		return err
	}
	c.attested = append(c.attested, attested{s, who, e.N, e.Time})
	return nil
}

// check holds a sign-off against the log so far: it must speak of this run, of
// an entry that is there, and of the very bytes up to it.
func (c *chain) check(a Attest) (Signoff, person, error) {
	s, err := ParseSignoff(a.Stmt)
	if err != nil {
		return s, person{}, err
	}
	switch {
	case s.Run != c.run:
		return s, person{}, fmt.Errorf("sign-off: it is about run %s", s.Run)
	case s.World != c.world:
		return s, person{}, fmt.Errorf("sign-off: it is about a run of world %s", s.World)
	case s.N > c.n:
		return s, person{}, fmt.Errorf("sign-off: it is about entry %d, and the log ends at %d", s.N, c.n)
	case s.Commitment != c.commitment(s.N):
		return s, person{}, fmt.Errorf("sign-off: at entry %d it is about another log", s.N)
	}
	who, err := checkSigned(a.SSHSig, SignoffNamespace(s.World, s.Role), a.Stmt)
	if err != nil {
		return s, who, fmt.Errorf("sign-off of %s: %w", s.Role, err)
	}
	return s, who, nil
}

// CheckAttest holds a sign-off against the log in dir and what its key has said
// there, without whose key it is: Signers.Principal says that. The error says why
// it is not to be taken in.
func CheckAttest(dir string, a Attest) (Signoff, ssh.PublicKey, error) {
	c, err := scan(dir, func(Entry) {})
	if err != nil && !errors.Is(err, ErrTorn) { // torn may be a line on its way
		return Signoff{}, nil, err
	}
	s, who, err := c.check(a)
	if err == nil {
		err = c.counts(attested{Signoff: s, person: who})
	}
	return s, who.key, err
}

// counts says of a sign-off that is not in the log which word of its key would
// outlast it: who handed it in would take it for what counts.
func (c *chain) counts(a attested) error {
	last := LastWords(append(slices.Clone(c.attested), a), a.Role, a.Scope, func(a attested) (string, Signoff) {
		return ssh.FingerprintSHA256(a.key), a.Signoff
	})[ssh.FingerprintSHA256(a.key)]
	switch {
	case last.entry == 0:
		return nil
	case last.Text() == a.Text():
		return fmt.Errorf("sign-off: it is in the log already, at entry %d", last.entry)
	}
	return fmt.Errorf("sign-off: no newer than what this key said at entry %d, %s: ask for a new request", last.entry, last.Decision)
}

// CommitmentOf is what a statement over the last entry of the log in dir
// commits to.
func CommitmentOf(dir string) (Commitment, error) {
	c, err := scan(dir, func(Entry) {})
	if err != nil && !errors.Is(err, ErrTorn) || c.n == 0 {
		return Commitment{}, err
	}
	return c.commitment(c.n), nil
}

// Attest appends a sign-off that holds. It may follow the end of a run. One that
// no longer counts does no harm; CheckAttest tells it to who hands it in.
// Errors: as Append, and why it does not hold.
func (l *Log) Attest(ctx context.Context, a Attest) (Entry, error) {
	c, err := scan(l.dir, func(Entry) {})
	if err == nil || errors.Is(err, ErrTorn) { // torn may be a line on its way
		_, _, err = c.check(a)
	}
	if err != nil {
		return Entry{}, fmt.Errorf("append a sign-off: %w", err)
	}
	return l.append(ctx, KindAttest, a)
}
