package safetext

import (
	"fmt"
	"unicode/utf8"
)

// mode says what becomes of line ends.
type mode uint8

const (
	pane      mode = iota // \r: what follows replaces the line
	manyLines             // \r ends a line
	oneLine               // \r, \n and \t are a space
)

// state is where in an escape sequence the machine is.
type state uint8

const (
	ground  state = iota
	escape        // after ESC
	control       // in a CSI, up to its final byte
	strung        // in an OSC, DCS, APC, PM or SOS, up to its end
)

const (
	maxString = 4 << 10  // an unterminated control string ends here
	maxSGR    = 64       // a longer SGR is dropped
	maxKnown  = 64       // this many SGR are remembered
	maxLine   = 64 << 10 // a longer line is broken, so memory stays bounded

	esc = 0x1b
)

// machine reads outside text byte by byte. The fast path is the run of
// printable ASCII; everything else is rare.
type machine struct {
	mode   mode
	colour bool

	out   []byte // finished lines
	line  []byte // the line being built
	dirty bool   // line holds an SGR that has to be reset
	back  bool   // a carriage return waits for what follows it
	space bool   // oneLine: the last thing written stands for a line end

	state state
	seq   []byte            // a CSI's parameters, up to maxSGR
	known map[string][]byte // what is left of an SGR, by its parameters: a program uses few
	run   int               // bytes of the sequence so far
	prev  byte              // the byte before, in a control string
	rune  []byte            // the beginning of a character cut by a write
}

// feed reads p.
func (m *machine) feed(p []byte) {
	if len(m.rune) > 0 {
		p = append(m.rune, p...)
		m.rune = nil
	}
	for i := 0; i < len(p); {
		if m.state != ground {
			if m.sequence(p[i]) {
				i++
			}
			continue
		}
		if n := printable(p[i:]); n > 0 {
			m.text(p[i : i+n])
			i += n
			continue
		}
		if n := m.quickSGR(p[i:]); n > 0 {
			i += n
			continue
		}
		if p[i] < utf8.RuneSelf {
			m.control(p[i])
			i++
			continue
		}
		if !utf8.FullRune(p[i:]) {
			m.rune = append([]byte(nil), p[i:]...)
			return
		}
		i += m.beyond(p[i:])
	}
}

// finish ends the text: what was cut short counts as what it is.
func (m *machine) finish() {
	for _, b := range m.rune {
		m.invalid(b)
	}
	m.rune = nil
	if len(m.line) > 0 {
		m.end(m.mode == pane)
	}
}

// printable is the length of the run of printable ASCII p begins with.
func printable(p []byte) int {
	for i, c := range p {
		if c-' ' > '~'-' ' {
			return i
		}
	}
	return len(p)
}

// text appends what is safe as it stands.
func (m *machine) text(p []byte) {
	m.replace()
	for m.mode != oneLine && len(m.line)+len(p) > maxLine {
		n := max(0, maxLine-len(m.line))
		m.line = append(m.line, p[:n]...)
		p = p[n:]
		m.end(true)
	}
	m.line = append(m.line, p...)
}

// replace drops the line a carriage return went back on.
func (m *machine) replace() {
	m.space = false
	if m.back {
		m.line, m.dirty, m.back = m.line[:0], false, false
	}
}

// end finishes the line.
func (m *machine) end(newline bool) {
	m.out = append(m.out, m.line...)
	if m.dirty {
		m.out = append(m.out, sgrReset...)
	}
	if newline {
		m.out = append(m.out, '\n')
	}
	m.line, m.dirty, m.back = m.line[:0], false, false
}

// control reads a C0 control or DEL outside a sequence.
func (m *machine) control(c byte) {
	switch {
	case c == esc:
		m.state = escape
	case m.mode == oneLine && (c == '\n' || c == '\r' || c == '\t'):
		if !m.space {
			m.line, m.space = append(m.line, ' '), true
		}
	case c == '\n' && m.mode == manyLines && m.back:
		m.back = false // the second half of \r\n
	case c == '\n':
		m.end(true)
	case c == '\r' && m.mode == manyLines:
		m.end(true)
		m.back = true
	case c == '\r':
		m.back = true
	case c == '\t':
		m.text([]byte{c})
	}
}

// beyond reads one character beyond ASCII and returns its length.
func (m *machine) beyond(p []byte) int {
	r, size := utf8.DecodeRune(p)
	if r == utf8.RuneError && size == 1 {
		m.invalid(p[0])
		return 1
	}
	var buf [16]byte
	if safe := appendRune(buf[:0], r); len(safe) > 0 {
		m.text(safe)
	}
	return size
}

// invalid shows a byte that is no UTF-8; raw C1 controls go, as their encoded
// twins do.
func (m *machine) invalid(b byte) {
	if b > 0x9f {
		m.text(fmt.Appendf(nil, "<%02X>", b))
	}
}
