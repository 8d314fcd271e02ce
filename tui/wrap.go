package tui

import (
	"bytes"
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// mark says what a search found in a line of the screen. It is shown as
// reversed text and as a sign before the line.
type mark uint8

const (
	unmarked mark = iota
	matched
	current // the match that was gone to
)

var (
	signs = [...]string{unmarked: " ", matched: "-", current: ">"}
	pens  = [...]string{unmarked: "", matched: "\x1b[7m", current: "\x1b[1;4;7m"}
)

// stripe is a safe line, or a part of one, that fits the screen.
type stripe struct {
	text string
	mark mark
}

const (
	tabWidth = 8
	maxPen   = 256 // bytes of colour settings that go on in the next line

	resetPen = "\x1b[0m"
)

// weaver lays one line out. It goes through it once, however long it is.
type weaver struct {
	w, room int // cells of a line, and those of this one
	col     int
	line    []byte
	mark    mark   // of this line
	lit     mark   // of the text being written
	pen     []byte // colours set since the last reset
	done    []stripe
}

// wrap breaks a line at the cell: nothing of it is lost or moved, tabs stand
// out, what goes on is indented by two.
func wrap(line string, w int) []string {
	var lines []string
	for _, s := range weave(line, w, nil, -1) {
		lines = append(lines, s.text)
	}
	return lines
}

// weave breaks a line as wrap does and marks spans, which count its bytes
// without colours; now is the one that was gone to, by where it begins.
func weave(line string, w int, spans [][2]int, now int) []stripe {
	v := &weaver{w: max(8, w), room: max(8, w)}
	for at := 0; len(line) > 0; {
		if rest, found := strings.CutPrefix(line, "\x1b["); found {
			end := strings.IndexByte(rest, 'm') + 1
			v.colour(line[:len("\x1b[")+end])
			line = rest[end:]
			continue
		}
		for len(spans) > 0 && at >= spans[0][1] {
			spans = spans[1:]
		}
		lit := unmarked
		switch {
		case len(spans) == 0 || at < spans[0][0]:
		case spans[0][0] == now:
			lit = current
		default:
			lit = matched
		}
		v.light(lit)
		size := v.put(line)
		at, line = at+size, line[size:]
	}
	v.light(unmarked)
	return append(v.done, stripe{string(v.line), v.mark})
}

// put writes the first character of text and returns its length.
func (v *weaver) put(text string) int {
	c, width := text[:1], 1
	switch {
	case c == "\t":
		for range tabWidth - v.col%tabWidth {
			v.cell(" ", 1)
		}
		return 1
	case c[0] >= 0x80 || len(text) > 1 && text[1] >= 0x80: // it may be drawn as one with what follows
		c, width = ansi.FirstGraphemeCluster(text, ansi.GraphemeWidth)
	}
	v.cell(c, width)
	return len(c)
}

// cell writes what is drawn as one, on the next line if it does not fit.
func (v *weaver) cell(text string, width int) {
	if v.col+width > v.room && v.col > 0 {
		v.turn()
	}
	v.line, v.col = append(v.line, text...), v.col+width
	v.mark = max(v.mark, v.lit)
}

// turn begins the next line with the colours of this one.
func (v *weaver) turn() {
	if len(v.pen) > 0 || v.lit != unmarked {
		v.line = append(v.line, resetPen...)
	}
	v.done = append(v.done, stripe{string(v.line), v.mark})
	v.line, v.mark = append(append(v.line[:0], "  "...), v.pen...), unmarked
	v.line = append(v.line, pens[v.lit]...)
	v.col, v.room = 0, v.w-2
}

// light begins or ends a mark.
func (v *weaver) light(to mark) {
	if v.lit == to {
		return
	}
	if v.lit != unmarked {
		v.line = append(append(v.line, resetPen...), v.pen...)
	}
	v.line, v.lit = append(v.line, pens[to]...), to
}

// colour takes a setting over. One that comes again is kept once, so the pen
// stays short.
func (v *weaver) colour(set string) {
	v.line = append(append(v.line, set...), pens[v.lit]...)
	if set == resetPen || set == "\x1b[m" {
		v.pen = v.pen[:0]
		return
	}
	if i := bytes.Index(v.pen, []byte(set)); i >= 0 {
		v.pen = append(v.pen[:i], v.pen[i+len(set):]...)
	}
	if v.pen = append(v.pen, set...); len(v.pen) > maxPen {
		i := bytes.IndexByte(v.pen[1:], '\x1b') + 1
		v.pen = v.pen[i:]
	}
}
