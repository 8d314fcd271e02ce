// Package safetext is the only way outside text reaches a screen or a file
// that is read: the sanitizer takes away what could act on a terminal or
// deceive a reader, the redactor takes away secrets.
//
// Outside text is whatever we did not write ourselves: the output of commands,
// answers of servers, error messages of libraries, the fields of a book.
package safetext

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Line makes one line of s: no colours, no escape sequences; each run of
// newlines, carriage returns and tabs is one space; invisible and
// direction-changing characters stand as <U+202E>, bytes that are no UTF-8
// as <FF>.
func Line(s string) string {
	if plain(s) {
		return s
	}
	return sanitize(s, oneLine)
}

// SampleLength bounds a Sample, in runes.
const SampleLength = 160

// Sample is the beginning of Line, for reasons and evidence.
func Sample(s string) string {
	if len(s) > 16*SampleLength {
		s = s[:16*SampleLength]
	}
	line := strings.TrimSpace(Line(s))
	if runes := []rune(line); len(runes) > SampleLength {
		return string(runes[:SampleLength]) + "…"
	}
	return line
}

// Block is Line for text of many lines: newlines and tabs stay, and a
// carriage return ends a line as a newline does, so that nothing is hidden.
func Block(s string) string {
	if plain(s) {
		return s
	}
	return sanitize(s, manyLines)
}

// Exact shows what an operator approves: every control and every character
// beyond ASCII stands as an escape (\n, \x1b, \u202e), nothing is left out. A
// backslash that would read as such an escape is doubled, so two different
// texts never look the same. Give it a script line by line.
func Exact(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		rest := s[i+size:]
		switch {
		case r == '\\' && readsAsEscape(rest):
			b.WriteString(`\\`)
		case ' ' <= r && r <= '~':
			b.WriteByte(byte(r))
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < utf8.RuneSelf || r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case r > 0xffff:
			fmt.Fprintf(&b, `\U%08x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
		i += size
	}
	return b.String()
}

// readsAsEscape reports whether a backslash before rest would be taken for an
// escape of Exact, or would swallow the backslash of the next one.
func readsAsEscape(rest string) bool {
	if rest == "" {
		return false
	}
	c := rest[0]
	return c < ' ' || c > '~' || strings.IndexByte(`nrtxuU\`, c) >= 0
}

// plain reports whether s is printable ASCII, which most lines are.
func plain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
