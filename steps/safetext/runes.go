package safetext

import (
	"fmt"
	"unicode"
)

// invisible holds what unicode.IsPrint lets pass although it draws nothing:
// joiners, fillers and selectors that can carry hidden text.
var invisible = &unicode.RangeTable{
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

// Visible reports whether a person sees the character as what it is: it draws
// something, and no space but the plain one is it.
func Visible(r rune) bool { return unicode.IsPrint(r) && !unicode.Is(invisible, r) }

// appendRune appends what stands for r, a character beyond ASCII. C1 controls
// go; the two selectors that only choose between text and emoji go as well,
// since terminals disagree on the width they give.
func appendRune(dst []byte, r rune) []byte {
	switch {
	case r <= 0x9f, r == 0xfe0e, r == 0xfe0f:
		return dst
	case unicode.Is(unicode.Zs, r):
		return append(dst, ' ')
	case Visible(r):
		return append(dst, string(r)...)
	}
	return fmt.Appendf(dst, "<U+%04X>", r)
}
