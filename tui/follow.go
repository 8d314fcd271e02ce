package tui

import (
	"errors"
	"time"

	tea "charm.land/bubbletea/v2"

	"runbook/runbook"
	"runbook/runbook/book"
	"runbook/runbook/journal"
)

// saw takes a state over and does what follows by itself: only looking.
func (m *model) saw(s snapshotMsg) tea.Cmd {
	if s.n <= m.snap.n {
		return nil
	}
	before, drove := m.snap.run, !m.reads()
	m.snap = s
	switch {
	case before == nil:
		time.AfterFunc(frameWait, func() { close(m.drawn) })
	case drove && m.reads():
		m.takenOver()
	}
	cmds := []tea.Cmd{m.awaitSlot(s.run.NextSlot(m.book)), m.byItself(), m.handFirst()}
	for _, l := range m.layers {
		if p, ok := l.screen.(*phaseScreen); ok {
			p.refresh(m)
		}
	}
	if step := m.command(); step != nil && m.tail.step != step.ID {
		m.tail = tailMsg{step: step.ID, size: -1}
		cmds = append(cmds, m.readTail(step, s.run.Output(step), m.tail))
	}
	if !s.run.Ended.IsZero() && (before == nil || before.Ended.IsZero()) {
		m.home()
		cmds = append(cmds, m.ask(newEnded(m)))
	}
	return tea.Batch(cmds...)
}

// byItself starts what nobody has to answer for: checks whose turn it is, and
// slots that are due. A rehearsal answers for its operator.
func (m *model) byItself() tea.Cmd {
	if !m.begun || len(m.snap.next) == 0 || m.flight[""] > 0 {
		return nil
	}
	i := m.snap.next[0]
	// With a step it is not suggested, only allowed: looking again is asked for.
	auto := i.Step == "" && (i.Kind == runbook.Check || i.Kind == runbook.Slots)
	if m.refused == (refusal{i.Kind, m.snap.run.Entries}) || m.flight[i.Kind] > 0 || m.acting() {
		return nil
	}
	if m.flight[runbook.Jump] > 0 { // it measures what it made due
		return nil
	}
	switch {
	case auto:
		return m.do(i)
	case m.session.Rehearses() && m.idle() && m.refused != (refusal{"", m.snap.run.Entries}):
		return m.answer()
	}
	return nil
}

// answer is what a rehearsal does next. Where only time is missing, it jumps.
func (m *model) answer() tea.Cmd {
	var wait *runbook.WaitError
	if jump, ok := m.intent(runbook.Jump, ""); ok && errors.As(runbook.Standing(m.book, m.snap.run), &wait) {
		return m.do(jump)
	}
	return m.rehearse()
}

// idle reports whether no intent is on its way.
func (m *model) idle() bool {
	for _, n := range m.flight {
		if n > 0 {
			return false
		}
	}
	return true
}

// did takes the end of an intent.
func (m *model) did(msg doneMsg) tea.Cmd {
	m.flight[msg.intent.Kind]--
	delete(m.cancelled, doneCommand(msg))
	if m.notice == looking && m.idle() {
		m.notice = ""
	}
	if msg.err == nil && msg.intent.Kind == runbook.Memo {
		m.say("the memo is in the log")
	}
	switch {
	case msg.err == nil:
		if m.snap.run != nil && m.snap.run.Unrecorded == 0 {
			m.missing = ""
		}
	case errors.As(msg.err, new(*runbook.ReadsError)): // the header says so
	case byItself(msg.intent) && (errors.Is(msg.err, runbook.ErrNotNow) || errors.Is(msg.err, runbook.ErrStale)):
		// The state moved between the look at it and the intent: nobody asked
		// for this one, and nobody needs to hear of it.
	case errors.Is(msg.err, journal.ErrNotRecorded):
		m.missing = explain(msg.err)
	default:
		m.warn(explain(msg.err))
	}
	if msg.err != nil && m.snap.run != nil {
		m.refused = refusal{msg.intent.Kind, m.snap.run.Entries}
	}
	return m.look()
}

// byItself reports whether the screen acts so without a key: it looks, and it
// measures slots.
func byItself(i runbook.Intent) bool {
	return i.Step == "" && (i.Kind == runbook.Check || i.Kind == runbook.Slots)
}

// doneCommand is the step whose command ended with the intent.
func doneCommand(msg doneMsg) string {
	if msg.intent.Kind == runbook.RunStep {
		return msg.intent.Step
	}
	return ""
}

func (m *model) slotDue(msg slotMsg) tea.Cmd {
	if msg.gen != m.slotGen {
		return nil
	}
	return m.look()
}

// printed takes output over, and reads on while the command runs.
func (m *model) printed(msg tailMsg) tea.Cmd {
	if msg.step != m.tail.step {
		return nil
	}
	grew := msg.size != m.tail.size
	m.tail = msg
	step := m.book.Step(msg.step)
	if running := m.command(); running != nil && running.ID == msg.step || grew {
		return m.readTail(step, m.snap.run.Output(step), msg)
	}
	m.tail.step = ""
	return nil
}

// command is the step whose command runs now, nil if none does.
func (m *model) command() *book.Step { return m.snap.command }

// commandOf finds it in a state.
func commandOf(b *book.Book, r *runbook.Run) *book.Step {
	phase := r.Phase(b)
	if phase == nil {
		return nil
	}
	for _, s := range phase.Steps {
		if _, runs := s.Verb.(book.Run); runs && r.Step(s).State == runbook.Running {
			return s
		}
	}
	return nil
}

// acting reports whether a command runs, or is on its way to.
func (m *model) acting() bool { return m.flight[runbook.RunStep] > 0 || m.command() != nil }

// intent finds what may be done with a step, as the screen shows it now.
func (m *model) intent(kind, step string) (runbook.Intent, bool) {
	for _, i := range m.snap.next {
		if i.Kind == kind && i.Step == step {
			return i, true
		}
	}
	return runbook.Intent{}, false
}
