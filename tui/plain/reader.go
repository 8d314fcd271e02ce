package plain

import (
	"bufio"
	"context"
	"errors"
	"io"
	"strings"
)

// maxLine is the longest answer; a longer line is cut there and will not be
// understood.
const maxLine = 8 << 10

// line is an answer, and what had been told when it was typed.
type line struct {
	text string
	told int64
}

// reader hands out lines one by one, and can be given one back.
type reader struct {
	lines chan line
	held  []line
}

// newReader reads lines; told answers how much has been told to the operator
// when a line is there.
func newReader(ctx context.Context, in io.Reader, told func() int64) *reader {
	r := &reader{lines: make(chan line)}
	if in == nil {
		close(r.lines)
		return r
	}
	go func() {
		defer close(r.lines)
		buffered := bufio.NewReaderSize(in, maxLine)
		for {
			raw, err := buffered.ReadSlice('\n')
			typed := line{strings.TrimRight(string(raw), "\r\n"), told()}
			for errors.Is(err, bufio.ErrBufferFull) {
				_, err = buffered.ReadSlice('\n')
			}
			if err != nil {
				return // a line that was cut before its end is no answer
			}
			select {
			case r.lines <- typed:
			case <-ctx.Done():
				return
			}
		}
	}()
	return r
}

// next waits for a line; io.EOF says that no more will come.
func (r *reader) next(ctx context.Context) (line, error) {
	if len(r.held) > 0 {
		first := r.held[0]
		r.held = r.held[1:]
		return first, nil
	}
	select {
	case l, ok := <-r.lines:
		if !ok {
			return line{}, io.EOF
		}
		return l, nil
	case <-ctx.Done():
		return line{}, ctx.Err()
	}
}

// hold keeps a line for after what runs now.
func (r *reader) hold(l line) { r.held = append(r.held, l) }
