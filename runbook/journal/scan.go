package journal

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"os"
	"path/filepath"
)

// chain is what a pass over a log has accepted so far.
type chain struct {
	run, world string
	n          uint64
	head       string
	ended      bool
	bytes      int64     // of the lines up to here: the segments joined, each up to its cut
	sum        hash.Hash // SHA-256 over these bytes
	marks      []mark    // one an entry
	segs       []segment
	attested   []attested
	handed     []handedOver

	delegations []delegated // who may write which lines of watch.jsonl
	anchors     []watchHead // what is committed of it, in order
	anchored    watchHead   // the last of them
}

// mark is what a statement that speaks of an entry commits to.
type mark struct {
	head, sum [sha256.Size]byte
	bytes     int64
}

// segment is one file of the log.
type segment struct {
	first  Entry
	body   session
	key    ed25519.PublicKey
	signer person // without a key if no person signed
	acts   bool   // holds more than attest and anchor
	size   int64  // bytes of the longest valid prefix
	tail   []byte // its last bytes, at most rewriteTail; only of the last segment
	rest   []byte // what follows it; only of the last segment
}

// scan reads and checks the whole log in dir and calls visit with each entry of
// the longest valid prefix. The error says what follows: ErrTorn, ErrTampered,
// ErrForked, ErrVersion, or what kept us from reading.
func scan(dir string, visit func(Entry)) (*chain, error) {
	c := &chain{head: Zeros, sum: sha256.New()}
	count, err := segments(dir)
	if err != nil {
		return c, err
	}
	data, err := openSegment(dir, 1)
	for k := uint64(1); err == nil && k <= count; k++ {
		var next *reading
		if k < count {
			next, err = openSegment(dir, k+1)
		}
		if err == nil {
			err = c.segment(k, data, next, visit)
		}
		data.close()
		data = next
	}
	data.close()
	return c, err
}

// segments counts the segments in dir. Numbers without a gap are part of the
// form: a missing one is tampering.
func segments(dir string) (uint64, error) {
	names, err := filepath.Glob(filepath.Join(escapeGlob(dir), "[0-9]*.jsonl"))
	if err != nil {
		return 0, err
	}
	if len(names) == 0 {
		return 0, fmt.Errorf("no log in %s: %w", dir, os.ErrNotExist)
	}
	for k := range uint64(len(names)) {
		if _, err := os.Lstat(segmentPath(dir, k+1)); err != nil {
			return 0, fmt.Errorf("%w: %d segments, but no %04d.jsonl", ErrTampered, len(names), k+1)
		}
	}
	return uint64(len(names)), nil
}

func segmentPath(dir string, k uint64) string {
	return filepath.Join(dir, fmt.Sprintf("%04d.jsonl", k))
}

func readSegment(dir string, k uint64) ([]byte, error) { return readRegular(segmentPath(dir, k)) }

// segment checks segment k. next is the segment behind it, whose first line says
// where this one is cut; nil behind the last.
func (c *chain) segment(k uint64, data, next *reading, visit func(Entry)) error {
	pos, tail, stopped, err := c.take(k, data, visit)
	if err != nil {
		return err
	}
	where := fmt.Sprintf("%04d.jsonl at byte %d, behind entry %d", k, pos, c.n)
	rest := data.buf[:min(len(data.buf), MaxLine+1)]
	switch {
	case errors.Is(stopped, ErrVersion), pos == 0:
		return fmt.Errorf("%w: %s", orTampered(stopped), where)
	case next == nil && stopped == nil:
	case next == nil && isTorn(rest):
		stopped = fmt.Errorf("%w: %s: %d bytes without an end", ErrTorn, where, len(rest))
	case next == nil:
		return fmt.Errorf("%w: %s", orTampered(stopped), where)
	default:
		if err := next.fill(); err != nil {
			return err
		}
		if err := checkCut(pos, rest, next.buf); err != nil {
			return fmt.Errorf("%w (%s)", err, where)
		}
		return nil
	}
	seg := &c.segs[len(c.segs)-1]
	seg.size, seg.tail, seg.rest = pos, tail[max(0, len(tail)-rewriteTail):], bytes.Clone(rest)
	return stopped
}

// take accepts the lines of segment k as far as they hold: up to pos, where
// tail ends. stopped says why there, and err what kept us from reading.
func (c *chain) take(k uint64, data *reading, visit func(Entry)) (pos int64, tail []byte, stopped, err error) {
	for stopped == nil {
		if err = data.fill(); err != nil || pos > 0 && len(data.buf) == 0 {
			return pos, tail, nil, err
		}
		looks := []look{lookAt(data.buf, nil, "")} // the first line brings the key
		if pos > 0 {
			looks = lookAhead(data.buf, c.segs[len(c.segs)-1].key, EntryNamespace(c.world))
		}
		taken := 0
		for i := range looks {
			if stopped = c.next(k, &looks[i], pos == 0); stopped != nil {
				break
			}
			pos, taken = pos+int64(len(looks[i].line)), taken+len(looks[i].line)
			visit(looks[i].entry)
		}
		tail = append(tail[max(0, len(tail)-rewriteTail):], data.buf[:taken]...)
		data.buf = data.buf[taken:]
	}
	return pos, tail, stopped, data.fill()
}

func orTampered(err error) error {
	if errors.Is(err, ErrVersion) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrTampered, err)
}

// isTorn tells what a crash leaves from what a person changed: at most one
// batch, without a line end or with sectors that were never written.
func isTorn(rest []byte) bool {
	return len(rest) <= MaxLine && (!bytes.Contains(rest, []byte("\n")) || bytes.IndexByte(rest, 0) >= 0)
}

// checkCut holds the end of a segment, whose valid prefix ends at pos, against
// what the session that followed it saw.
func checkCut(pos int64, rest, next []byte) error {
	line, err := firstLine(next)
	if err != nil {
		return fmt.Errorf("%w: first line of the segment behind: %w", ErrTampered, err)
	}
	e, err := ParseLine(line)
	if err != nil {
		return fmt.Errorf("%w: first line of the segment behind: %w", ErrTampered, err)
	}
	var s session
	if err := json.Unmarshal(e.Body, &s); err != nil {
		return fmt.Errorf("%w: first line of the segment behind: %w", ErrTampered, err)
	}
	sum := sha256.Sum256(rest)
	switch {
	case s.PrevBytes < pos:
		return fmt.Errorf("%w: the next session cut it at byte %d, valid lines follow there", ErrForked, s.PrevBytes)
	case s.PrevBytes > pos, s.Discarded != int64(len(rest)), s.Rest != hex.EncodeToString(sum[:]), !isTorn(rest):
		return fmt.Errorf("%w: not the end that the next session saw", ErrTampered)
	}
	return nil
}

func firstLine(b []byte) ([]byte, error) {
	i := bytes.IndexByte(b[:min(len(b), MaxLine)], '\n')
	if i < 0 {
		return nil, errors.New("no line end")
	}
	return b[:i+1], nil
}

// next accepts a line as the next entry of segment k.
func (c *chain) next(k uint64, l *look, first bool) error {
	if errors.Is(l.form, errVersion) {
		return c.otherVersion(k, l.line, first, l.form)
	}
	if l.form != nil {
		return l.form
	}
	return c.accept(k, l, first)
}

// otherVersion tells a log of a newer program from one of ours whose version
// was altered: ours verifies once the 1 is put back.
func (c *chain) otherVersion(k uint64, line []byte, first bool, err error) error {
	_, rest, found := bytes.Cut(line, []byte(","))
	var key ed25519.PublicKey
	if !first {
		key = c.segs[len(c.segs)-1].key
	}
	if ours := lookAt(append([]byte(`{"v":1,`), rest...), key, EntryNamespace(c.world)); found && ours.form == nil && c.accept(k, &ours, first) == nil {
		return err
	}
	return fmt.Errorf("%w: %w", ErrVersion, err)
}

// accept takes l, which has the right form, as the next entry.
func (c *chain) accept(k uint64, l *look, first bool) error {
	e := &l.entry
	switch {
	case c.n > 0 && e.Run != c.run:
		return errors.New("a line of another run")
	case e.Seg != k:
		return fmt.Errorf("a line of segment %d", e.Seg)
	case e.N != c.n+1:
		return fmt.Errorf("entry %d where %d belongs", e.N, c.n+1)
	case e.Prev != c.head:
		return errors.New("prev is not the hash of the line before")
	case first != (e.Kind == KindSession):
		return fmt.Errorf("kind %s at this place", e.Kind)
	case c.ended && !first && !isNote(e.Kind):
		return fmt.Errorf("kind %s behind the end of the run", e.Kind)
	}
	if err := c.signed(l, first); err != nil {
		return err
	}
	c.advance(e, l.line)
	return nil
}

// signed checks the signatures of l, which has its right place.
func (c *chain) signed(l *look, first bool) error {
	e := &l.entry
	if first {
		return c.begin(e)
	}
	if l.sig != nil {
		return l.sig
	}
	seg := &c.segs[len(c.segs)-1]
	seg.acts = seg.acts || !isNote(e.Kind)
	switch e.Kind {
	case KindAttest:
		return c.attest(e)
	case KindDelegate:
		return c.delegate(e)
	case KindHandover:
		return c.handOver(e)
	case KindAnchor:
		return c.anchor(e)
	}
	return nil
}

// isNote tells what may stand behind the end of a run, and needs no identity:
// it vouches for itself, or for nothing that was done.
func isNote(kind string) bool {
	return kind == KindAttest || kind == KindAnchor || kind == KindShredded
}

func (c *chain) advance(e *Entry, line []byte) {
	c.n, c.head = e.N, e.Head
	c.ended = c.ended || e.Kind == KindRunEnd
	c.bytes += int64(len(line))
	c.sum.Write(line)
	c.marks = append(c.marks, newMark(e, c.bytes, c.sum))
}

// newMark is the mark of e, behind which the log is bytes long.
func newMark(e *Entry, bytes int64, sum hash.Hash) mark {
	m := mark{bytes: bytes}
	sum.Sum(m.sum[:0])
	_, _ = hex.Decode(m.head[:], []byte(e.Head)) // it is a hash that was just made
	return m
}

// commitment is what a statement over entry n, which there is, commits to.
func (c *chain) commitment(n uint64) Commitment {
	return c.marks[n-1].commitment(n)
}

func (m mark) commitment(n uint64) Commitment {
	return Commitment{N: n, Head: hex.EncodeToString(m.head[:]), Bytes: m.bytes, SHA256: hex.EncodeToString(m.sum[:])}
}

// begin takes e as the first line of a segment.
func (c *chain) begin(e *Entry) error {
	body, err := decodeBody[session](e)
	seg := segment{first: *e, body: body}
	s := &seg.body
	switch {
	case err != nil:
		return err
	case s.World != Real && s.World != Practice:
		return fmt.Errorf("session: world %q", s.World)
	case c.n > 0 && s.World != c.world:
		return fmt.Errorf("session: world %s in a run of world %s", s.World, c.world)
	case c.n == 0 && (s.PrevBytes != 0 || s.Discarded != 0):
		return errors.New("session: a first segment with one before it")
	case s.Stmt != s.statement(e, c.bytes, hex.EncodeToString(c.sum.Sum(nil))):
		return errors.New("session: the statement speaks of another session")
	}
	if seg.key, err = s.key(); err != nil {
		return err
	}
	if err := checkLine(e, seg.key, EntryNamespace(s.World)); err != nil {
		return err
	}
	if seg.signer, err = s.signer(); err != nil {
		return err
	}
	c.run, c.world = e.Run, s.World
	c.segs = append(c.segs, seg)
	return nil
}

// checkLine checks the signature of a line.
func checkLine(e *Entry, key ed25519.PublicKey, namespace string) error {
	sig, err := base64.StdEncoding.Strict().DecodeString(e.Sig)
	if err != nil || !ed25519.Verify(key, signedData(namespace, e.signed()), sig) {
		return errors.New("the signature does not hold")
	}
	return nil
}
