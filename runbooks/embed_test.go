package runbooks_test

import (
	"io/fs"
	"testing"

	"runbook/runbook/book"
	"runbook/runbooks"
)

// knownWarnings are what lint says of the embedded books and what stays, by
// book and step, with why.
var knownWarnings = map[string]map[string]string{
	"users-module": {
		"revert-migrations": "how many reverts ran can't be told from the database alone: a verify would settle an unknown end by guessing",
	},
	"encrypted-email": {
		"revert-migrations": "as in users-module",
	},
}

// read returns every embedded book by its name.
func read(t *testing.T) map[string]*book.Book {
	t.Helper()
	names, err := fs.Glob(runbooks.Books, "*.toml")
	if err != nil || len(names) == 0 {
		t.Fatalf("list the embedded books: %v, %v", names, err)
	}
	books := map[string]*book.Book{}
	for _, name := range names {
		data, err := runbooks.Books.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		b, err := book.Read(data, name)
		if err != nil {
			t.Fatalf("read %s:\n%v", name, err)
		}
		if b.Name+".toml" != name {
			t.Errorf("%s holds the book %s", name, b.Name)
		}
		books[b.Name] = b
	}
	return books
}

func TestEmbeddedBooksLintClean(t *testing.T) {
	t.Parallel()
	for name, b := range read(t) {
		expected := map[string]bool{}
		for _, p := range book.Lint(b) {
			step := ""
			for _, s := range b.All() {
				if s.Line == p.Line {
					step = s.ID
				}
			}
			if p.Warning && knownWarnings[name][step] != "" {
				expected[step] = true
				continue
			}
			t.Errorf("%s.toml:%d:%d: %s", name, p.Line, p.Col, p.Text)
		}
		for step := range knownWarnings[name] {
			if !expected[step] {
				t.Errorf("%s: lint does not warn of %s any more; take it off the list", name, step)
			}
		}
	}
}

// A list of 80 columns and a stressed person set these limits.
func TestWordsFitTheScreen(t *testing.T) {
	t.Parallel()
	for name, b := range read(t) {
		for _, s := range b.All() {
			if n := len([]rune(s.Title)); n > 40 || s.Title == s.ID {
				t.Errorf("%s: title of %s has %d characters, wanted 1 to 40 of its own: %q", name, s.ID, n, s.Title)
			}
			if n := len([]rune(s.Note)); n > 240 {
				t.Errorf("%s: note of %s has %d characters, wanted at most 240", name, s.ID, n)
			}
		}
		for v, is := range b.Vars {
			if is.Title == "" {
				t.Errorf("%s: var %s has no title", name, v)
			}
		}
	}
}
