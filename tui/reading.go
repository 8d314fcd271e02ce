package tui

import (
	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"runbook/steps/safetext"
)

// reads reports whether somebody else drives: then keys only look.
func (m *model) reads() bool { return m.snap.reads != nil }

// back is the command that shows this run again.
func (m *model) back() string {
	switch {
	case m.session == nil:
		return "runbook"
	case m.session.Reads() != nil:
		return "runbook follow " + m.session.State().Short()
	}
	return "runbook resume " + m.session.State().Short()
}

// refuse answers a key that would act: who drives, and how to take over.
func (m *model) refuse() tea.Cmd {
	m.warn(safetext.Line(m.snap.reads.Error()))
	return nil
}

// takenOver shows a session that drove as one that reads: what was asked is
// another's to answer now.
func (m *model) takenOver() {
	m.home()
	m.begun = true
	by := m.snap.reads.Driver
	if by == "" {
		by = "somebody"
	}
	m.warn(safetext.Line(by) + " took over: you only read along now. q leaves")
}

// acting are the keys that change a run.
func (b keyMap) acting() []binding {
	return []binding{
		b.Go, b.Yes, b.No, b.Recheck, b.Diagnose, b.Accept, b.ByHand, b.Skip, b.Cancel, b.Tell, b.Memo, b.Rollback, b.End,
	}
}

// acts reports whether a pressed key would change the run.
func (b keyMap) acts(k tea.KeyPressMsg) bool { return key.Matches(k, b.acting()...) }

// looking leaves the keys that only look.
func (m *model) looking(keys []binding) []binding {
	if !m.reads() {
		return keys
	}
	acting := map[string]bool{}
	for _, b := range m.bindings.acting() {
		acting[b.Help().Key] = true
	}
	var looks []binding
	for _, b := range keys {
		if !acting[b.Help().Key] {
			looks = append(looks, b)
		}
	}
	return looks
}
