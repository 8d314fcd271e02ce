package book

import (
	"fmt"
	"unicode/utf8"

	"runbook/steps/safetext"
)

// visible reports whether a person who reads a text sees this character as
// what it is. Every space but the plain one is refused too: in a command it
// looks like a gap and is none.
func visible(r rune) bool {
	return r == '\n' || r == '\t' || safetext.Visible(r)
}

// hidden returns the first invisible character of a text and its offset, or -1.
func hidden(text string) (rune, int) {
	for i, r := range text {
		if !visible(r) {
			return r, i
		}
	}
	return 0, -1
}

// checkVisible lists the invisible characters of a file, at most ten: of a
// binary file more would help nobody.
func (r *reader) checkVisible() {
	for i := 0; i < len(r.data) && len(r.problems) < 10; {
		c, size := utf8.DecodeRune(r.data[i:])
		switch {
		case c == utf8.RuneError && size == 1:
			r.offset(i, "not UTF-8: byte %#02x", r.data[i])
		case c == '\r' && i+1 < len(r.data) && r.data[i+1] == '\n':
		case !visible(c):
			r.offset(i, "invisible character %U; remove it, or write it as plain text", c)
		}
		i += size
	}
}

// checkValues looks into what escapes such as \u202e make of strings, and for
// words in what is executed that are not what they look like.
func (r *reader) checkValues(path string, value any) {
	switch v := value.(type) {
	case string:
		if c, i := hidden(v); i >= 0 {
			r.at(path, "%s holds the invisible character %U", path, c)
		}
	case []any:
		for i, item := range v {
			r.checkValues(fmt.Sprintf("%s[%d]", path, i), item)
		}
	case []map[string]any:
		for i, item := range v {
			r.checkValues(fmt.Sprintf("%s[%d]", path, i), item)
		}
	case map[string]any:
		for key, item := range v {
			if executed[key] {
				r.checkWords(join(path, key), item)
			}
			r.checkValues(join(path, key), item)
		}
	}
}
