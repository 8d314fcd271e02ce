package tui

import (
	"fmt"
	"strings"
	"time"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
)

// page is text that scrolls: every character of it can be reached, long lines
// are wrapped and never cut.
type page struct {
	text  []string
	lines []string // text, wrapped to w
	w     int
	top   int
	h     int
	end   bool // stay at the end while the text grows
	exact bool // wrapped at the cell, not at the word
}

// rail stands before each line of what is signed, where it is wrapped too.
const rail = "│ "

func newPage(text []string) page { return page{text: text} }

// set replaces the text and keeps the place.
func (p *page) set(text []string) { p.text, p.w = text, 0 }

// fresh is a page about the run: what is drawn is the state that is drawn beside
// it, also where somebody else moved that.
type fresh struct {
	page
	from func(m *model) []string
	of   uint64    // the snapshot that it shows
	at   time.Time // for its ages: they move once in ten seconds
}

func newFresh(m *model, from func(m *model) []string) fresh {
	return fresh{page: newPage(from(m)), from: from, of: m.snap.n, at: m.clock}
}

// now is the body as the state has it, at the place that was scrolled to.
func (f *fresh) now(m *model, w, h int) []string {
	if f.from != nil && (f.of != m.snap.n || m.clock.Sub(f.at) >= coarseness) {
		f.of, f.at = m.snap.n, m.clock
		f.set(f.from(m))
	}
	return f.body(w, h)
}

// body is the part of the text that is shown, w wide and at most h high.
func (p *page) body(w, h int) []string {
	if w != p.w {
		p.lines, p.w = p.wrapped(w), w
	}
	p.h = max(1, h)
	last := max(0, len(p.lines)-p.h)
	if p.end {
		p.top = last
	}
	p.top = min(max(0, p.top), last)
	return p.lines[p.top:min(len(p.lines), p.top+p.h)]
}

// seen reports whether the last line has been on the screen.
func (p *page) seen() bool { return p.w > 0 && p.top+p.h >= len(p.lines) }

// where says which part of how much is shown; nothing if all of it is.
func (p *page) where() string {
	if p.top == 0 && p.seen() {
		return ""
	}
	return fmt.Sprintf("lines %d-%d of %d", p.top+1, min(p.top+p.h, len(p.lines)), len(p.lines))
}

// down shows the next part.
func (p *page) down() { p.top += p.h }

// key scrolls. It answers whether the key was one of its own.
func (p *page) key(k tea.KeyPressMsg, keys keyMap) bool {
	switch {
	case key.Matches(k, keys.Up):
		p.top--
	case key.Matches(k, keys.Down):
		p.top++
	case key.Matches(k, keys.PageUp):
		p.top -= p.h
	case key.Matches(k, keys.PageDown):
		p.down()
	case key.Matches(k, keys.Top):
		p.top = 0
	case key.Matches(k, keys.Bottom):
		p.top = len(p.lines)
	default:
		return false
	}
	p.top = min(max(0, p.top), max(0, len(p.lines)-p.h))
	p.end = p.seen()
	return true
}

// wrapped breaks the text to w cells; what goes on is indented by two.
func (p *page) wrapped(w int) []string {
	var lines []string
	for _, line := range p.text {
		if text, railed := strings.CutPrefix(line, rail); railed {
			for _, part := range wrap(text, w-ansi.StringWidth(rail)) {
				lines = append(lines, rail+part)
			}
			continue
		}
		if p.exact || ansi.StringWidth(line) <= w {
			lines = append(lines, wrap(line, w)...)
			continue
		}
		for i, part := range prose(line, w-2) {
			if i > 0 {
				part = "  " + part
			}
			lines = append(lines, part)
		}
	}
	return lines
}

// prose breaks one safe line at words, and keeps its indent.
func prose(line string, w int) []string {
	text := strings.TrimLeft(line, " ")
	indent := line[:len(line)-len(text)]
	lines := strings.Split(ansi.Wrap(text, max(8, w-len(indent)), ""), "\n")
	for i := range lines {
		lines[i] = indent + lines[i]
	}
	return lines
}

// fit cuts a line to w cells and says so.
func fit(line string, w int) string { return ansi.Truncate(line, max(0, w), "..") }

// pad fills a line up to w cells.
func pad(line string, w int) string {
	if n := w - ansi.StringWidth(line); n > 0 {
		return line + spaces(n)
	}
	return line
}

// both is left and right on one line of w cells; left gives way.
func both(left, right string, w int) string {
	room := w - ansi.StringWidth(right)
	if right == "" || room < 8 {
		return fit(left, w)
	}
	return pad(fit(left, room-1), room) + right
}
