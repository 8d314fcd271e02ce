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
	motion   = regexp.MustCompile(`^\x1b\[[\d;]*([A-IXL-Pad-fST@])$`)
	colours  = regexp.MustCompile(`^\x1b\[\d{0,3}(;\d{1,3})*m$`)
)

// mark stands in the payloads that move the cursor or erase: no terminal of a
// test is as large.
const mark = "7777"

// Kinds are the escape sequences of what a terminal was sent, those that move
// the cursor without how far. A screen's own, found in a session without
// payloads, are what Foreign is to be told.
func Kinds(sent string) map[string]bool {
	kinds := map[string]bool{}
	for _, seq := range sequence.FindAllString(sent, -1) {
		kinds[kind(seq)] = true
	}
	return kinds
}

func kind(seq string) string {
	if m := motion.FindStringSubmatch(seq); m != nil && !strings.Contains(seq, mark) {
		return "motion " + m[1]
	}
	return seq
}

// Foreign is the first thing in what a terminal was sent that acts on it or
// hides, but for colours and the sequences of these kinds; "" if there is
// none.
func Foreign(sent string, own map[string]bool) string {
	for _, seq := range sequence.FindAllString(sent, -1) {
		if !own[kind(seq)] && !onlyColours(seq) {
			return strconv.Quote(seq)
		}
	}
	if !utf8.ValidString(sent) {
		return "invalid UTF-8"
	}
	for _, r := range sequence.ReplaceAllString(sent, "") {
		if r != '\n' && r != '\r' && r != '\t' && !unicode.IsPrint(r) || unicode.In(r, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point) {
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
