package journal

import (
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

// The decisions of a sign-off. A reject holds against every approval of its
// role and scope until the same key withdraws it, or approves later.
const (
	DecisionApprove  = "approve"
	DecisionReject   = "reject"
	DecisionWithdraw = "withdraw"
)

// ScopeRun is the scope of a sign-off that is about the run as a whole. The
// other scopes are PhaseScope's.
const ScopeRun = "run"

// PhaseScope is the scope of a sign-off that is about one phase: the approval
// of a plan before it is carried out.
func PhaseScope(phase string) string { return "phase:" + phase }

// SignoffNamespace is the SSHSIG namespace in which a role signs: allowed_signers
// of stock OpenSSH says with it who may sign for which role.
func SignoffNamespace(world, role string) string { return "signoff." + role + "@" + domain(world) }

// Signoff is what a person signs about a run, in a role: an approval of a plan
// or of a result, at the head it names. Nothing may happen to the text between
// what was shown and what is signed, so it is the text that counts: ParseSignoff
// takes only what Text writes.
type Signoff struct {
	World     string `json:"world"` // Real or Practice
	Run       string `json:"run"`   // 32 hex digits
	Role      string `json:"role"`  // as ValidRole wants it
	Scope     string `json:"scope"` // ScopeRun, or PhaseScope of a phase
	Decision  string `json:"decision"`
	Book      string `json:"book"`        // name of the book
	BookSHA   string `json:"book_sha256"` // of the run's own copy, 64 hex digits; so is TargetSHA
	Target    string `json:"target"`
	TargetSHA string `json:"target_sha256"`
	Mode      string `json:"mode"` // deploy or rollback
	Commitment
	ReportSHA string    `json:"report_sha256"` // of the report that was shown, 64 hex digits
	Note      string    `json:"note"`          // what the person adds; may be empty
	Time      time.Time `json:"time"`          // to the second, UTC
}

// Commitment says of which log a statement speaks, up to which entry.
type Commitment struct {
	N      uint64 `json:"entry"`  // of the last entry
	Head   string `json:"head"`   // its hash, 64 hex digits
	Bytes  int64  `json:"bytes"`  // of the segments up to and with it, each up to its cut
	SHA256 string `json:"sha256"` // of these bytes, 64 hex digits
}

const signoffTitle = "runbook-log/v1 sign-off"

// Text is what is signed: a line for each field.
func (s Signoff) Text() string {
	return strings.Join([]string{
		signoffTitle,
		"world " + s.World,
		"run " + s.Run,
		"role " + s.Role,
		"scope " + s.Scope,
		"decision " + s.Decision,
		"book " + s.Book + " sha256 " + s.BookSHA,
		"target " + s.Target + " sha256 " + s.TargetSHA,
		"mode " + s.Mode,
		"entry " + strconv.FormatUint(s.N, 10),
		"head " + s.Head,
		fmt.Sprintf("bytes %d sha256 %s", s.Bytes, s.SHA256),
		"report sha256 " + s.ReportSHA,
		"note " + strconv.Quote(s.Note),
		"time " + s.Time.UTC().Format(time.RFC3339),
	}, "\n") + "\n"
}

// ParseSignoff reads a statement that Text has written, and nothing else.
func ParseSignoff(text string) (Signoff, error) {
	var s Signoff
	var n, bytes, note, at string
	err := readStatement(text, signoffTitle, []field{
		{"world ", &s.World, "", nil},
		{"run ", &s.Run, "", nil},
		{"role ", &s.Role, "", nil},
		{"scope ", &s.Scope, "", nil},
		{"decision ", &s.Decision, "", nil},
		{"book ", &s.Book, " sha256 ", &s.BookSHA},
		{"target ", &s.Target, " sha256 ", &s.TargetSHA},
		{"mode ", &s.Mode, "", nil},
		{"entry ", &n, "", nil},
		{"head ", &s.Head, "", nil},
		{"bytes ", &bytes, " sha256 ", &s.SHA256},
		{"report sha256 ", &s.ReportSHA, "", nil},
		{"note ", &note, "", nil},
		{"time ", &at, "", nil},
	})
	if err != nil {
		return s, fmt.Errorf("not a sign-off: %w", err)
	}
	var errs [4]error
	s.N, errs[0] = strconv.ParseUint(n, 10, 64)
	s.Bytes, errs[1] = strconv.ParseInt(bytes, 10, 64)
	s.Note, errs[2] = strconv.Unquote(note)
	s.Time, errs[3] = time.Parse(time.RFC3339, at)
	if err := errors.Join(errs[:]...); err != nil {
		return s, fmt.Errorf("not a sign-off: %w", err)
	}
	if s.Text() != text {
		return s, errors.New("not a sign-off: not written as one is")
	}
	return s, s.Validate()
}

// These are made when they are first used: every start of the program, also of a
// supervisor, would pay for them.
var (
	roleForm = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-z][a-z0-9-]{0,31}$`) })
	nameForm = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[\w][\w.:-]{0,127}$`) })
)

// ValidRole reports whether role may stand in a namespace.
func ValidRole(role string) bool { return roleForm().MatchString(role) }

// Validate says what is no sign-off.
func (s Signoff) Validate() error {
	phase, ofPhase := strings.CutPrefix(s.Scope, "phase:")
	switch {
	case s.World != Real && s.World != Practice:
		return fmt.Errorf("sign-off: world %q is neither real nor practice", s.World)
	case !isRun(s.Run):
		return fmt.Errorf("sign-off: run %q is not 32 hex digits", s.Run)
	case !ValidRole(s.Role):
		return fmt.Errorf("sign-off: role %q: want lower case letters, digits and -, at most 32", s.Role)
	case s.Scope != ScopeRun && (!ofPhase || !nameForm().MatchString(phase)):
		return fmt.Errorf("sign-off: scope %q is neither run nor phase:ID", s.Scope)
	case s.Decision != DecisionApprove && s.Decision != DecisionReject && s.Decision != DecisionWithdraw:
		return fmt.Errorf("sign-off: decision %q: want approve, reject or withdraw", s.Decision)
	case !nameForm().MatchString(s.Book) || !nameForm().MatchString(s.Target) || !nameForm().MatchString(s.Mode):
		return fmt.Errorf("sign-off: book %q, target %q, mode %q: not names", s.Book, s.Target, s.Mode)
	case s.N == 0 || s.Bytes <= 0:
		return errors.New("sign-off: it is about no entry")
	case strings.ContainsAny(s.Note, "\n\r") || len(s.Note) > 1000:
		return errors.New("sign-off: the note is more than a line of 1000 bytes")
	}
	for _, sum := range []string{s.Head, s.SHA256, s.BookSHA, s.TargetSHA, s.ReportSHA} {
		if b, err := hex.DecodeString(sum); err != nil || len(b) != 32 || strings.ToLower(sum) != sum {
			return fmt.Errorf("sign-off: %q is not a SHA-256", sum)
		}
	}
	return nil
}
