package runbook

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/crypto/ssh"

	"runbook/runbook/book"
	"runbook/runbook/journal"
)

// Keys are what roles are signed with from a session.
type Keys struct {
	// Role is the key that signs in a role; nil: the key that signs the session.
	Role func(ctx context.Context, role string) (journal.Identity, error)
	// Signers says who may sign in which role; nil, or the zero Signers, vouches
	// for nobody. It is asked at each signature.
	Signers func() (journal.Signers, error)
	// SignersFile is where that stands, for people; it may be empty.
	SignersFile string
	// Report is the SHA-256, hex, of what is known of the run in dir up to entry
	// n, as it is shown before it is signed.
	Report func(dir string, n uint64) (string, error)
}

// Signs says what roles are signed with. It is set before the session is driven.
func (s *Session) Signs(k Keys) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys = k
}

// Signer is with which key the driver signs in a role.
type Signer struct {
	Principal string // who the signers say owns it; empty if nobody vouches for it
	Key       string // SHA256:…
	identity  journal.Identity
}

// By is the key and whose it is, for people; it may hold outside text.
func (s Signer) By() string {
	if s.Principal == "" {
		return s.Key + ", for whom nobody vouches: there is no allowed_signers"
	}
	return s.Key + " of " + s.Principal
}

// Signer is with which key the driver would sign a decision about a step. The
// error says why that is not to be, and how to go on.
func (s *Session) Signer(ctx context.Context, step *book.Step, decision string) (Signer, error) {
	role, scope, ok := step.Signs()
	if !ok {
		return Signer{}, fmt.Errorf("%s is not signed", step.ID)
	}
	identity, err := s.keyOf(ctx, role)
	if err != nil {
		return Signer{}, err
	}
	key := identity.PublicKey()
	signer := Signer{Key: ssh.FingerprintSHA256(key), identity: identity}
	namespace := journal.SignoffNamespace(worldKind(s.world), role)
	signers, err := s.signers()
	if err != nil {
		return signer, err
	}
	if err := signers.Revoked(key); err != nil {
		return signer, fmt.Errorf("your key does not sign as %s: %w", role, err)
	}
	if signers.Given() {
		if signer.Principal, err = signers.Principal(key, namespace, time.Now()); err != nil {
			return signer, fmt.Errorf("your key %s does not sign as %s: %w; a line in %s with namespaces=%q lets it, after review",
				signer.Key, role, err, cmp.Or(s.keys.SignersFile, "allowed_signers"), namespace)
		}
	}
	other := s.State().alsoSigns(s.book, signer.Key, role, scope, true)
	if decision == journal.DecisionApprove && other != "" {
		return signer, fmt.Errorf("your key %s signed as %s already, and %s wants a key of its own beside it: somebody else signs", signer.Key, other, role)
	}
	return signer, nil
}

func (s *Session) signers() (journal.Signers, error) {
	if s.keys.Signers == nil {
		return journal.Signers{}, nil
	}
	return s.keys.Signers()
}

func (s *Session) keyOf(ctx context.Context, role string) (journal.Identity, error) {
	switch {
	case s.Reads() != nil:
		return nil, s.Reads()
	case s.keys.Role != nil:
		return s.keys.Role(ctx, role)
	case s.identity != nil:
		return s.identity, nil
	}
	return nil, fmt.Errorf("no key signs this session: %s", s.noIdentity)
}

// Statement is what the driver would sign about a step, over the log as it is
// now. An intent to Sign carries its Text: that is signed, or nothing.
func (s *Session) Statement(ctx context.Context, step *book.Step, decision, note string) (journal.Signoff, error) {
	role, scope, ok := step.Signs()
	if !ok || s.keys.Report == nil {
		return journal.Signoff{}, fmt.Errorf("%s is not signed here", step.ID)
	}
	if reads := s.Reads(); reads != nil {
		return journal.Signoff{}, reads
	}
	r := s.State()
	if p := r.Phase(s.book); p != nil && p.ID == step.Phase {
		if err := s.open(ctx, p); err != nil { // what is signed holds it
			return journal.Signoff{}, err
		}
	}
	s.writing.Lock()
	err := s.commitSlots(ctx) // so it is of the slots too
	s.writing.Unlock()
	if err != nil {
		return journal.Signoff{}, err
	}
	statement := s.about(role, scope)
	statement.Decision, statement.Note, statement.Time = decision, note, time.Now().UTC().Truncate(time.Second)
	statement.Commitment = s.log.Commitment()
	if statement.ReportSHA, err = s.keys.Report(r.Dir, statement.N); err != nil {
		return statement, fmt.Errorf("make the report that is signed: %w", err)
	}
	return statement, statement.Validate()
}

// about is a statement on this run, without what is said.
func (s *Session) about(role, scope string) journal.Signoff {
	r := s.State()
	return journal.Signoff{
		World: worldKind(s.world), Run: r.ID, Role: role, Scope: scope,
		Book: s.book.Name, BookSHA: s.book.SHA256, Target: s.target.Name, TargetSHA: s.target.SHA256, Mode: r.Mode,
	}
}

// sign has the driver's key sign what was shown. A log that has moved since is
// shown again.
func (s *Session) sign(ctx context.Context, i Intent) error {
	step := s.book.Step(i.Step)
	statement, err := journal.ParseSignoff(i.Text)
	if err != nil {
		return fmt.Errorf("sign %s: %w", step.ID, err)
	}
	role, scope, _ := step.Signs()
	want := s.about(role, scope)
	want.Decision, want.Note, want.Time, want.ReportSHA = statement.Decision, statement.Note, statement.Time, statement.ReportSHA
	want.Commitment = statement.Commitment
	switch {
	case want != statement:
		return fmt.Errorf("sign %s: what was shown is about something else", step.ID)
	case statement.Commitment != s.log.Commitment():
		return fmt.Errorf("%w: the log has moved behind what was shown", ErrStale)
	case statement.Decision == journal.DecisionReject && statement.Note == "":
		return fmt.Errorf("a reject of %s wants its reason", step.ID)
	}
	signer, err := s.Signer(ctx, step, statement.Decision)
	if err != nil {
		return err
	}
	if !slices.Contains(s.State().Decisions(step, signer.Key), statement.Decision) {
		return fmt.Errorf("%s of %s: %w: your key has said so already, or has nothing to withdraw", statement.Decision, step.ID, ErrNotNow)
	}
	signed, err := signer.identity.Sign(journal.SignoffNamespace(statement.World, role), []byte(i.Text))
	if err != nil {
		return fmt.Errorf("sign as %s with %s: %w", role, signer.identity.Source(), err)
	}
	a := journal.Attest{Principal: signer.Principal, SSHSig: signed, Stmt: i.Text, Via: signer.identity.Source()}
	if _, _, err := journal.CheckAttest(s.State().Dir, a); err != nil { // a clock that went back makes it older
		return err
	}
	return s.attest(ctx, a)
}

// attest takes a signature into the log, the driver's or another's, and folds
// it in. The log refuses one that does not hold.
func (s *Session) attest(ctx context.Context, a journal.Attest) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	defer s.signal()
	if reads := s.Reads(); reads != nil {
		return reads
	}
	ctx = context.WithoutCancel(ctx)
	if err := errors.Join(s.flush(ctx), s.commitSlots(ctx)); err != nil {
		return err
	}
	e, err := s.log.Attest(ctx, a)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.run.apply(s.book, e)
}

// Decisions are what a key may sign about a step now: approve, reject, and
// withdraw if something of it stands.
func (r *Run) Decisions(step *book.Step, key string) []string {
	role, scope, _ := step.Signs()
	all := []string{journal.DecisionApprove, journal.DecisionReject}
	if s := r.lastWords(role, scope)[key]; s != nil {
		all = slices.DeleteFunc(all, func(d string) bool { return d == s.Decision })
		if s.Decision != journal.DecisionWithdraw {
			all = append(all, journal.DecisionWithdraw)
		}
	}
	return all
}
