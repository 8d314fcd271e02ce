package journal

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"time"
)

// maxEnvelope bounds a line without its body, in bytes.
const maxEnvelope = 512

// ours are the kinds that only the journal writes.
var ours = []string{KindSession, KindAttest, KindAnchor, KindDelegate, KindClock}

// request is one Append on its way.
type request struct {
	kind string
	body json.RawMessage
	done chan result // room for one
}

type result struct {
	entry Entry
	err   error
}

// Append adds an entry and returns once it is on the disk. Concurrent callers
// share a sync. body is encoded as JSON and must be an object with integers
// only; nil is the empty object. A cancelled ctx takes back an entry that is not
// yet being written. Errors: ErrNotRecorded if the disk did not take it,
// ErrEnded, os.ErrClosed; then there is no such entry.
func (l *Log) Append(ctx context.Context, kind string, body any) (Entry, error) {
	if !kindForm.MatchString(kind) || slices.Contains(ours, kind) {
		return Entry{}, fmt.Errorf("append an entry of kind %q: not a kind of a caller's", kind)
	}
	return l.append(ctx, kind, body)
}

func (l *Log) append(ctx context.Context, kind string, body any) (Entry, error) {
	raw, err := encodeBody(body)
	if err != nil {
		return Entry{}, fmt.Errorf("append %s: %w", kind, err)
	}
	if kind == KindHandover {
		if err := l.mayHandOver(raw); err != nil {
			return Entry{}, fmt.Errorf("append %s: %w", kind, err)
		}
	}
	if len(raw) > MaxLine-maxEnvelope {
		return Entry{}, fmt.Errorf("append %s: a body of %d bytes, the limit is %d: record a file and its hash", kind, len(raw), MaxLine-maxEnvelope)
	}
	if err := ctx.Err(); err != nil {
		return Entry{}, err
	}
	r := &request{kind: kind, body: raw, done: make(chan result, 1)}
	l.mu.Lock()
	l.queue = append(l.queue, r)
	l.mu.Unlock()
	cancelled := ctx.Done()
	for {
		select {
		case res := <-r.done:
			return res.entry, res.err
		case <-cancelled:
			if l.withdraw(r) {
				return Entry{}, ctx.Err()
			}
			cancelled = nil // it is being written: only the disk knows the answer
		case l.turn <- struct{}{}:
			l.commit()
			<-l.turn
		}
	}
}

// withdraw takes r out of the queue, unless somebody is writing it.
func (l *Log) withdraw(r *request) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.queue {
		if l.queue[i] == r {
			l.queue = append(l.queue[:i], l.queue[i+1:]...)
			return true
		}
	}
	return false
}

// batch is what one sync makes durable.
type batch struct {
	requests []*request
	entries  []Entry
	lines    []byte
	ends     []int // in lines: of each entry
}

// commit writes what is queued, up to MaxLine bytes, with one sync. The caller
// has the turn.
func (l *Log) commit() {
	l.mu.Lock()
	b := l.gather()
	l.mu.Unlock()
	if len(b.requests) == 0 {
		return
	}
	err := l.write(b.lines)
	l.mu.Lock()
	defer l.mu.Unlock()
	from := 0
	for i, r := range b.requests {
		if err != nil {
			r.done <- result{err: fmt.Errorf("%w: %s: %w", ErrNotRecorded, l.path, err)}
			continue
		}
		e, line := b.entries[i], b.lines[from:b.ends[i]]
		from = b.ends[i]
		l.total.Write(line)
		l.bytes += int64(len(line))
		l.marks = append(l.marks, newMark(&e, l.bytes, l.total))
		l.n, l.head, l.ended = e.N, e.Head, l.ended || e.Kind == KindRunEnd
		if e.Kind == KindClock {
			l.clock = e.base()
		}
		r.done <- result{entry: e}
	}
}

// gather takes from the queue what fits a batch, and answers what can't be
// written. The caller holds mu.
func (l *Log) gather() batch {
	var b batch
	n, head, ended := l.n, l.head, l.ended
	clock, stepped := l.clock, false // and whether that is what was written last
	for len(l.queue) > 0 {
		r := l.queue[0]
		var refused error
		var line []byte
		e := l.entry(r.kind, n+1, head)
		e.Body = r.body
		if by := e.base().Sub(clock); steps(by) && !stepped && !l.closed && !ended && !isNote(r.kind) {
			l.queue, stepped = slices.Insert(l.queue, 0, clockStep(by)), true
			continue
		}
		if stepped = r.kind == KindClock; stepped {
			clock = e.base()
		}
		switch {
		case l.closed:
			refused = os.ErrClosed
		case ended && !isNote(r.kind):
			refused = ErrEnded
		default:
			line, refused = l.sign(&e)
		}
		if len(b.lines)+len(line) > MaxLine {
			return b
		}
		l.queue = l.queue[1:]
		if refused != nil {
			r.done <- result{err: fmt.Errorf("append %s: %w", r.kind, refused)}
			continue
		}
		n, head, ended = e.N, e.Head, ended || e.Kind == KindRunEnd
		b.requests, b.entries, b.lines = append(b.requests, r), append(b.entries, e), append(b.lines, line...)
		b.ends = append(b.ends, len(b.lines))
	}
	return b
}

// entry returns an entry of this session without its body.
func (l *Log) entry(kind string, n uint64, prev string) Entry {
	return Entry{
		V: version, Run: l.o.Run, Seg: l.seg, N: n, Prev: prev, Kind: kind,
		Time: writable(l.o.Now()),
		Mono: (boottime() - l.began).Microseconds(),
	}
}

// writable is what a line can hold of a time: years of four digits. A clock that
// is further off than that does not cost the log, as order comes from N.
func writable(now time.Time) time.Time {
	now = now.UTC().Truncate(time.Microsecond)
	first, last := time.Time{}, time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, time.UTC)
	switch {
	case now.Before(first):
		return first
	case now.After(last):
		return last
	}
	return now
}

// sign completes e and returns its line.
func (l *Log) sign(e *Entry) ([]byte, error) { return sign(e, l.key, EntryNamespace(l.o.World)) }

func sign(e *Entry, key ed25519.PrivateKey, namespace string) ([]byte, error) {
	message := e.signed()
	e.Sig = base64.StdEncoding.EncodeToString(ed25519.Sign(key, signedData(namespace, message)))
	line := slices.Concat(message, []byte(sigHead+e.Sig+sigTail))
	if len(line) > MaxLine {
		return nil, fmt.Errorf("a line of %d bytes, the limit is %d", len(line), MaxLine)
	}
	sum := sha256.Sum256(line)
	e.Head = hex.EncodeToString(sum[:])
	return line, nil
}
