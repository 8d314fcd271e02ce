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
		if key.Matches(k, m.bindings.Quit) {
			return m.leave()
		}
		return nil
	}
	if cmd, mine := p.scroll(k, m.bindings); mine {
		return cmd
	}
	switch b := m.bindings; {
	case key.Matches(k, b.Enter):
		return p.enter(m)
	case key.Matches(k, b.Quit):
		return m.leave()
	case k.Code == tea.KeyEscape: // back to what is suggested
		p.unfold, p.chosen = false, false
		p.refresh(m)
		return nil
	case key.Matches(k, b.Memo):
		return m.reason(runbook.Memo, nil)
	case key.Matches(k, b.Rollback):
		return p.rollback(m)
	case key.Matches(k, b.End):
		return p.end(m)
	case key.Matches(k, b.Cancel):
		return p.cancel(m)
	}
	return p.onStep(m, k)
}

// onStep acts on the selected step, with the key of what is wanted.
func (p *phaseScreen) onStep(m *model, k tea.KeyPressMsg) tea.Cmd {
	s := p.step()
	if s == nil {
		m.warn("no step is selected")
		return nil
	}
	switch b := m.bindings; {
	case key.Matches(k, b.Why):
		m.push(newEvidence(m, s))
	case key.Matches(k, b.Output):
		return m.openOutput(s)
	case key.Matches(k, b.Recheck):
		return m.recheck(s)
	case key.Matches(k, b.Go):
		return m.open(s, runbook.RunStep)
	case key.Matches(k, b.Yes), key.Matches(k, b.No):
		return m.openQuestion(s)
	case key.Matches(k, b.Tell):
		return m.open(s, runbook.Tell)
	case key.Matches(k, b.Accept):
		return m.open(s, runbook.Accept)
	case key.Matches(k, b.Skip):
		return m.open(s, runbook.Skip)
	case key.Matches(k, b.ByHand):
		return m.openByHand(s)
	}
	return nil
}

// enter does the suggested next thing, or opens the step the operator went to.
// It acts by itself only where it looks, waits or jumps in practice.
func (p *phaseScreen) enter(m *model) tea.Cmd {
	if m.acting() {
		m.say("a command runs: enter does nothing. o output, c cancel")
		return nil
	}
	if p.chosen {
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
		return p.end(m)
	}
	if s != nil && isAnswer(i.Kind) {
		return m.open(s, i.Kind)
	}
	if jump, ok := m.intent(runbook.Jump, ""); ok {
		return m.do(jump)
	}
	if p.phase == nil {
		return p.rollback(m)
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
		p.unfold, p.chosen = true, false
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

func (p *phaseScreen) rollback(m *model) tea.Cmd {
	if plans := m.snap.run.Plans(m.book); len(plans) > 0 {
		return m.ask(newPlans(m, plans))
	}
	m.warn("nothing that ran has a plan to undo it")
	return nil
}

func (p *phaseScreen) end(m *model) tea.Cmd {
	i, ok := m.intent(runbook.End, "")
	if !ok {
		m.warn("the run can't be ended now")
		return nil
	}
	return m.ask(newEnding(m, i))
}

func (p *phaseScreen) cancel(m *model) tea.Cmd {
	step := m.command()
	if step == nil {
		m.say("no command runs: there is nothing to cancel")
		return nil
	}
	return m.ask(newCancel(step, m.cancelled[step.ID]))
}

// keys are those that act now, the suggested first.
func (p *phaseScreen) keys(m *model) []binding {
	b := m.bindings
	if m.snap.run == nil {
		return []binding{b.Quit}
	}
	var all []binding
	if m.acting() {
		all = append(all, b.Output, b.Cancel)
	} else if what := p.suggestion(m); what != "" {
		all = append(all, says(b.Enter, what))
	}
	if s := p.step(); s != nil {
		all = append(all, m.stepKeys(s)...)
	}
	if len(m.snap.run.Plans(m.book)) > 0 {
		all = append(all, b.Rollback)
	}
	return append(all, b.Quit, b.Memo, b.End)
}

// suggestion is what enter would do now, in a few words.
func (p *phaseScreen) suggestion(m *model) string {
	if p.chosen && p.phase != nil {
		if s := p.step(); s != nil {
			return "open " + fit(titleOf(s), 24)
		}
		return "list them"
	}
	if p.phase != nil {
		if open := m.snap.run.FirstOpen(p.phase); open != nil {
			return "open " + fit(titleOf(open), 24)
		}
	}
	if len(m.snap.next) == 0 {
		return ""
	}
	i := m.snap.next[0]
	switch i.Kind {
	case runbook.Check, runbook.Slots:
		return "look"
	case runbook.WatchIt:
		return "begin watching"
	case runbook.Close:
		return "read back, close phase"
	case runbook.End:
		return "end of run"
	}
	if s := m.book.Step(i.Step); s != nil && isAnswer(i.Kind) {
		return fit(titleOf(s), 24) + ".."
	}
	if _, ok := m.intent(runbook.Jump, ""); ok {
		return "jump to the next slot (practice)"
	}
	if p.phase == nil {
		return "list the plans"
	}
	return ""
}

// stepKeys are the keys that act on a step now.
func (m *model) stepKeys(s *book.Step) []binding {
	b := m.bindings
	may := func(kind string) bool { _, ok := m.intent(kind, s.ID); return ok }
	var all []binding
	if !m.acting() {
		if may(runbook.RunStep) && !undoable(s) {
			all = append(all, b.Go)
		}
		if may(runbook.Confirm) || may(runbook.Approve) || may(runbook.Decide) {
			all = append(all, says(b.Yes, "answer.."))
		}
		if may(runbook.Tell) {
			all = append(all, b.Tell)
		}
		if may(runbook.Recheck) {
			all = append(all, b.Recheck)
		}
		if may(runbook.Accept) {
			all = append(all, b.Accept)
		}
		if may(runbook.ByHandIt) || may(runbook.NA) {
			all = append(all, b.ByHand)
		}
		if may(runbook.Skip) {
			all = append(all, b.Skip)
		}
	}
	all = append(all, b.Why)
	if v, ok := s.Verb.(book.Run); ok && v.Command != nil && m.command() == nil && m.snap.run.Step(s).Attempt > 0 {
		all = append(all, b.Output)
	}
	return all
}
