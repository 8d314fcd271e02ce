package journal

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"runbook/runbook/durable"
)

// delegation is what a person signs so that a timer can write down what it
// measured: for a while, of the watches it names, a key on disk may write slots
// into watch.jsonl, and nothing else anywhere.
type delegation struct {
	World, Run string
	Commitment
	Key         string // base64 of the 32 byte Ed25519 public key
	From, Until time.Time
	Watches     []string
	Time        time.Time
}

// delegated is a delegation that is in the log.
type delegated struct {
	delegation
	person
	key   ed25519.PublicKey
	entry Entry
	after uint64 // the lines of watch.jsonl that were there before it
}

// delegateBody is the body of a delegate entry.
type delegateBody struct {
	SSHSig string `json:"sshsig"` // armored
	Stmt   string `json:"stmt"`
}

const delegationTitle = "runbook-log/v1 watch"

func (d delegation) text() string {
	return strings.Join([]string{
		delegationTitle,
		"world " + d.World,
		"run " + d.Run,
		"entry " + strconv.FormatUint(d.N, 10),
		"head " + d.Head,
		fmt.Sprintf("bytes %d sha256 %s", d.Bytes, d.SHA256),
		"watch-key " + d.Key,
		"from " + d.From.UTC().Format(time.RFC3339),
		"until " + d.Until.UTC().Format(time.RFC3339),
		"watches " + strings.Join(d.Watches, " "),
		"time " + d.Time.UTC().Format(time.RFC3339),
	}, "\n") + "\n"
}

func parseDelegation(text string) (delegation, error) {
	var d delegation
	var n, size, from, until, watches, at string
	err := readStatement(text, delegationTitle, []field{
		{"world ", &d.World, "", nil},
		{"run ", &d.Run, "", nil},
		{"entry ", &n, "", nil},
		{"head ", &d.Head, "", nil},
		{"bytes ", &size, " sha256 ", &d.SHA256},
		{"watch-key ", &d.Key, "", nil},
		{"from ", &from, "", nil},
		{"until ", &until, "", nil},
		{"watches ", &watches, "", nil},
		{"time ", &at, "", nil},
	})
	if err != nil {
		return d, fmt.Errorf("not a delegation: %w", err)
	}
	var errs [5]error
	d.N, errs[0] = strconv.ParseUint(n, 10, 64)
	d.Bytes, errs[1] = strconv.ParseInt(size, 10, 64)
	d.From, errs[2] = time.Parse(time.RFC3339, from)
	d.Until, errs[3] = time.Parse(time.RFC3339, until)
	d.Time, errs[4] = time.Parse(time.RFC3339, at)
	d.Watches = strings.Split(watches, " ")
	if err := errors.Join(errs[:]...); err != nil {
		return d, fmt.Errorf("not a delegation: %w", err)
	}
	switch {
	case d.text() != text:
		return d, errors.New("not a delegation: not written as one is")
	case slices.ContainsFunc(d.Watches, func(w string) bool { return !nameForm().MatchString(w) }):
		return d, fmt.Errorf("delegation: %q: not names of watches", watches)
	}
	return d, nil
}

// delegate takes e, whose place and line are right.
func (c *chain) delegate(e *Entry) error {
	body, err := decodeBody[delegateBody](e)
	if err != nil {
		return err
	}
	d, err := parseDelegation(body.Stmt)
	switch {
	case err != nil:
		return err
	case d.Run != c.run || d.World != c.world:
		return fmt.Errorf("delegation: it is about run %s of world %s", d.Run, d.World)
	case d.N == 0 || d.N > c.n || d.Commitment != c.commitment(d.N):
		return fmt.Errorf("delegation: at entry %d it is about another log", d.N)
	}
	key, err := publicKeyOf(d.Key)
	if err != nil {
		return fmt.Errorf("delegation: watch-key %w", err)
	}
	who, err := checkSigned(body.SSHSig, WatchNamespace(d.World), body.Stmt)
	if err != nil {
		return fmt.Errorf("delegation: %w", err)
	}
	c.delegations = append(c.delegations, delegated{d, who, key, *e, c.anchored.n})
	return nil
}

// SignedDelegation is a delegation that a person has signed and that no log
// holds yet, with the key that it speaks of.
type SignedDelegation struct {
	body delegateBody
	key  ed25519.PrivateKey
}

// SignDelegation has the person's key let a new key write slots of these
// watches into watch.jsonl, from now until then: for a timer, which can't ask a
// person. It takes as long as the person does; the log may go on meanwhile.
// Errors: ErrNoDelegation, and why the person's key does not sign; then slots
// need a session.
func (l *Log) SignDelegation(until time.Time, watches []string) (SignedDelegation, error) {
	if l.o.Identity == nil {
		return SignedDelegation{}, fmt.Errorf("%w: no person's key signs for it: %s", ErrNoDelegation, l.o.NoIdentity)
	}
	if slices.ContainsFunc(watches, func(w string) bool { return !nameForm().MatchString(w) }) || len(watches) == 0 {
		return SignedDelegation{}, fmt.Errorf("%w: %q: not names of watches", ErrNoDelegation, watches)
	}
	public, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return SignedDelegation{}, err
	}
	now := l.o.Now().UTC().Truncate(time.Second)
	d := delegation{
		World: l.o.World, Run: l.o.Run, Commitment: l.Commitment(), Key: base64.StdEncoding.EncodeToString(public),
		From: now, Until: until.UTC().Truncate(time.Second), Watches: watches, Time: now,
	}
	body := delegateBody{Stmt: d.text()}
	if body.SSHSig, err = l.o.Identity.Sign(WatchNamespace(d.World), []byte(body.Stmt)); err == nil {
		_, err = checkSigned(body.SSHSig, WatchNamespace(d.World), body.Stmt)
	}
	if err != nil {
		clear(key)
		return SignedDelegation{}, fmt.Errorf("%w: %s did not sign for it: %w", ErrNoDelegation, l.o.Identity.Source(), err)
	}
	return SignedDelegation{body, key}, nil
}

// Delegate appends what the person has signed, and keeps the key in the run's
// directory, in place of the one before. d is used up. Errors: as Append, and
// ErrNoDelegation if the key can't be kept: slots need a session then too.
func (l *Log) Delegate(ctx context.Context, d SignedDelegation) (Entry, error) {
	defer clear(d.key)
	if _, _, err := l.AnchorWatch(ctx); err != nil {
		return Entry{}, err
	}
	e, err := l.append(ctx, KindDelegate, d.body)
	if err != nil {
		return Entry{}, err
	}
	seed := base64.StdEncoding.EncodeToString(d.key.Seed()) + "\n"
	if err := durable.WriteFile(watchKeyPath(l.dir), []byte(seed), 0o600); err != nil {
		return e, fmt.Errorf("%w: its key can't be kept: %w", ErrNoDelegation, err)
	}
	return e, nil
}

// Undelegate takes the key that may write slots off the disk, if there is one.
func Undelegate(dir string) error {
	if err := os.Remove(watchKeyPath(dir)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

func watchKeyPath(dir string) string { return filepath.Join(dir, "watch.key") }

// watchKey reads the key that may write slots.
func watchKey(dir string) (ed25519.PrivateKey, error) {
	text, err := os.ReadFile(watchKeyPath(dir))
	if err != nil {
		return nil, err
	}
	defer clear(text)
	seed, err := base64.StdEncoding.Strict().DecodeString(strings.TrimSuffix(string(text), "\n"))
	if err != nil || len(seed) != ed25519.SeedSize {
		return nil, fmt.Errorf("%s is not a key", watchKeyPath(dir))
	}
	return ed25519.NewKeyFromSeed(seed), nil
}
