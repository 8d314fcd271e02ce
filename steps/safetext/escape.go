package safetext

// state is where in an escape sequence a reader of outside text is.
type state uint8

const (
	ground  state = iota
	escape        // after ESC
	control       // in a CSI, up to its final byte
	strung        // in an OSC, DCS, APC, PM or SOS, up to its end
)

const (
	maxString = 4 << 10 // an unterminated control string ends here
	maxSGR    = 64      // a longer SGR is dropped

	esc = 0x1b
)

// escapes tells escape sequences from text, byte by byte.
type escapes struct {
	state state
	run   int    // bytes of the sequence so far
	prev  byte   // the byte before, in a control string
	seq   []byte // a CSI's parameters, up to maxSGR
}

// enter begins a sequence, or ends it.
func (e *escapes) enter(s state) { e.state, e.run, e.prev, e.seq = s, 0, 0, e.seq[:0] }

// step reads one byte inside an escape sequence and reports whether it belongs
// to it; if not, the sequence is over and the byte is read anew. With sgr it
// was the end of an SGR, whose parameters are in seq.
func (e *escapes) step(c byte) (belongs, sgr bool) {
	e.run++
	switch e.state {
	case escape:
		return e.opened(c), false
	case control:
		return e.csi(c)
	default:
		return e.strung(c), false
	}
}

// opened reads what follows ESC: the beginning of a longer sequence, or
// intermediates and a final byte.
func (e *escapes) opened(c byte) bool {
	switch {
	case c == '[':
		e.enter(control)
	case c == ']' || c == 'P' || c == 'X' || c == '^' || c == '_':
		e.enter(strung)
	case c >= 0x20 && c <= 0x2f && e.run < maxSGR:
		return true
	case c >= 0x30 && c <= 0x7e:
		e.enter(ground)
	default:
		e.enter(ground)
		return false
	}
	return true
}

// csi reads up to the final byte.
func (e *escapes) csi(c byte) (belongs, sgr bool) {
	switch {
	case c >= 0x20 && c <= 0x3f && e.run < maxString:
		if e.run <= maxSGR {
			e.seq = append(e.seq, c)
		}
		return true, false
	case c >= 0x40 && c <= 0x7e:
		e.state = ground // seq stays, for who wants it
		return true, c == 'm' && e.run <= maxSGR
	}
	e.enter(ground)
	return false, false
}

// strung reads a control string up to BEL, ST, CAN, SUB, a newline, the next
// escape sequence, or its bound.
func (e *escapes) strung(c byte) bool {
	prev := e.prev
	e.prev = c
	switch {
	case c == '\n':
		e.enter(ground)
		return false
	case c == esc:
		e.enter(escape) // ESC \ is a sequence of its own
	case c == 0x07, c == 0x18, c == 0x1a, c == 0x9c && prev == 0xc2, e.run >= maxString:
		e.enter(ground)
	}
	return true
}

// wholeSGR is the length of the SGR sequence that p begins with, as nearly all
// of them are written; 0 if it is another, or not all there.
func wholeSGR(p []byte) int {
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
	return end + 1
}
