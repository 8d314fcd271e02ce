package tui

import (
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"
)

// TestWeave breaks lines at every width: no line is too wide, no character is
// lost or moved, colours go on, marks stand where they belong.
func TestWeave(t *testing.T) {
	t.Parallel()
	for _, line := range []string{
		"", "short", strings.Repeat("0123456789", 30),
		"\x1b[31mred " + strings.Repeat("and on ", 40) + "\x1b[0m plain " + strings.Repeat("x", 200),
		strings.Repeat("\x1b[1m\x1b[32mmany\x1b[38;5;4m colours \x1b[44mnever reset ", 60),
		strings.Repeat("wide 漢字 and e\u0301 ", 30), "one\ttwo\t\tthree" + strings.Repeat("\tx", 30),
	} {
		text := ansi.Strip(line)
		spans := [][2]int{}
		if i := strings.LastIndex(text, "on "); i > 0 {
			spans = append(spans, [2]int{i, i + 2})
		}
		for w := 8; w < 120; w += 7 {
			var joined strings.Builder
			for i, s := range weave(line, w, spans, -1) {
				if got := ansi.StringWidth(s.text); got > w {
					t.Fatalf("%q at %d: %d cells in %q", line, w, got, s.text)
				}
				part := ansi.Strip(s.text)
				if i > 0 {
					part = strings.TrimPrefix(part, "  ")
				}
				joined.WriteString(part)
				onlySGR(t, s.text)
			}
			squeeze := strings.NewReplacer(" ", "", "\t", "")
			if got := joined.String(); squeeze.Replace(got) != squeeze.Replace(text) {
				t.Fatalf("%q at %d became %q", text, w, got)
			}
		}
	}
}

func TestWeaveColoursGoOn(t *testing.T) {
	t.Parallel()
	lines := weave("\x1b[31mabcdefgh\x1b[1mijklmn\x1b[0mop", 8, [][2]int{{6, 10}, {14, 15}}, 6)
	now, other, pen := pens[current], pens[matched], "\x1b[31m\x1b[1m"
	want := []stripe{
		{"\x1b[31mabcdef" + now + "gh\x1b[1m" + now + resetPen, current},
		{"  " + pen + now + "ij" + resetPen + pen + "klmn" + resetPen + other + resetPen, current},
		{"  " + other + "o" + resetPen + "p", matched},
	}
	if len(lines) != len(want) {
		t.Fatalf("%d lines: %q", len(lines), lines)
	}
	for i := range want {
		if lines[i] != want[i] {
			t.Errorf("line %d is %q, %d; want %q, %d", i, lines[i].text, lines[i].mark, want[i].text, want[i].mark)
		}
	}
}

// TestWeavePenStaysShort lays out a line that sets a new colour for every
// character and resets none.
func TestWeavePenStaysShort(t *testing.T) {
	t.Parallel()
	var line strings.Builder
	for i := range 5000 {
		line.WriteString("\x1b[38;2;" + itoa(i%256) + ";" + itoa(i/256) + ";0mx")
	}
	for _, s := range weave(line.String(), 80, nil, -1) {
		if len(s.text) > 80*20+2*maxPen {
			t.Fatalf("a line of 80 cells takes %d bytes", len(s.text))
		}
	}
}
