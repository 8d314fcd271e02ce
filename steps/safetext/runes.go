package safetext

import (
	"encoding/binary"
	"math/bits"
	"unicode"
)

// Eight bytes are looked at in one: what tells them from the rest ends up in
// their high bits, and is right for the first that differs.
const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// printable is the length of the run of printable ASCII p begins with.
func printable(p []byte) int {
	i := 0
	for ; i+8 <= len(p); i += 8 {
		x := binary.LittleEndian.Uint64(p[i:]) // beyond ASCII, below ' ', above '~'
		if odd := (x | (x - ' '*ones) | (x + ones)) & highs; odd != 0 {
			return i + bits.TrailingZeros64(odd)/8
		}
	}
	for ; i < len(p) && p[i]-' ' <= '~'-' '; i++ {
	}
	return i
}

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

// hidden reports what goes of the characters beyond ASCII: C1 controls, and
// the two selectors that only choose between text and emoji, since terminals
// disagree on the width they give.
func hidden(r rune) bool { return r >= 0x80 && r <= 0x9f || r == 0xfe0e || r == 0xfe0f }

// appendRune appends what stands for r, a character beyond ASCII.
func appendRune(dst []byte, r rune) []byte {
	switch {
	case hidden(r):
		return dst
	case unicode.Is(unicode.Zs, r):
		return append(dst, ' ')
	case Visible(r):
		return append(dst, string(r)...)
	}
	return append(appendHex(append(dst, "<U+"...), uint32(r), 4), '>') // #nosec G115 -- decoded from UTF-8
}

// appendHex appends n in at least so many upper-case digits.
func appendHex(dst []byte, n uint32, digits int) []byte {
	for n>>(4*digits) != 0 {
		digits++
	}
	for digits--; digits >= 0; digits-- {
		dst = append(dst, "0123456789ABCDEF"[n>>(4*digits)&15])
	}
	return dst
}
