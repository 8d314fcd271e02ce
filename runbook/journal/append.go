package journal

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"syscall"
	"time"

	"runbook/runbook/durable"
)

const (
	// ahead is how much disk space is reserved, so that a full disk can't take the
	// last entries of a run: the failure, the end.
	ahead = 256 << 10
	// maxEnvelope bounds a line without its body, in bytes.
	maxEnvelope = 512
)

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
	if !kindForm.MatchString(kind) || kind == KindSession || kind == KindAttest {
		return Entry{}, fmt.Errorf("append an entry of kind %q: not a kind of a caller's", kind)
	}
	return l.append(ctx, kind, body)
}

func (l *Log) append(ctx context.Context, kind string, body any) (Entry, error) {
	raw, err := encodeBody(body)
	if err != nil {
		return Entry{}, fmt.Errorf("append %s: %w", kind, err)
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
	if err == nil {
		l.total.Write(b.lines)
		l.bytes += int64(len(b.lines))
	}
	for i, r := range b.requests {
		if err != nil {
			r.done <- result{err: fmt.Errorf("%w: %s: %w", ErrNotRecorded, segmentPath(l.dir, l.seg), err)}
			continue
		}
		e := b.entries[i]
		l.n, l.head, l.ended = e.N, e.Head, l.ended || e.Kind == KindRunEnd
		r.done <- result{entry: e}
	}
}

// gather takes from the queue what fits a batch, and answers what can't be
// written. The caller holds mu.
func (l *Log) gather() batch {
	var b batch
	n, head, ended := l.n, l.head, l.ended
	for len(l.queue) > 0 {
		r := l.queue[0]
		var refused error
		var line []byte
		e := l.entry(r.kind, n+1, head)
		e.Body = r.body
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
func (l *Log) sign(e *Entry) ([]byte, error) {
	message := e.signed()
	e.Sig = base64.StdEncoding.EncodeToString(ed25519.Sign(l.key, signedData(EntryNamespace(l.o.World), message)))
	line := slices.Concat(message, []byte(sigHead+e.Sig+sigTail))
	if len(line) > MaxLine {
		return nil, fmt.Errorf("a line of %d bytes, the limit is %d", len(line), MaxLine)
	}
	sum := sha256.Sum256(line)
	e.Head = hex.EncodeToString(sum[:])
	return line, nil
}

// write makes lines durable behind what is acknowledged. After an error
// nothing of them counts, and the next write goes to the same place.
func (l *Log) write(lines []byte) error {
	if l.bad {
		return l.renew(lines)
	}
	if end := l.off + int64(len(lines)); end+ahead/2 > l.room {
		// Without room to reserve there may still be room to write.
		if err := durable.Reserve(l.f, l.off, int64(len(lines))+ahead); err == nil {
			l.room = end + ahead
		}
	}
	if _, err := l.f.WriteAt(lines, l.off); err != nil {
		l.takeBack()
		return err
	}
	if err := durable.SyncData(l.f); err != nil {
		l.bad = true
		return l.renew(lines)
	}
	l.acknowledge(lines)
	return nil
}

func (l *Log) acknowledge(lines []byte) {
	l.off += int64(len(lines))
	l.sum.Write(lines)
}

// takeBack cuts off what a failed write left, so that it can't mix with what
// is written there next. Cutting also frees the space reserved behind it.
func (l *Log) takeBack() {
	if err := l.f.Truncate(l.off); err != nil || l.f.Sync() != nil {
		l.bad = true
		return
	}
	l.room = 0
	if err := durable.Reserve(l.f, l.off, ahead); err == nil {
		l.room = l.off + ahead
	}
}

// renew puts the segment and lines behind it into a new file in its place.
// After a failed sync the kernel counts the lost pages as written, so neither
// syncing again nor writing on in the same file proves anything.
func (l *Log) renew(lines []byte) error {
	old := make([]byte, l.off, l.off+int64(len(lines)))
	if _, err := l.f.ReadAt(old, 0); err != nil {
		return err
	}
	if sum := sha256.Sum256(old); !bytes.Equal(sum[:], l.sum.Sum(nil)) {
		return errors.New("the disk gives back other lines than were written")
	}
	path := segmentPath(l.dir, l.seg)
	if err := durable.WriteFile(path, append(old, lines...), durable.FileMode(l.dir)); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	_ = l.f.Close() // its bytes are in the new file; what this says about the old one tells nothing
	l.f, l.bad, l.room = f, false, 0
	l.acknowledge(lines)
	return nil
}
