package tui

import (
	tea "charm.land/bubbletea/v2"

	"runbook/runbook"
	"runbook/runbook/book"
)

// open shows the screen on which an intent is answered. It never carries one
// out, except to look again.
func (m *model) open(s *book.Step, kind string) tea.Cmd {
	i, ok := m.intent(kind, s.ID)
	if !ok {
		m.warn(s.ID + ": " + kind + " is not among what may be done now; i says why")
		return nil
	}
	switch kind {
	case runbook.Recheck:
		return m.do(i)
	case runbook.RunStep:
		return m.openApproval(s, i)
	case runbook.Confirm, runbook.Approve, runbook.Decide, runbook.Tell:
		return m.ask(newQuestion(m, s, i))
	}
	return m.reason(kind, s)
}

// openQuestion shows what a step asks; nil if it asks nothing now.
func (m *model) openQuestion(s *book.Step) tea.Cmd {
	for _, kind := range []string{runbook.Confirm, runbook.Approve, runbook.Decide, runbook.Tell} {
		if _, ok := m.intent(kind, s.ID); ok {
			return m.open(s, kind)
		}
	}
	m.warn(s.ID + " asks nothing now")
	return nil
}

// openApproval shows exactly what would be executed.
func (m *model) openApproval(s *book.Step, i runbook.Intent) tea.Cmd {
	show := m.ask(newApproval(s, i))
	if v, ok := s.Verb.(book.Run); ok && v.Command != nil {
		return tea.Batch(show, m.order(s))
	}
	return show
}

// openByHand asks which of the two it was.
func (m *model) openByHand(s *book.Step) tea.Cmd {
	_, hand := m.intent(runbook.ByHandIt, s.ID)
	_, na := m.intent(runbook.NA, s.ID)
	switch {
	case hand && na:
		return m.ask(&eitherScreen{step: s})
	case hand:
		return m.open(s, runbook.ByHandIt)
	}
	return m.open(s, runbook.NA)
}

// recheck looks again, at a step or at what became of a command.
func (m *model) recheck(s *book.Step) tea.Cmd {
	i, ok := m.intent(runbook.Recheck, s.ID)
	if !ok {
		m.warn(s.ID + " can't be looked at now; i says why")
		return nil
	}
	return m.do(i)
}

// openOutput scrolls what a command printed.
func (m *model) openOutput(s *book.Step) tea.Cmd {
	if running := m.command(); running != nil {
		s = running
	}
	v, ok := s.Verb.(book.Run)
	if !ok || v.Command == nil || m.snap.run.Step(s).Attempt == 0 && m.command() == nil {
		m.warn(s.ID + " has no output")
		return nil
	}
	m.push(newOutput(s))
	return m.readOutput(s, m.snap.run.Output(s), 0)
}
