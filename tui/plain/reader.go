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

// reader hands out lines one by one, and can be given one back.
type reader struct {
	lines chan string
	held  []string
}

func newReader(ctx context.Context, in io.Reader) *reader {
	r := &reader{lines: make(chan string)}
	if in == nil {
		close(r.lines)
		return r
	}
	go func() {
		defer close(r.lines)
		buffered := bufio.NewReaderSize(in, maxLine)
		for {
			line, err := buffered.ReadSlice('\n')
			text := strings.TrimRight(string(line), "\r\n")
			for errors.Is(err, bufio.ErrBufferFull) {
				_, err = buffered.ReadSlice('\n')
			}
			if err != nil {
				return // a line that was cut before its end is no answer
			}
			select {
			case r.lines <- text:
			case <-ctx.Done():
				return
			}
		}
	}()
	return r
}

// next waits for a line; io.EOF says that no more will come.
func (r *reader) next(ctx context.Context) (string, error) {
	if len(r.held) > 0 {
		line := r.held[0]
		r.held = r.held[1:]
		return line, nil
	}
	select {
	case line, ok := <-r.lines:
		if !ok {
			return "", io.EOF
		}
		return line, nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// hold keeps a line for after what runs now.
func (r *reader) hold(line string) { r.held = append(r.held, line) }
