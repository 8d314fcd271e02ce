package tui

import (
	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"
)

// startScreen says what will be executed, and where. Nothing looks or runs
// before enter.
type startScreen struct{ page page }

func newStart(lines []string) *startScreen { return &startScreen{page: newPage(lines)} }

func (s *startScreen) body(m *model, w, h int) body {
	lines := []string{m.styles.Title.Render(" BEFORE IT BEGINS"), ""}
	for _, l := range s.page.body(w-2, h-4) {
		lines = append(lines, " "+l)
	}
	lines = append(lines, m.styles.Dim.Render("── "+s.page.where()))
	if !s.page.seen() {
		return body{lines: append(lines, m.human("enter shows the rest", w)...)}
	}
	return body{lines: append(lines, m.human("enter begins its checks", w)...)}
}

func (s *startScreen) key(m *model, k tea.KeyPressMsg) tea.Cmd {
	switch b := m.bindings; {
	case key.Matches(k, b.Quit), k.Code == tea.KeyEscape:
		return m.leave()
	case s.page.key(k, b):
	case key.Matches(k, b.Enter) && !s.page.seen():
		s.page.down()
	case key.Matches(k, b.Enter):
		m.home()
		m.begun = true
		return m.byItself()
	}
	return nil
}

func (s *startScreen) keys(m *model) []binding {
	if !s.page.seen() {
		return []binding{says(m.bindings.Enter, "the rest"), m.bindings.Quit}
	}
	return []binding{says(m.bindings.Enter, "begin"), m.bindings.Quit}
}
