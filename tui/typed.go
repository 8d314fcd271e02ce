package tui

import (
	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"
)

type binding = key.Binding

// writer is a screen with a text field.
type writer interface{ text() *field }

// field is the text field that takes keys now, nil if none does.
func (m *model) field() *field {
	top := m.top()
	w, ok := top.screen.(writer)
	if !ok || top.gated && !m.gate.open {
		return nil
	}
	return w.text()
}

// typed takes a key as it comes from the terminal.
func (m *model) typed(k tea.KeyPressMsg) tea.Cmd {
	switch k.String() {
	case "ctrl+c":
		return m.interrupt()
	case "ctrl+z", `ctrl+\`:
		m.warn("nothing is suspended or killed from here: q detaches, the run goes on")
		return nil
	}
	f := m.field()
	switch {
	case f == nil && single(k):
		return m.guard.take(k, true)
	case f == nil || key.Matches(k, m.bindings.Back) && !single(k):
		return m.press(k)
	case !single(k):
		f.key(k)
		return nil
	case k.Code == tea.KeyEnter || len(m.guard.held) > 0: // is it a line end of a paste?
		return m.guard.take(k, true)
	}
	f.key(k)
	return m.guard.take(k, false)
}

// press hands a key to the screen on top, if its question was seen.
func (m *model) press(k tea.KeyPressMsg) tea.Cmd {
	top := m.top()
	if top.gated && !m.gate.open && single(k) && !key.Matches(k, m.bindings.Back) {
		m.warn("that key came before the question was on the screen: dropped")
		return nil
	}
	m.notice = ""
	if key.Matches(k, m.bindings.Help) && m.field() == nil {
		if _, is := top.screen.(*helpScreen); !is {
			m.push(newHelp(top.keys(m)))
			return nil
		}
	}
	return top.key(m, k)
}

// interrupt is Ctrl-C: about the command while one runs, else leaving.
func (m *model) interrupt() tea.Cmd {
	if step := m.command(); step != nil {
		if _, asked := m.top().screen.(*cancelScreen); asked {
			return nil
		}
		return m.ask(newCancel(step, m.cancelled[step.ID]))
	}
	return m.leave()
}
