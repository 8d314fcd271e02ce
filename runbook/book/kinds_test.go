package book_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"runbook/runbook/book"
)

// What a book may name and what is described are the same kinds.
func TestKindsAreThoseThatAreRead(t *testing.T) {
	t.Parallel()
	var read []string
	for _, verb := range []string{"check", "run", "ask", "tell", "run.probe"} {
		_, err := book.Read([]byte("schema = 1\nname = \"x\"\n[[phase]]\nid = \"p\"\n[[phase.step]]\nid = \"s\"\n"+verb+" = {}\n"), "x.toml")
		if err == nil {
			t.Fatalf("%s without a kind is read", verb)
		}
		list := regexp.MustCompile(`exactly one kind \(([^)]*)\)`).FindStringSubmatch(err.Error())
		if list == nil {
			t.Fatalf("%s: %v", verb, err)
		}
		for kind := range strings.SplitSeq(list[1], ", ") {
			if verb+kind != "runprobe" {
				read = append(read, verb+"."+kind)
			}
		}
	}
	for name := range book.Kinds() {
		if !slices.Contains(read, name) {
			t.Errorf("%s is described, and not read", name)
		}
	}
	for _, name := range read {
		verb, kind, _ := strings.Cut(name, ".")
		_, here := book.Kinds()[name]
		_, touches := book.Kinds()["run.probe."+kind] // a check that touches is told of only in its place
		_, looks := book.Kinds()["check."+strings.TrimPrefix(kind, "probe.")]
		elsewhere := verb == "check" && touches || verb == "run" && looks
		if !here && !elsewhere {
			t.Errorf("%s is read, and not described: put it into Kinds", name)
		}
	}
}
