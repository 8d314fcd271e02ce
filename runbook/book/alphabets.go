package book

import (
	"fmt"
	"unicode"
)

// executed are the keys of what is executed: of commands in books, of secrets
// and hosts in targets.
var executed = map[string]bool{"argv": true, "sh": true, "command": true, "via": true}

// checkWords refuses words that only look like others in what is executed.
func (r *reader) checkWords(path string, value any) {
	switch v := value.(type) {
	case string:
		if word := mixed(v); word != "" {
			r.at(path, "%+q mixes alphabets: letters that look alike are not the same", word)
		}
	case []any:
		for i, item := range v {
			r.checkWords(fmt.Sprintf("%s[%d]", path, i), item)
		}
	}
}

// mixed returns the first word of a text that holds Latin letters beside
// others, which could pass for them; the scripts of East Asia can't, and are
// written so. A word is what a person reads as one name: a path is several.
func mixed(text string) string {
	begin, latin, other := -1, false, false
	for i, r := range text + " " {
		switch {
		case unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) || r == '-' || r == '_' || r == '.':
			if begin < 0 {
				begin = i
			}
			wide := r >= 0xff00 && r <= 0xffef // fullwidth forms are Latin to Unicode
			latin = latin || unicode.Is(unicode.Latin, r) && !wide
			other = other || wide || unicode.IsLetter(r) && !unicode.In(r, unicode.Latin, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Bopomofo)
			continue
		case latin && other:
			return text[begin:i]
		}
		begin, latin, other = -1, false, false
	}
	return ""
}
