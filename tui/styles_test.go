package tui

import (
	"image/color"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
)

// TestBackground: a terminal that does not say what its background is gets
// colours that are read on any, and one that says it late its own.
func TestBackground(t *testing.T) {
	t.Parallel()
	now := time.Now()
	m := newModel(t.Context(), nil, Options{Now: func() time.Time { return now }})
	tick := func(after time.Duration) {
		now = now.Add(after)
		m.Update(tickMsg(now))
	}
	wants := func(what string, want styles) {
		t.Helper()
		for name, pair := range map[string][2]string{
			"warn": {m.styles.Warn.Render("x"), want.Warn.Render("x")}, "human": {m.styles.Human.Render("x"), want.Human.Render("x")},
		} {
			if pair[0] != pair[1] {
				t.Errorf("%s: %s is %q, want %q", what, name, pair[0], pair[1])
			}
		}
	}
	tick(time.Second)
	wants("while it may still answer", newStyles(true))
	tick(groundWait)
	wants("without an answer", unknownStyles())
	m.Update(tea.BackgroundColorMsg{Color: color.White})
	wants("a late answer", newStyles(false))
	tick(groundWait)
	wants("after its answer", newStyles(false))
}
