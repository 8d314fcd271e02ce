package safetext

import (
	"io"
	"strings"
)

// Sanitizer is a stream for a pane: it writes whole lines, each without
// anything that acts on a terminal except, with colour, the SGR sequences of
// colour and weight, reset at the line's end. What follows a lone carriage
// return replaces its line, as progress bars mean it. How the input is cut
// into writes never changes the output.
type Sanitizer struct {
	w io.Writer
	m machine
}

// NewSanitizer writes to w; colour keeps colours.
func NewSanitizer(w io.Writer, colour bool) *Sanitizer {
	return &Sanitizer{w: w, m: machine{mode: pane, colour: colour}}
}

// Write takes all of p and writes the lines it completed.
func (s *Sanitizer) Write(p []byte) (int, error) {
	s.m.feed(p)
	if len(s.m.out) == 0 {
		return len(p), nil
	}
	_, err := s.w.Write(s.m.out)
	s.m.out = s.m.out[:0]
	return len(p), err
}

// Partial is the line that is not complete yet, as it would end now.
func (s *Sanitizer) Partial() string {
	line := string(s.m.line)
	if s.m.dirty {
		line += sgrReset
	}
	return line
}

// Close writes the last line if no newline ended it. It does not close the
// writer below.
func (s *Sanitizer) Close() error {
	s.m.finish()
	_, err := s.w.Write(s.m.out)
	s.m.out = nil
	return err
}

// Lines are the lines of data for a pane, as a Sanitizer writes them, without
// their newlines.
func Lines(data []byte, colour bool) []string {
	m := machine{mode: pane, colour: colour}
	m.feed(data)
	m.finish()
	if len(m.out) == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(m.out), "\n"), "\n")
}

// sanitize runs a whole text through a machine without colours.
func sanitize(s string, mode mode) string {
	m := machine{mode: mode}
	m.feed([]byte(s))
	m.finish()
	return string(m.out)
}
