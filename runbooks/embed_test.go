package runbooks_test

import (
	"bufio"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
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

// covered lists every id that an entry of the book covers, with where.
func covered(b *book.Book) map[string][]string {
	by := map[string][]string{}
	add := func(where string, ids []string) {
		for _, id := range ids {
			by[id] = append(by[id], where)
		}
	}
	for _, s := range b.All() {
		add(s.ID, s.Covers)
	}
	for _, h := range b.Hints {
		add("hint "+h.Issue, h.Covers)
	}
	for _, c := range b.Contacts {
		add("contact "+c.Level, c.Covers)
	}
	for _, o := range b.Objectives {
		add("objective "+o.Scenario, o.Covers)
	}
	for _, k := range b.Backups {
		add("backup "+k.Type, k.Covers)
	}
	for _, s := range b.Signoffs {
		add("sign-off "+s.Role, s.Covers)
	}
	return by
}

// notCovered are items of the checklist that no entry covers, with why. It is
// empty: every item is carried, by a machine or by a question.
var notCovered = map[string]string{}

func TestUsersModuleCoversItsChecklist(t *testing.T) {
	t.Parallel()
	items := checklist(t, "S1")
	by := covered(read(t)["users-module"])
	for id, item := range items {
		switch _, listed := notCovered[id]; {
		case by[id] == nil && !listed:
			t.Errorf("%s is not covered: %s", id, item)
		case by[id] != nil && listed:
			t.Errorf("%s is listed as not covered, and %s covers it", id, by[id])
		}
	}
	for id, where := range by {
		if _, ok := items[id]; !ok {
			t.Errorf("%s covers %s, which the checklist does not have", where, id)
		}
	}
}

// checklist reads the items of one seed: the id is the first column, the text
// the fifth.
func checklist(t *testing.T, seed string) map[string]string {
	t.Helper()
	file, err := os.Open(filepath.Join("..", "..", "shared", "seeds", "items.tsv"))
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("the checklists are not on this machine")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }() // only read from
	items := map[string]string{}
	scanner := bufio.NewScanner(file)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		columns := strings.Split(scanner.Text(), "\t")
		if len(columns) > 4 && columns[1] == seed {
			items[columns[0]] = columns[4]
		}
	}
	if err := scanner.Err(); err != nil {
		t.Fatal(err)
	}
	if len(items) < 50 {
		t.Fatalf("only %d items of %s were found", len(items), seed)
	}
	return items
}
