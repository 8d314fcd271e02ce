package tui

import (
	"fmt"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"
)

// helpScreen lists the keys that acted on the screen below it, and those that
// act everywhere.
type helpScreen struct{ page page }

func newHelp(keys []binding) *helpScreen {
	lines := make([]string, 0, len(keys)+8)
	for _, b := range keys {
		lines = append(lines, fmt.Sprintf("%-7s %s", b.Help().Key, b.Help().Desc))
	}
	lines = append(lines, "",
		"up down j k select, space b page, home end",
		"esc     back, or to what is suggested",
		"ctrl-c  cancel.. while a command runs, else detach",
		"",
		"enter opens or does what comes next. It never",
		"accepts, skips, signs, sends or destroys.",
		"Pasted keys never act. q leaves: the run stays,",
		"a running command goes on.")
	return &helpScreen{page: newPage(lines)}
}

func (s *helpScreen) body(m *model, w, h int) body {
	lines := []string{both(m.styles.Title.Render(" KEYS"), s.page.where(), w)}
	for _, l := range s.page.body(w-2, h-1) {
		lines = append(lines, " "+l)
	}
	return body{lines: lines}
}

func (s *helpScreen) key(m *model, k tea.KeyPressMsg) tea.Cmd {
	b := m.bindings
	if key.Matches(k, b.Back) || key.Matches(k, b.Help) || key.Matches(k, b.Enter) {
		return m.pop()
	}
	s.page.key(k, b)
	return nil
}

func (s *helpScreen) keys(m *model) []binding {
	return []binding{m.bindings.Scroll, m.bindings.Back}
}
