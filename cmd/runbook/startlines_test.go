package main

import (
	"fmt"
	"slices"
	"testing"

	"runbook/runbook/book"
)

// TestGivenLines: what was given stands there, what book or target say does not,
// a secret never, and of many only the first.
func TestGivenLines(t *testing.T) {
	t.Parallel()
	b := &book.Book{Vars: map[string]book.Var{
		"release": {}, "size": {Default: "small"}, "place": {}, "platform": {}, "ticket": {}, "token": {Secret: true},
	}}
	on := &book.Target{
		Vars: map[string]string{"place": "here"}, Choose: map[string]string{"platform": "docker"}, Require: []book.Demand{{Name: "ticket"}},
	}
	vars := map[string]string{"release": "1.8.2", "size": "small", "place": "here", "platform": "docker", "ticket": "CHG-1", "token": "hunter2"}
	if lines := givenLines(b, on, vars); !slices.Equal(lines, []string{"var     release = 1.8.2"}) {
		t.Errorf("%q", lines)
	}
	vars["place"], vars["size"] = "there", "large"
	if lines := givenLines(b, on, vars); !slices.Equal(lines, []string{"var     place = there", "var     release = 1.8.2", "var     size = large"}) {
		t.Errorf("over what book and target say: %q", lines)
	}
	for i := range 9 {
		vars[fmt.Sprint("x", i)] = "y"
	}
	if lines := givenLines(b, on, vars); len(lines) != maxGiven+1 || lines[maxGiven] != "        and 6 more" {
		t.Errorf("%q", lines)
	}
}
