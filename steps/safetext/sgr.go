package safetext

import (
	"bytes"
	"strconv"
)

const sgrReset = "\x1b[0m"

// maxCodes is how many codes are left of an SGR; the libraries below a screen
// break at more than 32.
const maxCodes = 16

// sgr is an SGR sequence, and what is left of it.
type sgr struct {
	read   bool
	params []byte
	safe   []byte
}

// allowedSGR reports whether a parameter only changes colour or weight. Blink
// (5, 6), conceal (8) and fonts (10 to 20) are not among them.
func allowedSGR(n int) bool {
	switch {
	case n >= 0 && n <= 4, n == 7, n == 9, n >= 21 && n <= 25, n >= 27 && n <= 29:
		return true
	case n >= 30 && n <= 37, n == 39, n >= 40 && n <= 47, n == 49, n == 59:
		return true
	}
	return n >= 90 && n <= 97 || n >= 100 && n <= 107
}

// appendSGR appends the SGR sequence with these parameters, reduced to what
// is allowed and written in the form every terminal knows (38;5;n, never
// 38:5:n); nothing if nothing is left.
func appendSGR(dst, params []byte) []byte {
	var keep []int
	fields := bytes.Split(params, []byte{';'})
	for len(fields) > 0 {
		codes, used := sgrCodes(fields)
		if len(codes) == 1 && codes[0] == 0 {
			keep = keep[:0] // what stands before a reset says nothing
		}
		if used == 0 || len(keep)+len(codes) > maxCodes {
			break // malformed: what follows can't be told apart; or too long
		}
		keep, fields = append(keep, codes...), fields[used:]
	}
	if len(keep) == 0 {
		return dst
	}
	dst = append(dst, esc, '[')
	for i, n := range keep {
		if i > 0 {
			dst = append(dst, ';')
		}
		dst = strconv.AppendInt(dst, int64(n), 10)
	}
	return append(dst, 'm')
}

// sgrCodes reads the first setting of fields: the codes to keep, and how many
// fields it took; zero if it is malformed.
func sgrCodes(fields [][]byte) (codes []int, used int) {
	sub, ok := numbers(bytes.Split(fields[0], []byte{':'}))
	if !ok {
		return nil, 0
	}
	switch colon := len(sub) > 1; {
	case sub[0] == 38 || sub[0] == 48 || sub[0] == 58:
		if colon {
			return colour(sub, true), 1
		}
		want := colourFields(fields)
		all, ok := numbers(fields[:want])
		if want == 0 || !ok {
			return nil, 0
		}
		return colour(all, false), want
	case colon && sub[0] == 4 && sub[1] == 0:
		return []int{24}, 1 // 4:0 is no underline
	case !allowedSGR(sub[0]):
		return nil, 1
	}
	return sub[:1], 1
}

// colourFields is how many fields 38;5;n or 38;2;r;g;b takes; zero if they
// are not there.
func colourFields(fields [][]byte) int {
	want := 0
	if len(fields) > 1 {
		want = map[string]int{"5": 3, "2": 5}[string(fields[1])]
	}
	if len(fields) < want {
		return 0
	}
	return want
}

// colour is an indexed or direct colour without the colour space that the
// form with colons may name.
func colour(n []int, colon bool) []int {
	if colon && len(n) >= 6 && n[1] == 2 {
		n = append(n[:2:2], n[3:6]...)
	}
	if len(n) == 3 && n[1] == 5 || len(n) == 5 && n[1] == 2 {
		return n
	}
	return nil
}

// numbers reads parameters of at most 255; an empty one is 0.
func numbers(fields [][]byte) ([]int, bool) {
	out := make([]int, len(fields))
	for i, f := range fields {
		n, err := strconv.ParseUint("0"+string(f), 10, 8)
		if err != nil {
			return nil, false
		}
		out[i] = int(n)
	}
	return out, true
}
