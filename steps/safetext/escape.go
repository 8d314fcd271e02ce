package safetext

import "bytes"

// sequence reads one byte inside an escape sequence and reports whether it
// belongs to it; if not, the sequence is over and the byte is read anew.
func (m *machine) sequence(c byte) bool {
	m.run++
	switch m.state {
	case escape:
		return m.escape(c)
	case control:
		return m.csi(c)
	default:
		return m.strung(c)
	}
}

// enter begins a sequence.
func (m *machine) enter(s state) {
	m.state, m.seq, m.run, m.prev = s, m.seq[:0], 0, 0
}

// escape reads what follows ESC: the beginning of a longer sequence, or
// intermediates and a final byte, which go.
func (m *machine) escape(c byte) bool {
	switch {
	case c == '[':
		m.enter(control)
	case c == ']' || c == 'P' || c == 'X' || c == '^' || c == '_':
		m.enter(strung)
	case c >= 0x20 && c <= 0x2f && m.run < maxSGR:
		return true
	case c >= 0x30 && c <= 0x7e:
		m.enter(ground)
	default:
		m.enter(ground)
		return false
	}
	return true
}

// csi reads up to the final byte; an SGR that is allowed joins the line.
func (m *machine) csi(c byte) bool {
	switch {
	case c >= 0x20 && c <= 0x3f && m.run < maxString:
		if m.run <= maxSGR {
			m.seq = append(m.seq, c)
		}
		return true
	case c >= 0x40 && c <= 0x7e:
		if c == 'm' && m.colour && m.run <= maxSGR {
			m.sgr()
		}
		m.enter(ground)
		return true
	}
	m.enter(ground)
	return false
}

// quickSGR reads an SGR sequence that stands whole in p, as nearly all do, and
// returns its length; 0 leaves p to the machine.
func (m *machine) quickSGR(p []byte) int {
	if len(p) < 3 || p[0] != esc || p[1] != '[' {
		return 0
	}
	end := 2
	for end < len(p) && end < maxSGR && (p[end] >= '0' && p[end] <= '9' || p[end] == ';') {
		end++
	}
	if end == len(p) || p[end] != 'm' {
		return 0
	}
	if m.colour {
		m.seq = append(m.seq[:0], p[2:end]...)
		m.sgr()
	}
	return end + 1
}

// sgr appends the allowed part of the sequence just read.
func (m *machine) sgr() {
	safe, ok := m.known[string(m.seq)]
	if !ok {
		if m.known == nil || len(m.known) >= maxKnown {
			m.known = map[string][]byte{}
		}
		safe = appendSGR(nil, m.seq)
		m.known[string(m.seq)] = safe
	}
	if len(safe) == 0 {
		return
	}
	m.replace()
	if len(m.line)+len(safe) > maxLine {
		m.end(true)
	}
	m.line, m.dirty = append(m.line, safe...), !bytes.HasSuffix(safe, []byte("[0m"))
}

// strung swallows a control string up to BEL, ST, CAN, SUB, a newline, the
// next escape sequence, or its bound.
func (m *machine) strung(c byte) bool {
	prev := m.prev
	m.prev = c
	switch {
	case c == '\n':
		m.enter(ground)
		return false
	case c == esc:
		m.enter(escape) // ESC \ is a sequence of its own, and goes
	case c == 0x07, c == 0x18, c == 0x1a, c == 0x9c && prev == 0xc2, m.run >= maxString:
		m.enter(ground)
	}
	return true
}
