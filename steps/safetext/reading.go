package safetext

import (
	"sort"
	"unicode/utf8"
)

// wrapped is how many characters of an encoder stand before a line end that
// the encoder made: base64 breaks its lines at 76 or 64, xxd at 60.
const wrapped = 40

// reading turns raw output into the text in which secrets are looked for: as
// it reads on a screen, without escape sequences, control characters and what
// else draws nothing, and without the line ends of encoders. Output may come in pieces.
type reading struct {
	escapes
	run    int  // characters of an encoder directly before, at most wrapped
	ending bool // inside an encoder's line end

	text []byte // of the piece read last; the piece itself where nothing was dropped
	gaps []gap
	buf  []byte
}

// gap says how many raw bytes were dropped before the text's byte at.
type gap struct{ at, dropped int }

// resume begins anew at byte i of the text, which is no control.
func (r *reading) resume(i, run int) {
	r.enter(ground)
	r.run, r.ending = trail(r.text[:i], run), false
}

// span is what a part of the text takes in the piece.
func (r *reading) span(s span) span { return span{r.raw(s.start), r.raw(s.end-1) + 1} }

// raw is where the text's byte i stands in the piece.
func (r *reading) raw(i int) int {
	n := sort.Search(len(r.gaps), func(k int) bool { return r.gaps[k].at > i })
	if n == 0 {
		return i
	}
	return i + r.gaps[n-1].dropped
}

// read reads a piece of output.
func (r *reading) read(raw []byte) {
	r.text, r.gaps = r.buf[:0], r.gaps[:0]
	from, dropped := 0, 0 // raw[from:i] stays, and is not in the text yet
	for i := 0; i < len(raw); {
		if r.state == ground && !r.ending {
			if i += printable(raw[i:]); i == len(raw) {
				break
			}
			if c := raw[i]; c == '\t' || (c == '\n' || c == '\r') && trail(raw[from:i], r.run) < wrapped {
				i++
				continue
			}
			if n := drawn(raw[i:]); n > 0 {
				i += n
				continue
			}
		}
		r.keep(raw[from:i])
		n := r.drop(raw[i:])
		i, dropped = i+n, dropped+n
		from = i
		if k := len(r.gaps) - 1; k >= 0 && r.gaps[k].at == len(r.text) {
			r.gaps = r.gaps[:k]
		}
		r.gaps = append(r.gaps, gap{len(r.text), dropped})
	}
	if len(r.gaps) == 0 {
		r.run, r.text = trail(raw, r.run), raw
		return
	}
	r.keep(raw[from:])
	r.buf = r.text
}

func (r *reading) keep(part []byte) {
	r.run = trail(part, r.run)
	r.text = append(r.text, part...)
}

// drop reads what has no place in the text and returns its length.
func (r *reading) drop(p []byte) int {
	if r.state == ground && p[0] == esc {
		if n := wholeSGR(p); n > 0 {
			return n
		}
		r.enter(escape)
		return 1
	}
	if r.state != ground {
		for i, c := range p {
			if belongs, _ := r.step(c); !belongs {
				return i
			}
			if r.state == ground {
				return i + 1
			}
		}
		return len(p)
	}
	switch {
	case isSpace(p[0]):
		r.run, r.ending = 0, true
		return spaces(p)
	case p[0] < ' ' || p[0] == 0x7f:
		return 1
	}
	if r.ending {
		r.ending = false
		return 0
	}
	_, size := utf8.DecodeRune(p)
	return size
}

// drawn is the length of the run of characters beyond ASCII that p begins with
// and a screen shows. Most begin with a byte that none of the hidden ones has.
func drawn(p []byte) int {
	i := 0
	for i < len(p) && p[i] >= utf8.RuneSelf {
		if c := p[i]; c >= 0xc3 && c <= 0xdf && i+1 < len(p) && p[i+1]&0xc0 == 0x80 {
			i += 2
			continue
		}
		r, size := utf8.DecodeRune(p[i:])
		if hidden(r) || r == utf8.RuneError && size == 1 && p[i] <= 0x9f {
			break
		}
		i += size
	}
	return i
}

// unfinished is how many bytes at the end of p may be the beginning of a
// character.
func unfinished(p []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(p); n++ {
		if c := p[len(p)-n]; utf8.RuneStart(c) {
			if c >= utf8.RuneSelf && !utf8.FullRune(p[len(p)-n:]) {
				return n
			}
			break
		}
	}
	return 0
}

// ofEncoder are the characters of encoders: letters, digits and a few
// more.
var ofEncoder = func() (set [256]bool) {
	for c := range set {
		set[c] = alphanumeric(byte(c))
	}
	for _, c := range "+/=_-" {
		set[c] = true
	}
	return set
}()

// trail is how many characters of an encoder p ends with, at most wrapped, if
// run of them stood before p.
func trail(p []byte, run int) int {
	n := 0
	for n < len(p) && n < wrapped && ofEncoder[p[len(p)-1-n]] {
		n++
	}
	if n == len(p) {
		n = min(wrapped, n+run)
	}
	return n
}

func spaces(p []byte) int {
	for i, c := range p {
		if !isSpace(c) {
			return i
		}
	}
	return len(p)
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }
