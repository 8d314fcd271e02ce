package book

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing wrong with a file. Line and Col count from 1, Col in
// characters; both are 0 if no place is known.
type Problem struct {
	Line, Col int
	Text      string
	Warning   bool
	File      string // that of a target which the file extends; else empty

	path string // what it is about, if it is about a key
}

// Problems is the error of Read and ReadTarget: all that is wrong with a file,
// in the order of the file.
type Problems struct {
	File string
	List []Problem
}

// Error is one line a problem, each as FILE:LINE:COL: text.
func (p *Problems) Error() string {
	lines := make([]string, len(p.List))
	for i, one := range p.List {
		lines[i] = one.In(p.File)
	}
	return strings.Join(lines, "\n")
}

// In is the problem as a line of `runbook lint`: FILE:LINE:COL: text.
func (p Problem) In(file string) string {
	text := p.Text
	if p.Warning {
		text = "warning: " + text
	}
	return fmt.Sprintf("%s:%d:%d: %s", cmp.Or(p.File, file), p.Line, p.Col, text)
}

// sortProblems orders by place; what stands at the same place keeps its order.
func sortProblems(list []Problem) {
	slices.SortStableFunc(list, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col))
	})
}
