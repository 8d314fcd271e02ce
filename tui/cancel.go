package tui

import (
	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"runbook/runbook"
	"runbook/runbook/book"
)

// cancelScreen asks before a command is told to end; a second time, before the
// next signal goes at once.
type cancelScreen struct {
	step   *book.Step
	second bool
}

func newCancel(s *book.Step, second bool) *cancelScreen { return &cancelScreen{s, second} }

func (c *cancelScreen) body(m *model, w, h int) body {
	text := " It is asked to end (SIGINT, then SIGTERM, then SIGKILL). Only our process ends: what it started elsewhere, such as a statement in a database, may go on."
	if c.second {
		text = " It was asked to end already. Now the next signal goes without waiting: SIGTERM, and asked once more SIGKILL, which leaves it no time to tidy up."
	}
	lines := []string{m.styles.Title.Render(" CANCEL  " + titleOf(c.step))}
	lines = append(lines, prose(text, w)...)
	after := " Then its outcome is unknown: only its verify, or by hand, settles it."
	if c.step.Verify != "" {
		after = " Then its outcome is unknown until " + c.step.Verify + " has looked."
	}
	lines = append(lines, prose(after, w)...)
	lines = append(lines, m.styles.Human.Render(" y cancel it   n let it go on"), "")
	if m.command() == nil {
		return body{lines: append(lines, " it has ended meanwhile")}
	}
	return body{lines: append(lines, m.commandPane(c.step, w, h-len(lines))...)}
}

func (c *cancelScreen) key(m *model, k tea.KeyPressMsg) tea.Cmd {
	switch b := m.bindings; {
	case key.Matches(k, b.Back), key.Matches(k, b.No):
		return m.pop()
	case key.Matches(k, b.Yes):
		m.home()
		if running := m.command(); running == nil || running.ID != c.step.ID {
			m.say("it has ended meanwhile: nothing was cancelled")
			return nil
		}
		m.cancelled[c.step.ID] = true
		return m.do(runbook.Intent{Kind: runbook.Cancel, Step: c.step.ID})
	case key.Matches(k, b.Cancel), key.Matches(k, b.Enter):
		m.say("y cancels it, n lets it go on")
	default:
		m.nothing(k)
	}
	return nil
}

func (c *cancelScreen) keys(m *model) []binding {
	return []binding{says(m.bindings.Yes, "cancel it"), says(m.bindings.No, "let it go on")}
}
