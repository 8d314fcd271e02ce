package journal

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"syscall"
)

// The kinds of watch.jsonl, beside KindClock.
const (
	KindSlot = "slot" // what was measured
	KindGap  = "gap"  // what nobody measured
)

// slotMark is what the journal reads of the body of a line of watch.jsonl, and
// all but the step puts there.
type slotMark struct {
	Boot string `json:"boot"` // of the machine: Mono counts from there
	Step string `json:"step"` // the watch
	tear
}

// tear is what a crash has left: before the line that says so, with the line
// feed that ends it, or at the end.
type tear struct {
	Bytes int64  `json:"torn_bytes,omitempty"`
	Sum   string `json:"torn_sha256,omitempty"`
}

var noTear tear

func tornOf(left []byte) tear {
	if len(left) == 0 {
		return noTear
	}
	sum := sha256.Sum256(left)
	return tear{int64(len(left)), hex.EncodeToString(sum[:])}
}

// slotChain is what a pass over watch.jsonl has accepted so far.
type slotChain struct {
	log *chain
	watchHead
	last  Entry
	mark  slotMark // of last
	heads []string // by line, from 1
	data  []byte
	valid int             // of data
	used  map[uint64]bool // delegations with lines
}

// WatchFile is the name of the file of slots in a run's directory.
const WatchFile = "watch.jsonl"

func watchPath(dir string) string { return filepath.Join(dir, WatchFile) }

// ReadWatch returns the lines of the longest valid prefix of watch.jsonl, none
// if there is no such file. They are numbered by themselves, and Seg says which
// delegation they rest on. Errors are those of Read.
func ReadWatch(dir string) ([]Entry, error) {
	if _, err := os.Lstat(watchPath(dir)); errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	c, err := scan(dir, func(Entry) {})
	if err != nil && !errors.Is(err, ErrTorn) {
		return nil, err
	}
	var all []Entry
	_, err = c.slots(dir, func(e Entry) { all = append(all, e) })
	return all, err
}

// slots reads and checks watch.jsonl against the log, which was read before.
// The error says what is wrong behind the longest valid prefix, and whether the
// log is committed to other lines.
func (c *chain) slots(dir string, visit func(Entry)) (*slotChain, error) {
	s := &slotChain{log: c, used: map[uint64]bool{}}
	var err error
	s.data, err = readRegular(watchPath(dir))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return s, err
	}
	stopped := s.lines(visit)
	if errors.Is(stopped, ErrTorn) {
		s.torn = tornOf(s.data[s.valid:])
	} else if stopped != nil {
		return s, stopped
	}
	return s, s.committed(stopped)
}

// committed holds watch.jsonl, which stopped at its end, against what the log
// is committed to.
func (s *slotChain) committed(stopped error) error {
	for _, a := range s.log.anchors {
		switch {
		case a.n > s.n:
			return fmt.Errorf("%w: watch.jsonl ends at line %d, and the log is committed to %d", ErrTampered, s.n, a.n)
		case s.heads[a.n-1] != a.head:
			return fmt.Errorf("%w: line %d of watch.jsonl is not the one the log is committed to", ErrTampered, a.n)
		}
	}
	anchored := s.log.anchored
	switch {
	case s.log.ended && s.n > anchored.n:
		return fmt.Errorf("%w: watch.jsonl has %d lines, and the end of the run is committed to %d", ErrTampered, s.n, anchored.n)
	case s.torn != noTear && s.n == anchored.n && s.torn == anchored.torn:
		return nil // it is known, and part of what is committed to
	}
	return stopped
}

// lines takes the lines of the longest valid prefix.
func (s *slotChain) lines(visit func(Entry)) error {
	for s.valid < len(s.data) {
		rest := s.data[s.valid:]
		e, size, err := s.next(rest, 0)
		for torn := 0; err != nil && torn < len(rest); {
			i := bytes.IndexByte(rest[torn:min(len(rest), MaxLine+1)], '\n')
			if i < 0 {
				break
			}
			torn += i + 1
			if after, n, ok := s.next(rest[torn:], torn); ok == nil {
				e, size, err = after, torn+n, nil
			}
		}
		switch {
		case err == nil:
		case isTorn(rest):
			return fmt.Errorf("%w: watch.jsonl at byte %d, behind line %d: %d bytes without an end", ErrTorn, s.valid, s.n, len(rest))
		default:
			return fmt.Errorf("%w: watch.jsonl at byte %d, behind line %d: %w", ErrTampered, s.valid, s.n, err)
		}
		s.valid += size
		s.advance(e)
		visit(e)
	}
	return nil
}

func (s *slotChain) advance(e Entry) {
	s.n, s.head, s.last = e.N, e.Head, e
	s.heads, s.used[e.Seg] = append(s.heads, e.Head), true
	s.mark, _ = markOf(e) // it was read before
}

// next reads the line that begins at data[torn:] of what is left, if it is the
// next one, and says itself how many bytes before it a crash has left.
func (s *slotChain) next(rest []byte, torn int) (Entry, int, error) {
	line, err := firstLine(rest)
	if err != nil {
		return Entry{}, 0, err
	}
	e, err := ParseLine(line)
	if err != nil {
		return Entry{}, 0, err
	}
	left := s.data[s.valid : s.valid+torn]
	return e, len(line), s.accept(&e, left)
}

// accept holds a line against the one before and its delegation. left is what
// a crash left between the two.
func (s *slotChain) accept(e *Entry, left []byte) error {
	seg, d := s.log.governs(s.n + 1)
	prev := s.head
	if s.n == 0 && d != nil {
		prev = d.entry.Head
	}
	switch {
	case d == nil:
		return errors.New("nobody has delegated slots")
	case e.Run != s.log.run:
		return errors.New("a line of another run")
	case e.N != s.n+1:
		return fmt.Errorf("line %d where %d belongs", e.N, s.n+1)
	case e.Seg != seg:
		return fmt.Errorf("a line of delegation %d where %d counts", e.Seg, seg)
	case e.Prev != prev:
		return errors.New("prev is not the hash of the line before")
	}
	if err := checkLine(e, d.key, slotNamespace(s.log.world)); err != nil {
		return err
	}
	return d.allows(e, left)
}

// allows holds what a line says against what the person has signed.
func (d *delegated) allows(e *Entry, left []byte) error {
	m, err := markOf(*e)
	if err != nil {
		return err
	}
	switch {
	case m.tear != tornOf(left):
		return errors.New("it speaks of other bytes before it")
	case e.Time.Before(d.From) || e.Time.After(d.Until):
		return fmt.Errorf("it was written outside of the time that was delegated (%s to %s)", stampOf(d.From), stampOf(d.Until))
	case e.Kind == KindClock && m.Step == "":
	case e.Kind != KindSlot && e.Kind != KindGap:
		return fmt.Errorf("kind %s was not delegated", e.Kind)
	case !slices.Contains(d.Watches, m.Step):
		return fmt.Errorf("watch %q was not delegated", m.Step)
	}
	return nil
}

// governs is the delegation that line n of watch.jsonl rests on, and its
// number from 1: the last one that was made before the line was there.
func (c *chain) governs(n uint64) (seg uint64, d *delegated) {
	for i := range c.delegations {
		if c.delegations[i].after < n {
			seg, d = uint64(i)+1, &c.delegations[i]
		}
	}
	return seg, d
}

func markOf(e Entry) (m slotMark, err error) {
	err = json.Unmarshal(e.Body, &m)
	return m, err
}

// readRegular reads a file that is not a link or a device.
func readRegular(path string) ([]byte, error) {
	f, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(f)
	return b, errors.Join(err, f.Close())
}

func openRegular(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%w: %s is not a regular file", ErrTampered, f.Name())
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}
