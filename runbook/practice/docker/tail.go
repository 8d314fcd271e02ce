package docker

import (
	"bytes"
	"encoding/json"
	"io"
	"slices"
	"sync"
	"time"
)

// keep is how much of a container's output stays.
const keep = 1 << 20

// tail is the end of a container's output, in whole lines.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

// Write never fails: a log that is full loses its oldest lines.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, p...)
	if over := len(t.buf) - keep; over > 0 {
		cut := over + bytes.IndexByte(t.buf[over:], '\n') + 1
		t.buf = slices.Clone(t.buf[cut:])
	}
	return len(p), nil
}

// last writes the last n lines since a moment; all of them if n is negative.
func (t *tail) last(w io.Writer, n int, since time.Time) error {
	t.mu.Lock()
	lines := bytes.SplitAfter(slices.Clone(t.buf), []byte("\n"))
	t.mu.Unlock()
	lines = slices.DeleteFunc(lines, func(l []byte) bool { return len(l) == 0 || before(l, since) })
	if n >= 0 && n < len(lines) {
		lines = lines[len(lines)-n:]
	}
	_, err := w.Write(bytes.Join(lines, nil))
	return err
}

// before reports that a line says it is older than since. One without a time
// belongs to what is new.
func before(line []byte, since time.Time) bool {
	var entry struct{ Time time.Time }
	return !since.IsZero() && json.Unmarshal(line, &entry) == nil && !entry.Time.IsZero() && entry.Time.Before(since)
}

// moment reads a --since: a time, or how long ago it was.
func moment(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if ago, err := time.ParseDuration(s); err == nil {
		return time.Now().Add(-ago), nil
	}
	at, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return at, fail(1, "invalid value for \"since\": %s", s)
	}
	return at, nil
}
