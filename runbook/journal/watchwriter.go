package journal

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"runbook/runbook/durable"
)

// Watch is watch.jsonl, open for a timer that measures slots while nobody
// drives. It holds the lock of the run. Its methods may be called concurrently.
type Watch struct {
	dir  string
	o    Options
	lock *durable.Lock
	key  ed25519.PrivateKey
	seg  uint64
	by   *delegated

	mu     sync.Mutex
	tail   // path is empty as long as there is no file
	last   watchHead
	at     Entry    // the last line, for the clock
	mark   slotMark // of it
	torn   []byte   // what a crash left behind it
	closed bool
}

// OpenWatch takes the lock of the run in dir and goes on with watch.jsonl by the
// key that a person has delegated. Of o it takes claims and clock. Errors:
// ErrBusy, ErrTampered, ErrNoDelegation if that key is not there or may not
// write now.
func OpenWatch(dir string, o Options) (*Watch, error) {
	key, err := watchKey(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, ErrNoDelegation
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoDelegation, err)
	}
	l, err := lockDir(dir, o)
	if err != nil {
		return nil, err
	}
	w := &Watch{dir: dir, o: l.o, lock: l.lock, key: key}
	if err := w.goOn(); err != nil {
		return nil, errors.Join(fmt.Errorf("open watch.jsonl in %s: %w", dir, err), l.lock.Unlock())
	}
	return w, nil
}

// goOn reads the log and watch.jsonl, and makes sure of what is there.
func (w *Watch) goOn() error {
	c, err := scan(w.dir, func(Entry) {})
	if err != nil && !errors.Is(err, ErrTorn) {
		return err
	}
	w.o.Run, w.o.World = c.run, c.world
	s, err := c.slots(w.dir, func(Entry) {})
	if err != nil && !errors.Is(err, ErrTorn) {
		return err
	}
	public, ok := w.key.Public().(ed25519.PublicKey)
	w.seg, w.by = c.governs(s.n + 1)
	switch {
	case c.ended:
		return ErrEnded
	case w.by == nil || !ok || !public.Equal(w.by.key):
		return fmt.Errorf("%w: the key there is not the one that was delegated last", ErrNoDelegation)
	}
	if err := w.mayNow(); err != nil {
		return err
	}
	w.last, w.at, w.mark, w.torn = s.watchHead, s.last, s.mark, s.data[s.valid:]
	if s.n == 0 {
		w.last.head = w.by.entry.Head
	}
	if s.data == nil {
		return nil
	}
	if err := rewrite(watchPath(w.dir), 0, s.data[:s.valid], w.torn); err != nil {
		return err
	}
	return w.open(watchPath(w.dir), s.data)
}

func (w *Watch) mayNow() error {
	if now := w.o.Now(); now.Before(w.by.From) || now.After(w.by.Until) {
		return fmt.Errorf("%w: its key was delegated from %s to %s", ErrNoDelegation, stampOf(w.by.From), stampOf(w.by.Until))
	}
	return nil
}

func stampOf(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// Append adds a slot or a gap of a watch, which body names as step, and returns
// once it is on the disk. Errors: ErrNotRecorded, ErrNoDelegation, os.ErrClosed;
// then there is no such line.
func (w *Watch) Append(ctx context.Context, kind string, body any) (Entry, error) {
	raw, err := encodeBody(body)
	if err != nil {
		return Entry{}, fmt.Errorf("append %s: %w", kind, err)
	}
	if err := ctx.Err(); err != nil {
		return Entry{}, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return Entry{}, fmt.Errorf("append %s: %w", kind, os.ErrClosed)
	}
	if err := w.mayNow(); err != nil {
		return Entry{}, err
	}
	b := slotBatch{last: w.last, at: w.at, mark: w.mark}
	now := w.entry(&b, kind)
	if by := now.base().Sub(w.at.base()); w.at.N > 0 && w.mark.Boot == durable.Self().Boot && steps(by) {
		if err := w.add(&b, KindClock, clockJSON(by)); err != nil {
			return Entry{}, err
		}
	}
	if err := w.add(&b, kind, raw); err != nil {
		return Entry{}, fmt.Errorf("append %s: %w", kind, err)
	}
	if err := w.put(b.lines); err != nil {
		return Entry{}, err
	}
	w.last, w.at, w.mark, w.torn = b.last, b.at, b.mark, nil
	return w.at, nil
}

// slotBatch is lines on their way to the disk, and what is last behind them.
type slotBatch struct {
	lines []byte
	last  watchHead
	at    Entry
	mark  slotMark
}

func (w *Watch) entry(b *slotBatch, kind string) Entry {
	return Entry{
		V: version, Run: w.o.Run, Seg: w.seg, N: b.last.n + 1, Prev: b.last.head, Kind: kind,
		Time: writable(w.o.Now()), Mono: boottime().Microseconds(),
	}
}

// add signs one line. What a crash has left is ended with a line feed, and the
// line behind it says so.
func (w *Watch) add(b *slotBatch, kind string, raw json.RawMessage) error {
	e := w.entry(b, kind)
	m := slotMark{Boot: durable.Self().Boot}
	var left []byte
	if len(w.torn) > 0 && b.lines == nil {
		left = append(w.torn[:len(w.torn):len(w.torn)], '\n')
		m.tear = tornOf(left)
		b.lines = []byte("\n")
	}
	var err error
	if e.Body, err = m.into(raw); err == nil {
		err = w.by.allows(&e, left)
	}
	if err != nil {
		return err
	}
	line, err := sign(&e, w.key, slotNamespace(w.o.World))
	if err != nil {
		return err
	}
	b.lines, b.last, b.at = append(b.lines, line...), watchHead{n: e.N, head: e.Head}, e
	b.mark, err = markOf(e)
	return err
}

// into puts what the journal says of a line into its body.
func (m slotMark) into(raw json.RawMessage) (json.RawMessage, error) {
	body := map[string]json.RawMessage{}
	if err := json.Unmarshal(raw, &body); err != nil {
		return nil, err
	}
	body["boot"] = fmt.Appendf(nil, "%q", m.Boot)
	if m.tear != noTear {
		body["torn_bytes"], body["torn_sha256"] = fmt.Appendf(nil, "%d", m.Bytes), fmt.Appendf(nil, "%q", m.Sum)
	}
	return encodeBody(body)
}

func (w *Watch) put(lines []byte) error {
	if w.f == nil {
		return w.publish(watchPath(w.dir), lines)
	}
	if err := w.write(lines); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrNotRecorded, w.path, err)
	}
	return nil
}

// Close gives the lock of the run back.
func (w *Watch) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return nil
	}
	w.closed = true
	clear(w.key)
	var err error
	if w.f != nil {
		err = w.f.Close()
	}
	return errors.Join(err, w.lock.Unlock())
}
