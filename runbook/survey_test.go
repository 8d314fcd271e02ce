package runbook_test

import (
	"testing"

	"runbook/runbook"
	"runbook/runbook/book"
	"runbook/runbooks"
)

// What a migration leaves is looked at behind it, and not before.
func TestBehind(t *testing.T) {
	t.Parallel()
	text, err := runbooks.Books.ReadFile("users-module.toml")
	if err != nil {
		t.Fatal(err)
	}
	b, err := book.Read(text, "users-module.toml")
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]string{"none-pending": "migrate", "expected-indexes": "migrate", "prepared": "", "health": ""} {
		s := b.Step(id)
		if s == nil {
			t.Fatalf("no step %s", id)
		}
		got := ""
		if change := runbook.Behind(b, s, nil); change != nil {
			got = change.ID
		}
		if got != want {
			t.Errorf("%s stands behind %q, want %q", id, got, want)
		}
	}
}
