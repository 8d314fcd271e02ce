package runbook

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"golang.org/x/crypto/ssh"

	"runbook/runbook/book"
	"runbook/runbook/durable"
	"runbook/runbook/journal"
	"runbook/steps/safetext"
)

const (
	// handInPatience is how long whoever drives may take to take in a sign-off.
	handInPatience = 10 * time.Second
	// refusalStays is how long a reason waits for who is told it, who is more
	// patient than handInPatience by no more than a look.
	refusalStays = time.Minute
	// maxHandIn caps what is read of one, in bytes.
	maxHandIn = 64 << 10
)

// Why nobody signs a session that does no more than this: whoever begins one
// does not drive. A sign-off vouches for itself, and what goes vouches for nothing.
const (
	onlyTakesIn   = "it only takes in a sign-off"
	onlyTakesAway = "it only takes a file away"
)

// ClaimOnly is the claim of a session that does nothing but what it names: who
// begins one does not drive.
const ClaimOnly = "only"

// only lets o do nothing but what is named; nobody's key signs for it.
func only(o journal.Options, what, why string) journal.Options {
	o.Identity, o.NoIdentity, o.Claims = nil, why, maps.Clone(o.Claims)
	if o.Claims == nil {
		o.Claims = map[string]string{}
	}
	o.Claims[ClaimOnly] = what
	return o
}

var handInName = regexp.MustCompile(`^attest-[0-9a-f]{16}\.json$`)

// Admit holds a sign-off that somebody hands in against the run in dir and
// against who may sign there; a practice run has signers of its own. It returns
// the sign-off with the name of who signed, empty where no signers are given.
// The error says why no log should take it: one that nobody vouches for, or
// that names another book, would make the whole log unverified for good; one
// that is older than its key's last word would count for nothing.
func Admit(dir string, signers journal.Signers, a journal.Attest) (journal.Attest, journal.Signoff, error) {
	s, key, err := journal.CheckAttest(dir, a)
	if err != nil {
		return a, s, err
	}
	if err := aboutThis(dir, s); err != nil {
		return a, s, err
	}
	if s.World == journal.Practice {
		signers, err = journal.ReadSigners(filepath.Join(filepath.Dir(filepath.Clean(dir)), "allowed_signers"))
		if err != nil {
			return a, s, fmt.Errorf("who may sign in practice: %w", err)
		}
	}
	a.Principal = ""
	if err := signers.Revoked(key); err != nil {
		return a, s, fmt.Errorf("the key does not sign as %s here: %w", s.Role, err)
	}
	if signers.Given() {
		a.Principal, err = signers.Principal(key, journal.SignoffNamespace(s.World, s.Role), time.Now())
		if err != nil {
			return a, s, &UnlistedError{Role: s.Role, World: s.World, Key: key, Err: err}
		}
	}
	return a, s, nil
}

// aboutThis holds what a sign-off names against what the run was begun with.
func aboutThis(dir string, s journal.Signoff) error {
	first, _, err := edges(dir)
	if err != nil {
		return err
	}
	t, _ := terms(first[1])
	if s.Book != t.Book || s.BookSHA != t.BookSHA || s.Target != t.Target || s.TargetSHA != t.TargetSHA || s.Mode != t.Mode {
		return errors.New("sign-off: it names another book, target or mode than this run was begun with")
	}
	return nil
}

// UnlistedError says that no signers let a key sign in a role.
type UnlistedError struct {
	Role, World string
	Key         ssh.PublicKey
	Err         error
}

func (e *UnlistedError) Error() string {
	return fmt.Sprintf("key %s does not sign as %s here: %v; this line in allowed_signers lets it, after review:\n%s",
		ssh.FingerprintSHA256(e.Key), e.Role, e.Err, e.Line())
}

func (e *UnlistedError) Unwrap() error { return e.Err }

// Line is what would list the key for the role.
func (e *UnlistedError) Line() string {
	return fmt.Sprintf("NAME@EXAMPLE namespaces=%q %s", journal.SignoffNamespace(e.World, e.Role), bytes.TrimSpace(ssh.MarshalAuthorizedKey(e.Key)))
}

// RefusedError is what whoever drives says of a sign-off that it did not take.
type RefusedError struct{ Reason string }

func (e *RefusedError) Error() string { return "whoever drives does not take it in: " + e.Reason }

// HandIn takes a sign-off into the log of the run in dir: through whoever
// drives it, or itself where nobody does. It may follow the run's end. o says
// who writes, if it is us. Errors: those of Admit, *RefusedError, and that
// whoever drives does not answer: then it stays in the inbox, and is taken in
// when somebody drives.
func HandIn(ctx context.Context, dir string, signers journal.Signers, a journal.Attest, o journal.Options) error {
	return handIn(ctx, dir, signers, a, o, handInPatience)
}

func handIn(ctx context.Context, dir string, signers journal.Signers, a journal.Attest, o journal.Options, patience time.Duration) error {
	if err := Owned(dir); err != nil {
		return fmt.Errorf("%w; hand the signature to them: `runbook log import`", err)
	}
	a, _, err := Admit(dir, signers, a)
	if err != nil {
		return err
	}
	if err = takeIn(ctx, dir, a, o); !errors.Is(err, journal.ErrBusy) {
		return err
	}
	path, err := deliver(dir, a)
	if err != nil {
		return fmt.Errorf("hand it to whoever drives: %w", err)
	}
	for began := time.Now(); ; {
		if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) { // whoever drives is done with it
			return recorded(dir, path, a)
		}
		if held, err := durable.Locked(filepath.Join(dir, "lock")); err == nil && !held && os.Remove(path) == nil {
			if recorded(dir, path, a) == nil {
				return nil // they left just behind it
			}
			return handIn(ctx, dir, signers, a, o, patience) // they left before they came to it
		}
		if time.Since(began) > patience {
			return fmt.Errorf("NOT RECORDED yet: whoever drives did not answer in %s; it lies in %s and is taken in when somebody drives", patience, path)
		}
		if err := pause(ctx, takePace); err != nil {
			_ = os.Remove(path)
			return err
		}
	}
}

// takeIn appends a sign-off to a log that nobody drives.
func takeIn(ctx context.Context, dir string, a journal.Attest, o journal.Options) error {
	log, _, err := journal.Open(dir, only(o, "sign-off", onlyTakesIn))
	if err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx)
	if _, _, err = log.AnchorWatch(ctx); err == nil { // what timers measured until then stands before it
		_, err = log.Attest(ctx, a)
	}
	return errors.Join(err, log.Close())
}

// deliver puts a sign-off where the driver of the run in dir finds it whole.
func deliver(dir string, a journal.Attest) (path string, err error) {
	var id [8]byte
	_, _ = rand.Read(id[:]) // never fails: it ends the process instead
	path = filepath.Join(inbox(dir), "attest-"+hex.EncodeToString(id[:])+".json")
	data, err := json.Marshal(a)
	if err == nil {
		err = durable.MkdirAll(inbox(dir), 0o700)
	}
	if err == nil {
		err = durable.Publish(path, append(data, '\n'), 0o600)
	}
	return path, err
}

// refusal is where the reason lies for which a sign-off was not taken in.
func refusal(path string) string { return strings.TrimSuffix(path, ".json") + ".refused" }

// answerTo takes the reason for which what lay at path was not taken in.
func answerTo(path string) (reason string, refused bool) {
	data, err := readBounded(refusal(path))
	if err != nil {
		return "", false
	}
	_ = os.Remove(refusal(path))
	return safetext.Line(strings.TrimSpace(string(data))), true
}

// recorded reports whether a sign-off that is gone from the inbox is in the log.
func recorded(dir, path string, a journal.Attest) error {
	entries, err := journal.Read(dir)
	for _, e := range entries {
		body, decodeErr := decode[journal.Attest](e)
		if e.Kind == journal.KindAttest && decodeErr == nil && body.Stmt == a.Stmt && body.SSHSig == a.SSHSig {
			return nil
		}
	}
	if reason, refused := answerTo(path); refused {
		return &RefusedError{Reason: reason}
	}
	return errors.Join(fmt.Errorf("%w: the sign-off is gone from the inbox, and not in the log", journal.ErrNotRecorded), err)
}

// takeInOthers takes in the sign-offs that come into the inbox, one a look, as
// long as this session drives. Each has the log read whole: whoever asks for the
// run does not wait for that.
func (s *Session) takeInOthers() {
	for last := ""; pause(s.driving, inboxPace) == nil; {
		last = s.takeInNext(last)
	}
}

// takeInNext looks at the first sign-off behind the name last, or from the
// beginning again, and returns its name.
func (s *Session) takeInNext(last string) string {
	s.mu.Lock()
	keys := s.keys
	s.mu.Unlock()
	entries, err := os.ReadDir(inbox(s.run.Dir))
	if err != nil || keys.Signers == nil {
		return last // none was ever sent, or who may sign is not known yet
	}
	next := ""
	for _, e := range entries {
		forgetRefusal(filepath.Join(inbox(s.run.Dir), e.Name()), e)
		if name := e.Name(); handInName.MatchString(name) && (next == "" || next <= last && name > last) {
			next = name
		}
	}
	if next != "" {
		s.takeInOne(filepath.Join(inbox(s.run.Dir), next), keys)
	}
	return next
}

// takeInOne takes in what lies at path. What does not hold is answered with its
// reason; what could not be looked at, or written down, stays for another look.
func (s *Session) takeInOne(path string, keys Keys) {
	signers, err := keys.Signers()
	if err != nil {
		return
	}
	a, err := readHandIn(path)
	if err == nil {
		a, _, err = Admit(s.run.Dir, signers, a)
	}
	if err == nil {
		err = s.attest(context.Background(), a)
	}
	if s.Reads() != nil || passes(err) {
		return
	}
	if err != nil {
		_ = durable.Publish(refusal(path), []byte(err.Error()+"\n"), 0o600) // without room for a reason it goes without
	}
	_ = os.Remove(path)
}

// passes reports whether an error says something of the machine or the log, and
// nothing of a sign-off.
func passes(err error) bool {
	for _, of := range []error{journal.ErrNotRecorded, journal.ErrTampered, journal.ErrForked, journal.ErrVersion, os.ErrClosed} {
		if errors.Is(err, of) {
			return true
		}
	}
	return errors.As(err, new(syscall.Errno))
}

// forgetRefusal takes away a reason for which nobody came.
func forgetRefusal(path string, e fs.DirEntry) {
	if !strings.HasSuffix(path, ".refused") {
		return
	}
	if info, err := e.Info(); err == nil && time.Since(info.ModTime()) > refusalStays {
		_ = os.Remove(path)
	}
}

func readHandIn(path string) (a journal.Attest, err error) {
	data, err := readBounded(path)
	if err != nil {
		return a, err
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&a); err != nil {
		return a, fmt.Errorf("not a sign-off: %w", err)
	}
	return a, nil
}

func readBounded(path string) (data []byte, err error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // read only: nothing to lose
	return io.ReadAll(io.LimitReader(f, maxHandIn))
}

// foldSession: whoever begins one drives, unless it only takes something in or away.
func foldSession(r *Run, _ *book.Book, e journal.Entry) error {
	body, err := decode[struct {
		Identity string            `json:"identity"`
		World    string            `json:"world"`
		Claims   map[string]string `json:"claims"`
	}](e)
	r.ID, r.Practice = e.Run, body.World == "practice"
	if body.Claims[ClaimOnly] != "" {
		return err
	}
	r.Key, r.Session = body.Identity, e.N
	r.Operator, r.Terminal, r.Since = body.Claims["user"], body.Claims["tty"], e.Time
	return err
}
