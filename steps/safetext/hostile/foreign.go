package hostile

import (
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

var (
	sequence = regexp.MustCompile(`\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~]?)`)
	motion   = regexp.MustCompile(`^\x1b(\[[\d;]*[A-MPSTXZ@abdefr]|[78DEM])$`)
	colours  = regexp.MustCompile(`^\x1b\[\d{0,3}(;\d{1,3})*m$`)
)

// mark stands in each payload that moves the cursor or erases: no terminal of
// a test is as large. A screen that goes back goes by columns where that is
// shorter: so far back by single steps only a payload does.
const (
	mark = "7777"
	back = "\b\b\b\b\b\b\b\b"
)

// Kinds are what a screen sent by itself, in a session without payloads, that
// is no colour and moves or erases nothing: Foreign is to be told of them.
func Kinds(sent string) map[string]bool {
	own := map[string]bool{"\b": true}
	for _, seq := range sequence.FindAllString(sent, -1) {
		own[seq] = true
	}
	return own
}

// Foreign is the first thing in what a terminal was sent that acts on it or
// hides, but for colours; "" if there is none. A screen, which moves its
// cursor, has sequences of its own; to all others own is nil.
func Foreign(sent string, own map[string]bool) string {
	for _, seq := range sequence.FindAllString(sent, -1) {
		moves := own != nil && motion.MatchString(seq) && !strings.Contains(seq, mark)
		if !moves && !own[seq] && !onlyColours(seq) {
			return strconv.Quote(seq)
		}
	}
	if !utf8.ValidString(sent) {
		return "invalid UTF-8"
	}
	if strings.Contains(sent, back) {
		return strconv.Quote(back)
	}
	for _, r := range sequence.ReplaceAllString(sent, "") {
		if !strings.ContainsRune("\n\r\t", r) && !own[string(r)] && !unicode.IsPrint(r) || unicode.In(r, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point) {
			return strconv.QuoteRune(r)
		}
	}
	return ""
}

// onlyColours reports whether a sequence changes nothing but colour and weight.
func onlyColours(seq string) bool {
	if !colours.MatchString(seq) {
		return false
	}
	codes := strings.Split(strings.Trim(seq, "\x1b[m"), ";")
	for len(codes) > 0 {
		used := 1
		switch n, err := strconv.Atoi(codes[0]); {
		case codes[0] == "":
		case err != nil, n == 5, n == 6, n == 8, n >= 10 && n <= 20, n > 107:
			return false
		case n == 38 || n == 48 || n == 58:
			used = 3
			if len(codes) > 1 && codes[1] == "2" {
				used = 5
			}
		}
		codes = codes[min(used, len(codes)):]
	}
	return true
}
