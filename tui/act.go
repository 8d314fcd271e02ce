package tui

import (
	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"runbook/runbook"
	"runbook/runbook/book"
)

// key acts on the selected step, or on the run.
func (p *phaseScreen) key(m *model, k tea.KeyPressMsg) tea.Cmd {
	if m.snap.run == nil {
		return nil
	}
	if cmd, mine := p.scroll(k, m.bindings); mine {
		return cmd
	}
	switch b := m.bindings; {
	case key.Matches(k, b.Enter):
		return p.enter(m)
	case k.Code == tea.KeyEscape: // back to what is suggested
		p.unfold, p.chosen = false, false
		p.refresh(m)
		return nil
	case key.Matches(k, b.Cancel):
		return m.cancel()
	}
	s := p.step()
	if s == nil {
		m.say("no step is selected")
		return nil
	}
	cmd, mine := m.onStep(s, k)
	if !mine {
		m.nothing(k)
	}
	return cmd
}

// onStep acts on a step, with the key of what is wanted. It answers whether
// the key was one of those.
func (m *model) onStep(s *book.Step, k tea.KeyPressMsg) (tea.Cmd, bool) {
	switch b := m.bindings; {
	case m.reads() && b.acts(k):
		return m.refuse(), true
	case key.Matches(k, b.Why):
		m.push(newEvidence(m, s))
		return nil, true
	case key.Matches(k, b.Output):
		return m.openOutput(s), true
	case key.Matches(k, b.Backend):
		return m.openBackend(s), true
	case key.Matches(k, b.Recheck):
		return m.recheck(s), true
	case key.Matches(k, b.Diagnose):
		return m.diagnose(s), true
	case key.Matches(k, b.Go):
		if _, signs := m.intent(runbook.Sign, s.ID); signs {
			return m.openSign(s), true
		}
		return m.openRun(s), true
	case key.Matches(k, b.Yes), key.Matches(k, b.No):
		return m.openQuestion(s), true
	case key.Matches(k, b.Tell):
		return m.open(s, runbook.Tell), true
	case key.Matches(k, b.Accept):
		return m.open(s, runbook.Accept), true
	case key.Matches(k, b.Skip):
		return m.open(s, runbook.Skip), true
	case key.Matches(k, b.ByHand):
		return m.openByHand(s), true
	}
	return nil, false
}

// looks takes the keys that only look at a step, where words are typed by who
// believes that a field is open: the s of one of them must not skip.
func (m *model) looks(s *book.Step, k tea.KeyPressMsg) tea.Cmd {
	if !key.Matches(k, m.bindings.Why, m.bindings.Output) {
		m.nothing(k)
		return nil
	}
	cmd, _ := m.onStep(s, k)
	return cmd
}

// enter does the suggested next thing, or opens the step the operator went to.
// It acts by itself only where it looks, waits or jumps in practice.
func (p *phaseScreen) enter(m *model) tea.Cmd {
	if m.acting() && !m.reads() {
		m.say("a command runs: enter does nothing. o output, c cancel")
		return nil
	}
	if p.chosen || m.reads() {
		return p.openChosen(m)
	}
	if len(m.snap.next) == 0 {
		return nil
	}
	i := m.snap.next[0]
	s := m.book.Step(i.Step)
	if p.phase != nil {
		if open := m.snap.run.FirstOpen(p.phase); open != nil {
			m.push(newEvidence(m, open))
			return nil
		}
	}
	switch i.Kind {
	case runbook.Check, runbook.Slots, runbook.WatchIt:
		return m.do(i)
	case runbook.Close:
		return m.ask(newPause(m, i))
	case runbook.End:
		return m.end()
	}
	if s != nil && isAnswer(i.Kind) {
		return m.open(s, i.Kind)
	}
	if jump, ok := m.intent(runbook.Jump, ""); ok {
		return m.do(jump)
	}
	if p.phase == nil {
		return m.rollback()
	}
	return nil
}

// isAnswer reports whether an intent of this kind moves a step on.
func isAnswer(kind string) bool {
	switch kind {
	case runbook.RunStep, runbook.Confirm, runbook.Decide, runbook.Approve, runbook.Tell, runbook.Recheck:
		return true
	}
	return false
}

// openChosen opens the row the operator moved to.
func (p *phaseScreen) openChosen(m *model) tea.Cmd {
	if p.sel == folded {
		p.unfold = !p.unfold
		p.refresh(m)
		return nil
	}
	s := p.step()
	if s == nil {
		return nil
	}
	p.chosen = false
	st := m.snap.run.Step(s)
	if _, ok := s.Verb.(book.Run); ok && !st.State.Open() {
		if _, may := m.intent(runbook.RunStep, s.ID); may {
			return m.open(s, runbook.RunStep)
		}
	}
	if st.State == runbook.Pending {
		if cmd := m.openQuestion(s); cmd != nil {
			return cmd
		}
	}
	m.notice = ""
	m.push(newEvidence(m, s))
	return nil
}
