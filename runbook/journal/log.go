package journal

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"runbook/runbook/durable"
	"runbook/steps/safetext"
)

// processStart stands in where the system has no better clock.
var processStart = time.Now()

// Options say who writes, for which run. They end up in the session entry.
type Options struct {
	Run        string            // 32 hex digits; Create makes one if empty
	World      string            // Real or Practice; Open takes the log's if empty
	Identity   Identity          // the person's key; nil for none
	NoIdentity string            // why there is none
	Claims     map[string]string // what the caller believes about the person, unproved
	Tool       string            // program and version
	Signers    Signers           // whose keys count for who goes on with the run; the log takes in what holds
	Now        func() time.Time  // time.Now if nil
}

// Log is the open log of a run. Its methods may be called concurrently.
type Log struct {
	dir      string
	o        Options
	lock     *durable.Lock
	key      ed25519.PrivateKey
	identity string
	// sessionKey is the public one, in base64.
	sessionKey string
	began      time.Duration

	turn chan struct{} // held by who writes; guards the group below
	seg  uint64
	tail

	mu     sync.Mutex // guards the group below
	queue  []*request
	n      uint64
	head   string
	bytes  int64     // of all lines up to n, and total the SHA-256 over them
	total  hash.Hash // what statements commit to
	marks  []mark    // of this session's entries: what a hand-over may speak of
	ended  bool
	closed bool

	watch    watchHead // of watch.jsonl, which is nobody else's while we have the lock
	anchored watchHead // how much of it the log is committed to
	clock    time.Time // when the session began, by the wall clock as it is set now
}

// Create begins the log of a new run in dir, which it makes if need be: a lock,
// held until Close, and a first segment with its session entry. Errors: ErrBusy,
// os.ErrExist if there is a log already.
func Create(dir string, o Options) (*Log, error) {
	if o.World != Real && o.World != Practice {
		return nil, fmt.Errorf("create the log in %s: world %q is neither real nor practice", dir, o.World)
	}
	if o.Run == "" {
		o.Run = newRun()
	}
	if !isRun(o.Run) {
		return nil, fmt.Errorf("create the log in %s: run %q is not 32 hex digits", dir, o.Run)
	}
	if err := durable.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	l, err := lockDir(dir, o)
	if err != nil {
		return nil, err
	}
	if _, err := os.Lstat(segmentPath(dir, 1)); err == nil {
		return nil, errors.Join(fmt.Errorf("create the log in %s: %w", dir, os.ErrExist), l.lock.Unlock())
	}
	if err := l.begin(&chain{head: Zeros, sum: sha256.New()}, 0, nil); err != nil {
		return nil, errors.Join(err, l.lock.Unlock())
	}
	return l, nil
}

// Open goes on with the log in dir: it takes the lock, checks everything, keeps
// the longest valid prefix, and starts a segment with a session of its own. It
// returns the entries before that session. Errors: ErrBusy, ErrTampered,
// ErrForked, ErrVersion, os.ErrNotExist.
func Open(dir string, o Options) (*Log, []Entry, error) {
	if _, err := os.Lstat(segmentPath(dir, 1)); err != nil {
		return nil, nil, fmt.Errorf("open the log in %s: %w", dir, err)
	}
	l, err := lockDir(dir, o)
	if err != nil {
		return nil, nil, err
	}
	entries, err := l.resume()
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("open the log in %s: %w", dir, err), l.lock.Unlock())
	}
	return l, entries, nil
}

func lockDir(dir string, o Options) (*Log, error) {
	path := filepath.Join(dir, "lock")
	lock, err := durable.TryLock(path)
	if errors.Is(err, durable.ErrLocked) {
		return nil, fmt.Errorf("%w: %s", ErrBusy, holder(path))
	}
	if err != nil {
		return nil, err
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	l := &Log{dir: dir, o: o, lock: lock, turn: make(chan struct{}, 1), began: boottime()}
	// Who holds it is a courtesy to others: a full disk does not cost the lock.
	_ = lock.Describe(o.who())
	return l, nil
}

// who is the person in a few words, as far as the claims tell.
func (o *Options) who() string {
	who := o.Claims["user"]
	if who == "" {
		who = "uid " + strconv.Itoa(os.Getuid())
	}
	if tty := o.Claims["tty"]; tty != "" {
		who += " on " + tty
	}
	return who
}

// holder is who holds a lock, in words.
func holder(path string) string {
	h, err := durable.HolderOf(path)
	if err != nil {
		return "it does not say who"
	}
	return fmt.Sprintf("%s (pid %d) since %s", safetext.Line(h.Who), h.PID, h.Since.UTC().Format("2006-01-02 15:04Z"))
}

// resume reads what is there and starts the next segment.
func (l *Log) resume() ([]Entry, error) {
	var entries []Entry
	c, err := scan(l.dir, func(e Entry) { entries = append(entries, e) })
	if err != nil && !errors.Is(err, ErrTorn) {
		return nil, err
	}
	switch {
	case l.o.Run != "" && l.o.Run != c.run:
		return nil, fmt.Errorf("it is run %s, not %s", c.run, l.o.Run)
	case l.o.World != "" && l.o.World != c.world:
		return nil, fmt.Errorf("it is a run of world %s, not %s", c.world, l.o.World)
	}
	l.o.Run, l.o.World = c.run, c.world
	last := &c.segs[len(c.segs)-1]
	if err := rewrite(segmentPath(l.dir, last.first.Seg), last.size-int64(len(last.tail)), last.tail, last.rest); err != nil {
		return nil, err
	}
	l.n, l.head, l.ended = c.n, c.head, c.ended
	l.seg, l.anchored = last.first.Seg, c.anchored
	slots, _ := c.slots(l.dir, func(Entry) {}) // its damage stops nobody here: Verify tells it
	l.watch = slots.watchHead
	return entries, l.begin(c, last.size, last.rest)
}

// begin publishes the next segment with its session entry. The segment before
// is cut at size, and rest is what it holds behind that.
func (l *Log) begin(c *chain, size int64, rest []byte) error {
	public, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	l.key = key
	discarded := sha256.Sum256(rest)
	s := session{
		SessionKey: base64.StdEncoding.EncodeToString(public), World: l.o.World, Claims: l.o.Claims, Tool: l.o.Tool,
		PrevBytes: size, Discarded: int64(len(rest)), Rest: hex.EncodeToString(discarded[:]),
	}
	e := l.entry(KindSession, c.n+1, c.head)
	e.Seg++
	s.Stmt = s.statement(&e, c.bytes, hex.EncodeToString(c.sum.Sum(nil)))
	l.delegate(&s)
	if e.Body, err = encodeBody(s); err != nil {
		return err
	}
	line, err := l.sign(&e)
	if err != nil {
		return fmt.Errorf("session entry: %w", err)
	}
	if err := l.publish(segmentPath(l.dir, e.Seg), line); err != nil {
		return err
	}
	l.seg, l.n, l.head, l.identity = e.Seg, e.N, e.Head, s.Identity
	now := l.entry(KindSession, e.N, "") // the person may have taken long to sign, and the clock be set meanwhile
	l.clock = now.base()
	l.total, l.bytes = c.sum, c.bytes+int64(len(line))
	l.total.Write(line)
	l.sessionKey, l.marks = s.SessionKey, []mark{newMark(&e, l.bytes, l.total)}
	return nil
}

// delegate has the person sign the statement of a session. A key that can't
// sign does not stop the work: the session says so instead.
func (l *Log) delegate(s *session) {
	if l.o.Identity == nil {
		s.Identity = "none: " + l.o.NoIdentity
		return
	}
	armored, err := l.o.Identity.Sign(SessionNamespace(s.World), []byte(s.Stmt))
	if err == nil {
		s.SSHSig = armored
		_, err = s.signer()
	}
	if err != nil {
		s.SSHSig, s.Identity = "", fmt.Sprintf("none: %s did not sign: %v", l.o.Identity.Source(), err)
		return
	}
	key := l.o.Identity.PublicKey()
	s.Identity = fmt.Sprintf("%s %s via %s", key.Type(), ssh.FingerprintSHA256(key), l.o.Identity.Source())
}

// Run returns the id of the run, 32 hex digits.
func (l *Log) Run() string { return l.o.Run }

// World returns Real or Practice.
func (l *Log) World() string { return l.o.World }

// Identity says which person's key this session goes by, as it is recorded:
// "ssh-ed25519 SHA256:… via agent", or "none: " and why.
func (l *Log) Identity() string { return l.identity }

// Head returns number and hash of the last acknowledged entry.
func (l *Log) Head() (n uint64, head string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.n, l.head
}

// Commitment is what a statement over the last acknowledged entry commits to.
func (l *Log) Commitment() Commitment {
	l.mu.Lock()
	defer l.mu.Unlock()
	return Commitment{N: l.n, Head: l.head, Bytes: l.bytes, SHA256: hex.EncodeToString(l.total.Sum(nil))}
}

// Close waits for what is being written, wipes the session key and gives the
// lock back. No line can be added to this segment ever again.
func (l *Log) Close() error {
	l.turn <- struct{}{}
	defer func() { <-l.turn }()
	l.mu.Lock()
	closed := l.closed
	l.closed = true
	l.mu.Unlock()
	if closed {
		return nil
	}
	clear(l.key)
	return errors.Join(l.f.Close(), l.lock.Unlock())
}

func newRun() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
