package safetext

import (
	"bytes"
	"unicode/utf8"
)

// mode says what becomes of line ends.
type mode uint8

const (
	pane      mode = iota // \r: what follows replaces the line
	manyLines             // \r ends a line
	oneLine               // \r, \n and \t are a space
)

// maxLine is where a longer line is broken, so that memory stays bounded.
const maxLine = 64 << 10

// machine reads outside text byte by byte. The fast paths are whole lines of
// printable ASCII and the runs of it; everything else is rare.
type machine struct {
	escapes
	mode   mode
	colour bool

	out   []byte // finished lines
	line  []byte // the line being built
	dirty bool   // line holds an SGR that has to be reset
	back  bool   // a carriage return waits for what follows it
	after []byte // and the colours that came meanwhile
	space bool   // oneLine: the last thing written stands for a line end

	known [16]sgr // those read last: a program uses few
	rune  []byte  // the beginning of a character cut by a write
}

// feed reads p.
func (m *machine) feed(p []byte) {
	if len(m.rune) > 0 {
		p = append(m.rune, p...)
		m.rune = nil
	}
	for i := 0; i < len(p); {
		if m.state != ground {
			belongs, done := m.step(p[i])
			if done {
				m.sgr()
			}
			if belongs {
				i++
			}
			continue
		}
		if n := m.ascii(p[i:]); n > 0 {
			i += n
			continue
		}
		if n := wholeSGR(p[i:]); n > 0 {
			m.seq = append(m.seq[:0], p[i+2:i+n-1]...)
			m.sgr()
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

// sgr appends the allowed part of the SGR whose parameters are in seq.
func (m *machine) sgr() {
	if !m.colour {
		return
	}
	known := &m.known[m.slot()]
	if !known.read || !bytes.Equal(known.params, m.seq) {
		*known = sgr{read: true, params: bytes.Clone(m.seq), safe: appendSGR(nil, m.seq)}
	}
	safe := known.safe
	if len(safe) == 0 {
		return
	}
	if m.back { // a colour alone overwrites nothing
		if len(m.after)+len(safe) <= maxAfter {
			m.after = append(m.after, safe...)
		}
		return
	}
	if len(m.line)+len(safe) > maxLine {
		m.end(true)
	}
	m.line, m.dirty = append(m.line, safe...), !bytes.HasSuffix(safe, []byte("[0m"))
}

// slot is the place in known of the SGR whose parameters are in seq.
func (m *machine) slot() int {
	n := len(m.seq)
	if n == 0 {
		return 0
	}
	return (n*5 + int(m.seq[0]) + int(m.seq[n-1])) % len(m.known)
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

// ascii takes the run of printable ASCII that p begins with, and returns its
// length; a line that is nothing else is passed on as it stands.
func (m *machine) ascii(p []byte) int {
	n := printable(p)
	if n == 0 {
		return 0
	}
	if n < len(p) && p[n] == '\n' && n <= maxLine && len(m.line) == 0 && !m.back && m.mode != oneLine {
		m.out = append(m.out, p[:n+1]...)
		return n + 1
	}
	m.text(p[:n])
	return n
}

// text appends what is safe as it stands.
func (m *machine) text(p []byte) {
	m.replace()
	for m.mode != oneLine && len(m.line)+len(p) > maxLine {
		n := max(0, maxLine-len(m.line))
		for n > 0 && !utf8.RuneStart(p[n]) {
			n-- // the rest of a character would be something else
		}
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
		m.line = append(m.line[:0], m.after...)
		m.dirty, m.back, m.after = len(m.after) > 0, false, m.after[:0]
	}
}

// maxAfter is how much colour is kept for the text behind a carriage return,
// in bytes.
const maxAfter = 256

// end finishes the line.
func (m *machine) end(newline bool) {
	m.out = append(m.out, m.line...)
	if m.dirty {
		m.out = append(m.out, sgrReset...)
	}
	if newline {
		m.out = append(m.out, '\n')
	}
	m.line, m.after, m.dirty, m.back = m.line[:0], m.after[:0], false, false
}

// control reads a C0 control or DEL outside a sequence.
func (m *machine) control(c byte) {
	switch {
	case c == esc:
		m.enter(escape)
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
		var buf [4]byte
		m.text(append(appendHex(append(buf[:0], '<'), uint32(b), 2), '>'))
	}
}
