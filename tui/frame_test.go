package tui

import (
	"testing"

	"runbook/runbook"
	"runbook/runbook/book"
)

// TestHeaderNamesTheRelease under whatever name the book has it.
func TestHeaderNamesTheRelease(t *testing.T) {
	t.Parallel()
	m := &model{book: &book.Book{Vars: map[string]book.Var{"release": {}}}}
	r := &runbook.Run{ID: "7f3a1c22", Book: "restart", Vars: map[string]string{"release": "1.8.2", "tag": "x"}}
	if got := m.what(r); got != "restart 1.8.2  7f3a" {
		t.Errorf("%q", got)
	}
}
