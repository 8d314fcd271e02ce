package journal

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// MaxLine caps a line of the log, in bytes with its line feed.
const MaxLine = 64 << 10

const (
	version = 1
	// sigHead and sigTail stand around the 88 base64 digits of a signature; what
	// stands before sigHead is signed.
	sigHead, sigTail = `,"sig":"`, "\"}\n"
	sigDigits        = 88
	sigSuffix        = len(sigHead) + sigDigits + len(sigTail)
	timeLayout       = "2006-01-02T15:04:05.000000Z"
)

// Zeros is the Prev of the first entry.
const Zeros = "0000000000000000000000000000000000000000000000000000000000000000"

// Entry is one line of the log. Order comes from N, durations from Mono, and
// Time is what the wall clock said.
type Entry struct {
	V    int             // version of the format, 1
	Run  string          // 32 hex digits
	Seg  uint64          // segment, from 1
	N    uint64          // entry, from 1, through all segments
	Prev string          // Head of the entry before, Zeros in the first
	Time time.Time       // UTC, microseconds
	Mono int64           // microseconds since the session began, suspended time included
	Kind string          // session, attest, anchor, delegate, clock.step are the journal's alone; others are the caller's
	Body json.RawMessage // an object, keys sorted, integers only
	Sig  string          // base64 Ed25519 signature by the segment's session key
	Head string          // hex SHA-256 of this line with its line feed; not part of the line
}

var kindForm = regexp.MustCompile(`^[a-z][a-z.]{0,31}$`)

// errVersion says that a line has the form of another version.
var errVersion = errors.New("unknown version")

// signed returns the line up to its signature: what the signature covers.
func (e *Entry) signed() []byte {
	b := make([]byte, 0, maxEnvelope+len(e.Body)) // Line adds the signature
	b = append(b, `{"v":`...)
	b = strconv.AppendInt(b, int64(e.V), 10)
	b = append(b, `,"run":"`...)
	b = append(b, e.Run...)
	b = append(b, `","seg":`...)
	b = strconv.AppendUint(b, e.Seg, 10)
	b = append(b, `,"n":`...)
	b = strconv.AppendUint(b, e.N, 10)
	b = append(b, `,"prev":"`...)
	b = append(b, e.Prev...)
	b = append(b, `","time":"`...)
	b = e.Time.UTC().AppendFormat(b, timeLayout)
	b = append(b, `","mono":`...)
	b = strconv.AppendInt(b, e.Mono, 10)
	b = append(b, `,"kind":"`...)
	b = append(b, e.Kind...)
	b = append(b, `","body":`...)
	return append(b, e.Body...)
}

// Line returns the entry as it stands in its segment, with the line feed.
func (e *Entry) Line() []byte {
	b := append(e.signed(), sigHead...)
	b = append(b, e.Sig...)
	return append(b, sigTail...)
}

// ParseLine reads one line with its line feed. It accepts exactly the bytes
// that Line writes: fixed key order, sorted body keys, integers, no unknown or
// doubled key. It checks the form, not the signature.
func ParseLine(line []byte) (Entry, error) {
	if len(line) > MaxLine {
		return Entry{}, fmt.Errorf("a line of %d bytes: the limit is %d", len(line), MaxLine)
	}
	m := len(line) - sigSuffix
	if m < 0 || string(line[m:m+len(sigHead)]) != sigHead {
		return Entry{}, errors.New("no signature at the end of the line")
	}
	e := Entry{Sig: string(line[m+len(sigHead) : len(line)-len(sigTail)])}
	if raw, err := base64.StdEncoding.Strict().DecodeString(e.Sig); err != nil || len(raw) != 64 {
		return Entry{}, errors.New("the signature is not 64 bytes in base64")
	}
	if err := e.parseSigned(line[:m]); err != nil {
		return Entry{}, err
	}
	if !bytes.Equal(e.Line(), line) {
		return Entry{}, errors.New("the line is not in its one form")
	}
	sum := sha256.Sum256(line)
	e.Head = hex.EncodeToString(sum[:])
	return e, nil
}

// parseSigned reads the part under the signature.
func (e *Entry) parseSigned(b []byte) error {
	c := cursor{rest: b}
	e.V = int(c.integer(`{"v":`))
	if c.err == nil && e.V != version {
		return fmt.Errorf("%w %d", errVersion, e.V)
	}
	e.Run = c.text(`,"run":"`)
	e.Seg = uint64(c.integer(`","seg":`)) //nolint:gosec // checked below
	e.N = uint64(c.integer(`,"n":`))      //nolint:gosec // checked below
	e.Prev = c.text(`,"prev":"`)
	stamp := c.text(`","time":"`)
	e.Mono = c.integer(`","mono":`)
	e.Kind = c.text(`,"kind":"`)
	c.literal(`","body":`)
	if c.err != nil {
		return c.err
	}
	var err error
	if e.Time, err = time.Parse(timeLayout, stamp); err != nil {
		return fmt.Errorf("time %q: want %s", stamp, timeLayout)
	}
	switch {
	case !isRun(e.Run):
		return errors.New("run is not 32 hex digits")
	case !isHash(e.Prev):
		return errors.New("prev is not 64 hex digits")
	case !kindForm.MatchString(e.Kind):
		return errors.New("kind is not a lower-case word")
	case int64(e.Seg) < 1 || int64(e.N) < 1 || e.Mono < 0: //nolint:gosec // that is the check
		return errors.New("seg, n or mono is out of range")
	}
	if err := checkBody(c.rest); err != nil {
		return fmt.Errorf("body: %w", err)
	}
	e.Body = bytes.Clone(c.rest)
	return nil
}

// cursor reads the fixed part of a line from left to right, and keeps the
// first error.
type cursor struct {
	rest []byte
	err  error
}

func (c *cursor) literal(want string) {
	if c.err != nil {
		return
	}
	if !bytes.HasPrefix(c.rest, []byte(want)) {
		c.err = fmt.Errorf("no %s where it belongs", want)
		return
	}
	c.rest = c.rest[len(want):]
}

// text reads what follows want up to the next quote.
func (c *cursor) text(want string) string {
	c.literal(want)
	i := bytes.IndexByte(c.rest, '"')
	if c.err == nil && i < 0 {
		c.err = fmt.Errorf("no end of %s", want)
	}
	if c.err != nil {
		return ""
	}
	s := string(c.rest[:i])
	c.rest = c.rest[i:]
	return s
}

// integer reads the digits that follow want.
func (c *cursor) integer(want string) int64 {
	c.literal(want)
	if c.err != nil {
		return 0
	}
	i := 0
	for i < len(c.rest) && c.rest[i] >= '0' && c.rest[i] <= '9' {
		i++
	}
	n, err := strconv.ParseInt(string(c.rest[:i]), 10, 64)
	if err != nil {
		c.err = fmt.Errorf("no integer after %s", want)
		return 0
	}
	c.rest = c.rest[i:]
	return n
}

func isRun(s string) bool { return isHex(s, 32) }

func isHash(s string) bool { return isHex(s, 2*sha256.Size) }

// isHex tells hex digits in lower case.
func isHex(s string, digits int) bool {
	return len(s) == digits && strings.Trim(s, "0123456789abcdef") == ""
}
