package runbooks_test

import (
	_ "embed"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"

	"runbook/runbook/book"
)

// checklists are all items of the two checklists that the books carry: id,
// section, and how an item can be decided, one a line.
//
//go:embed testdata/items.tsv
var checklists string

// item is one line of a checklist. Mode says who decides it: "auto" a machine,
// "auto+judge" a person with what a machine saw, "manual" a person; "data" is
// something to know.
type item struct{ id, section, mode string }

func items(t *testing.T) []item {
	t.Helper()
	var all []item
	for line := range strings.Lines(checklists) {
		columns := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(columns) != 3 {
			t.Fatalf("%q: want three columns", line)
		}
		all = append(all, item{columns[0], columns[1], columns[2]})
	}
	return all
}

// carrier is the book that carries an item.
func (i item) carrier() string {
	if strings.HasPrefix(i.id, "S1-") {
		return "users-module"
	}
	return "encrypted-email"
}

// notCovered are items that no entry of a book can carry, with why.
var notCovered = map[string]string{
	"S2-L248": "that all items are settled is what closes a phase: a run with an open one does not finish",
}

// entry is what covers an item: its verb, "data" of what is no step, and
// whether an ask shows evidence.
type entry struct {
	where, verb string
	evidence    bool
}

// right reports whether the entry is one that may decide an item of the mode.
func (e entry) right(mode string) bool {
	switch mode {
	case "auto":
		return e.verb == "check" || e.verb == "run" || e.verb == "watch"
	case "auto+judge":
		return e.verb == "ask" && e.evidence
	case "manual":
		return e.verb == "ask" || e.verb == "tell"
	}
	return e.verb == "data"
}

// covers lists what covers each id of a book.
func covers(b *book.Book) map[string][]entry {
	by := map[string][]entry{}
	add := func(ids []string, e entry) {
		for _, id := range ids {
			by[id] = append(by[id], e)
		}
	}
	for _, s := range b.All() {
		verb, _ := book.VerbOf(s)
		ask, _ := s.Verb.(book.Ask)
		shows := ask.Confirm != nil && len(ask.Confirm.Evidence) > 0 || ask.Approve != nil && len(ask.Approve.Evidence) > 0
		add(s.Covers, entry{s.ID, verb, shows})
	}
	for _, h := range b.Hints {
		add(h.Covers, entry{"hint " + h.Issue, "check", false}) // its diagnose
	}
	for _, c := range b.Contacts {
		add(c.Covers, entry{"contact " + c.Level, "data", false})
	}
	for _, o := range b.Objectives {
		add(o.Covers, entry{"objective " + o.Scenario, "data", false})
	}
	for _, k := range b.Backups {
		add(k.Covers, entry{"backup " + k.Type, "data", false})
	}
	for _, s := range b.Signoffs {
		add(s.Covers, entry{"sign-off " + s.Role, "data", false})
	}
	return by
}

func TestEveryItemHasTheRightVerb(t *testing.T) {
	t.Parallel()
	books, known, by := read(t), map[string]bool{}, map[string]map[string][]entry{}
	for name, b := range books {
		by[name] = covers(b)
	}
	for _, i := range items(t) {
		known[i.id] = true
		found := by[i.carrier()][i.id]
		right := slices.ContainsFunc(found, func(e entry) bool { return e.right(i.mode) })
		switch _, listed := notCovered[i.id]; {
		case !right && !listed:
			t.Errorf("%s (%s, %s) is covered by %v", i.id, i.section, i.mode, found)
		case right && listed:
			t.Errorf("%s is listed as not covered, and %v cover it", i.id, found)
		}
	}
	for name, entries := range by {
		for id, where := range entries {
			if !known[id] {
				t.Errorf("%s: %v cover %s, which no checklist has", name, where, id)
			}
		}
	}
	if testing.Verbose() {
		table(t.Output(), items(t), by)
	}
}

// table writes how many items of each section the books carry, by verb.
func table(w io.Writer, all []item, by map[string]map[string][]entry) {
	type row struct {
		items, open int
		verbs       map[string]int
	}
	rows, order := map[string]*row{}, []string{}
	for _, i := range all {
		name := i.carrier() + ": " + i.section
		if rows[name] == nil {
			rows[name] = &row{verbs: map[string]int{}}
			order = append(order, name)
		}
		r := rows[name]
		r.items++
		verbs := map[string]bool{}
		for _, e := range by[i.carrier()][i.id] {
			verbs[e.verb] = true
		}
		for verb := range verbs {
			r.verbs[verb]++
		}
		if !slices.ContainsFunc(by[i.carrier()][i.id], func(e entry) bool { return e.right(i.mode) }) {
			r.open++
		}
	}
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(out, "SECTION\tITEMS\tCHECK\tRUN\tWATCH\tASK\tTELL\tDATA\tOPEN")
	for _, name := range order {
		r := rows[name]
		fmt.Fprintf(out, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\n", name, r.items,
			r.verbs["check"], r.verbs["run"], r.verbs["watch"], r.verbs["ask"], r.verbs["tell"], r.verbs["data"], r.open)
	}
	_ = out.Flush() // to the test's output
}

// TestItemsAreThoseOfTheChecklists holds the list against the checklists where
// these are at hand.
func TestItemsAreThoseOfTheChecklists(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(filepath.Join("..", "..", "shared", "seeds", "items.tsv"))
	if err != nil {
		t.Skip("the checklists are not on this machine")
	}
	theirs, ours := map[string]string{}, map[string]string{}
	for n, line := range strings.Split(strings.TrimSpace(string(data)), "\n") {
		if columns := strings.Split(line, "\t"); n > 0 && len(columns) > 5 {
			theirs[columns[0]] = columns[5]
		}
	}
	for _, i := range items(t) {
		ours[i.id] = i.mode
	}
	if !maps.Equal(theirs, ours) {
		t.Errorf("the list has %d items, the checklists %d, or their modes differ", len(ours), len(theirs))
	}
}
