package tui

import (
	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"runbook/runbook"
	"runbook/runbook/book"
	"runbook/steps/safetext"
	"runbook/tui/plain"
)

// pauseScreen reads a phase back before it closes.
type pauseScreen struct {
	intent runbook.Intent
	page   fresh
}

func newPause(m *model, i runbook.Intent) *pauseScreen {
	p := m.snap.run.Phase(m.book)
	return &pauseScreen{intent: i, page: newFresh(m, func(m *model) []string {
		return append(readBack(m.snap.run, p), m.reading()...)
	})}
}

// reading are the lines that end a phase and a run: the log's head, who has yet
// to sign, and whether anybody signs what is done.
func (m *model) reading() []string {
	lines := []string{""}
	for _, line := range plain.Reading(m.book, m.snap.run, m.snap.head) {
		lines = append(lines, safetext.Line(line))
	}
	return lines
}

// readBack is the phase as it is read out, safe to show.
func readBack(r *runbook.Run, p *book.Phase) []string {
	lines := plain.ReadBack(r, p)
	for i, l := range lines {
		lines[i] = safetext.Line(l)
	}
	return lines
}

func (p *pauseScreen) body(m *model, w, h int) body {
	lines := []string{m.styles.Title.Render(" PAUSE POINT  read it out, then go on")}
	for _, l := range p.page.now(m, w-2, h-3) {
		lines = append(lines, " "+l)
	}
	lines = append(lines, m.styles.Dim.Render("── "+p.page.where()))
	if !p.page.seen() {
		return body{lines: append(lines, m.human("enter shows the rest", w)...)}
	}
	return body{lines: append(lines, m.human("enter closes the phase", w)...)}
}

func (p *pauseScreen) key(m *model, k tea.KeyPressMsg) tea.Cmd {
	switch b := m.bindings; {
	case key.Matches(k, b.Back):
		return m.pop()
	case p.page.key(k, b):
	case key.Matches(k, b.Enter) && !p.page.seen():
		p.page.down()
	case key.Matches(k, b.Enter):
		m.home()
		return m.do(p.intent)
	default:
		m.nothing(k)
	}
	return nil
}

func (p *pauseScreen) keys(m *model) []binding {
	return []binding{says(m.bindings.Enter, "close the phase"), m.bindings.Back}
}
