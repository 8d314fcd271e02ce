package runbook

import (
	"regexp"

	"runbook/runbook/book"
)

// Hints are the book's hints that fit a step which went wrong: their Match is
// held against the step's id and what was seen of it.
func Hints(b *book.Book, s *book.Step, saw string) []book.Hint {
	var fit []book.Hint
	for _, h := range b.Hints {
		if re, err := regexp.Compile(h.Match); err == nil && re.MatchString(s.ID+" "+saw) {
			fit = append(fit, h)
		}
	}
	return fit
}
