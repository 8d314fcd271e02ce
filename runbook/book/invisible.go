package book

import (
	"fmt"
	"unicode"
	"unicode/utf8"
)

// blank holds what counts as printable but shows nothing: fillers, joiners,
// variation selectors.
var blank = &unicode.RangeTable{
	R16: []unicode.Range16{
		{Lo: 0x034f, Hi: 0x034f, Stride: 1},
		{Lo: 0x115f, Hi: 0x1160, Stride: 1},
		{Lo: 0x17b4, Hi: 0x17b5, Stride: 1},
		{Lo: 0x180b, Hi: 0x180f, Stride: 1},
		{Lo: 0x2800, Hi: 0x2800, Stride: 1},
		{Lo: 0x3164, Hi: 0x3164, Stride: 1},
		{Lo: 0xfe00, Hi: 0xfe0f, Stride: 1},
		{Lo: 0xffa0, Hi: 0xffa0, Stride: 1},
	},
	R32: []unicode.Range32{{Lo: 0xe0100, Hi: 0xe01ef, Stride: 1}},
}

// visible reports whether a person who reads a text sees this character as
// what it is. Every space but the plain one is refused too: in a command it
// looks like a gap and is none.
func visible(r rune) bool {
	return r == '\n' || r == '\t' || unicode.IsPrint(r) && !unicode.Is(blank, r)
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

// checkValues looks into what escapes such as \u202e make of strings.
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
			r.checkValues(join(path, key), item)
		}
	}
}
