package docker

import (
	"bytes"
	"io"
	"slices"
	"sync"
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

// last writes the last n lines; all of them if n is negative.
func (t *tail) last(w io.Writer, n int) error {
	t.mu.Lock()
	lines := bytes.SplitAfter(slices.Clone(t.buf), []byte("\n"))
	t.mu.Unlock()
	lines = slices.DeleteFunc(lines, func(l []byte) bool { return len(l) == 0 })
	if n >= 0 && n < len(lines) {
		lines = lines[len(lines)-n:]
	}
	_, err := w.Write(bytes.Join(lines, nil))
	return err
}
