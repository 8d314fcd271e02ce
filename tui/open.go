package tui

import (
	tea "charm.land/bubbletea/v2"

	"runbook/runbook"
	"runbook/runbook/book"
	"runbook/tui/plain"
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
		return m.openApproval(s, i, false)
	case runbook.Sign:
		return m.openSign(s)
	case runbook.Confirm, runbook.Approve, runbook.Decide, runbook.Tell:
		return m.ask(newQuestion(m, s, i))
	}
	return m.reason(kind, s)
}

// openQuestion shows what a step asks; nil if it asks nothing now.
func (m *model) openQuestion(s *book.Step) tea.Cmd {
	for _, kind := range []string{runbook.Confirm, runbook.Approve, runbook.Decide, runbook.Tell, runbook.Sign} {
		if _, ok := m.intent(kind, s.ID); ok {
			return m.open(s, kind)
		}
	}
	m.warn(s.ID + " asks nothing now")
	return nil
}

// openRun shows a run for approval. What can't be undone is asked for by name
// at once, when it has been shown.
func (m *model) openRun(s *book.Step) tea.Cmd {
	i, ok := m.intent(runbook.RunStep, s.ID)
	switch {
	case m.acting():
		m.say("a command runs already: o output, c cancel")
		return nil
	case !ok:
		m.warn(m.notStarted(s))
		return nil
	}
	return m.openApproval(s, i, !oneKey(m.snap.run, s))
}

// notStarted says why a step can't be started now.
func (m *model) notStarted(s *book.Step) string {
	st := m.snap.run.Step(s)
	_, isRun := s.Verb.(book.Run)
	switch {
	case !isRun:
		return s.ID + " is no command: nothing of it is started"
	case st.State == runbook.Unknown:
		return s.ID + " is not started again while what it did is unknown: r looks, h if it was done by hand"
	case st.State.Settled():
		return s.ID + " is " + plain.Word(st) + " already"
	case m.snap.run.Rejected != "":
		return s.ID + " can't be started: " + m.snap.run.Rejected + " is rejected, until whoever signed that withdraws it"
	}
	return s.ID + " can't be started yet: what comes before it is not settled"
}

// openApproval shows exactly what would be executed.
func (m *model) openApproval(s *book.Step, i runbook.Intent, byName bool) tea.Cmd {
	a := newApproval(m, s, i)
	a.byName = byName
	show := m.ask(a)
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
	if m.command() == s && runbook.Interactive(s) {
		return m.handOver(s)
	}
	o := newOutput(s)
	m.push(o)
	return o.begin()
}

func (m *model) rollback() tea.Cmd {
	if plans := m.snap.run.Plans(m.book); len(plans) > 0 {
		return m.ask(newPlans(m, m.snap.run, plans))
	}
	m.warn("nothing that ran has a plan to undo it")
	return nil
}

func (m *model) end() tea.Cmd {
	i, ok := m.intent(runbook.End, "")
	if !ok {
		m.warn("the run can't be ended now: a command runs")
		return nil
	}
	return m.ask(newEnding(m, i))
}

func (m *model) cancel() tea.Cmd {
	if m.reads() {
		return m.refuse()
	}
	step := m.command()
	if step == nil {
		m.say("no command runs: there is nothing to cancel")
		return nil
	}
	return m.ask(newCancel(step, m.cancelled[step.ID]))
}
