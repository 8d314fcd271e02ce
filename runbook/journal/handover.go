package journal

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// HandOver is what a person signs who takes a run over from a session that
// drives it: which session is to let go, and up to which entry they had read
// when they took it on. It is signed in the session namespace, as it is said by
// whoever may drive; its title tells it from a session's statement.
type HandOver struct {
	World, Run string
	Commitment
	SessionKey string    // of the session that is to let go: base64 of the 32 byte Ed25519 public key
	Time       time.Time // to the second, UTC
}

// SignedHandOver is what the body of a handover entry holds of it, beside what
// the caller says there; both are empty where nobody signed.
type SignedHandOver struct {
	SSHSig string `json:"sshsig,omitempty"` // armored
	Stmt   string `json:"stmt,omitempty"`   // what HandOver.Text wrote
}

// handedOver is a hand-over of the log that holds, and that somebody signed.
type handedOver struct {
	HandOver
	person
	from  uint64 // segment of the session that let go
	entry uint64
	at    time.Time
}

const handOverTitle = "runbook-log/v1 hand-over"

// Text is what is signed: a line for each field.
func (h HandOver) Text() string {
	return strings.Join([]string{
		handOverTitle,
		"world " + h.World,
		"run " + h.Run,
		"entry " + strconv.FormatUint(h.N, 10),
		"head " + h.Head,
		fmt.Sprintf("bytes %d sha256 %s", h.Bytes, h.SHA256),
		"from session-key " + h.SessionKey,
		"time " + h.Time.UTC().Format(time.RFC3339),
	}, "\n") + "\n"
}

// parseHandOver reads a statement that Text has written, and nothing else.
func parseHandOver(text string) (HandOver, error) {
	var h HandOver
	var n, size, at string
	err := readStatement(text, handOverTitle, []field{
		{"world ", &h.World, "", nil},
		{"run ", &h.Run, "", nil},
		{"entry ", &n, "", nil},
		{"head ", &h.Head, "", nil},
		{"bytes ", &size, " sha256 ", &h.SHA256},
		{"from session-key ", &h.SessionKey, "", nil},
		{"time ", &at, "", nil},
	})
	if err != nil {
		return h, fmt.Errorf("not a hand-over: %w", err)
	}
	var errs [3]error
	h.N, errs[0] = strconv.ParseUint(n, 10, 64)
	h.Bytes, errs[1] = strconv.ParseInt(size, 10, 64)
	h.Time, errs[2] = time.Parse(time.RFC3339, at)
	if err := errors.Join(errs[:]...); err != nil {
		return h, fmt.Errorf("not a hand-over: %w", err)
	}
	if h.Text() != text {
		return h, errors.New("not a hand-over: not written as one is")
	}
	return h, nil
}

// AskHandOver is what somebody would sign who takes the run in dir over from
// the session that wrote last, as far as the log is read now.
func AskHandOver(dir string, now time.Time) (HandOver, error) {
	c, err := scan(dir, func(Entry) {})
	if err != nil && !errors.Is(err, ErrTorn) || c.n == 0 { // torn may be a line on its way
		return HandOver{}, err
	}
	return HandOver{
		World: c.world, Run: c.run, Commitment: c.commitment(c.n), SessionKey: c.segs[len(c.segs)-1].body.SessionKey,
		Time: now.UTC().Truncate(time.Second),
	}, nil
}

// Sign has the person's key sign it.
func (h HandOver) Sign(id Identity) (SignedHandOver, error) {
	s := SignedHandOver{Stmt: h.Text()}
	var err error
	if s.SSHSig, err = id.Sign(SessionNamespace(h.World), []byte(s.Stmt)); err == nil {
		_, err = checkSigned(s.SSHSig, SessionNamespace(h.World), s.Stmt)
	}
	if err != nil {
		return SignedHandOver{}, fmt.Errorf("%s did not sign the hand-over: %w", id.Source(), err)
	}
	return s, nil
}

// ReadHandOver reads what is signed of the body of a handover entry, under
// these names and no others: a reader that takes STMT for stmt would see more
// than a stranger with jq.
func ReadHandOver(body json.RawMessage) (s SignedHandOver, signed bool, err error) {
	var all map[string]json.RawMessage
	if err := json.Unmarshal(body, &all); err != nil {
		return s, false, fmt.Errorf("hand-over: %w", err)
	}
	stmt, sig := all["stmt"], all["sshsig"]
	if stmt == nil && sig == nil {
		return s, false, nil
	}
	if json.Unmarshal(stmt, &s.Stmt) != nil || json.Unmarshal(sig, &s.SSHSig) != nil {
		return s, true, errors.New("hand-over: half of it is signed")
	}
	return s, true, nil
}

// CheckHandOver says what was signed, by whose key, of taking the run over from
// this session, and why that does not hold: then no entry may say it. It reads
// no file, since who asks does not wait long.
func (l *Log) CheckHandOver(s SignedHandOver) (HandOver, ssh.PublicKey, error) {
	h, err := parseHandOver(s.Stmt)
	if err != nil {
		return h, nil, err
	}
	l.mu.Lock()
	key, first, last := l.sessionKey, l.n+1-uint64(len(l.marks)), l.n
	var seen Commitment
	if h.N >= first && h.N <= last {
		seen = l.marks[h.N-first].commitment(h.N)
	}
	l.mu.Unlock()
	who, err := h.check(s.SSHSig, l.o.Run, l.o.World, key, seen)
	return h, who.key, err
}

// Key is the key that signed it; an error if none did.
func (s SignedHandOver) Key() (ssh.PublicKey, error) {
	h, err := parseHandOver(s.Stmt)
	if err != nil {
		return nil, err
	}
	who, err := checkSigned(s.SSHSig, SessionNamespace(h.World), s.Stmt)
	return who.key, err
}

// mayHandOver says what an entry would say of a hand-over that does not hold.
func (l *Log) mayHandOver(body json.RawMessage) error {
	s, signed, err := ReadHandOver(body)
	if err == nil && signed {
		_, _, err = l.CheckHandOver(s)
	}
	return err
}

// check holds a hand-over against the session that lets go, and against what
// the log commits to at the entry that it names: nothing if there is none.
func (h HandOver) check(armored, run, world, sessionKey string, seen Commitment) (person, error) {
	switch {
	case h.Run != run || h.World != world:
		return person{}, fmt.Errorf("hand-over: it is about run %s of world %s", h.Run, h.World)
	case h.SessionKey != sessionKey:
		return person{}, errors.New("hand-over: it is about another session than the one that lets go")
	case h.N == 0 || h.Commitment != seen:
		return person{}, fmt.Errorf("hand-over: at entry %d it is about another log", h.N)
	}
	who, err := checkSigned(armored, SessionNamespace(world), h.Text())
	if err != nil {
		return person{}, fmt.Errorf("hand-over: %w", err)
	}
	return who, nil
}

// handOver takes e, whose place and line are right. One that nobody signed says
// nothing that could be held against anything.
func (c *chain) handOver(e *Entry) error {
	s, signed, err := ReadHandOver(e.Body)
	if err != nil || !signed {
		return err
	}
	h, err := parseHandOver(s.Stmt)
	if err != nil {
		return err
	}
	var seen Commitment
	if h.N > 0 && h.N <= c.n {
		seen = c.commitment(h.N)
	}
	who, err := h.check(s.SSHSig, c.run, c.world, base64.StdEncoding.EncodeToString(c.segs[len(c.segs)-1].key), seen)
	if err != nil {
		return err
	}
	c.handed = append(c.handed, handedOver{h, who, e.Seg, e.N, e.Time})
	return nil
}
