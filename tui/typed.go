package tui

import (
	"slices"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"runbook/runbook"
	"runbook/steps/safetext"
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
	case f == nil || key.Matches(k, m.bindings.Back) || !single(k) && scrolls(k, m.bindings):
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

// scrolls reports whether a key moves the page above a text field.
func scrolls(k tea.KeyPressMsg, keys keyMap) bool {
	return key.Matches(k, keys.Up) || key.Matches(k, keys.Down) || key.Matches(k, keys.PageUp) || key.Matches(k, keys.PageDown)
}

// press hands a key to the screen on top, if its question was seen.
func (m *model) press(k tea.KeyPressMsg) tea.Cmd {
	top := m.top()
	harmless := key.Matches(k, m.bindings.Back) || key.Matches(k, m.bindings.Quit)
	if top.gated && !m.gate.open && single(k) && !harmless {
		m.warn("that key came before the question was on the screen: dropped")
		return nil
	}
	m.notice = ""
	if m.field() == nil {
		if cmd, mine := m.everywhere(k); mine {
			return cmd
		}
	}
	return top.key(m, k)
}

// pager is a screen that only shows: there q goes back.
type pager interface{ pages() }

// everywhere takes the keys that mean the same on every screen. It answers
// whether the key was one of them.
func (m *model) everywhere(k tea.KeyPressMsg) (tea.Cmd, bool) {
	top := m.top().screen
	_, pages := top.(pager)
	b := m.bindings
	switch {
	case pages && key.Matches(k, b.Quit):
		return m.pop(), true
	case key.Matches(k, b.Quit):
		return m.leave(), true
	case key.Matches(k, b.Help):
		if _, is := top.(*helpScreen); !is {
			m.push(newHelp(m.bindings, append(m.looking(slices.Clone(top.keys(m))), m.common()...)))
			return nil, true
		}
	}
	if m.snap.run == nil || !m.snap.run.Ended.IsZero() {
		return nil, false
	}
	_, listed := top.(*plansScreen)
	switch {
	case m.reads() && key.Matches(k, b.Rollback, b.Memo, b.End):
		return m.refuse(), true
	case key.Matches(k, b.Rollback) && !listed:
		return m.rollback(), true
	case key.Matches(k, b.Memo):
		return m.reason(runbook.Memo, nil), true
	case key.Matches(k, b.End):
		return m.end(), true
	}
	return nil, false
}

// writing reports whether the screen on top takes text.
func (m *model) writing() bool {
	w, ok := m.top().screen.(writer)
	return ok && w.text() != nil
}

// common are the keys that mean the same on every screen.
func (m *model) common() []binding {
	if m.writing() {
		return nil
	}
	top, b := m.top().screen, m.bindings
	var all []binding
	open := m.snap.run != nil && m.snap.run.Ended.IsZero() && !m.reads()
	if _, listed := top.(*plansScreen); open && !listed && len(m.snap.run.Plans(m.book)) > 0 {
		all = append(all, b.Rollback)
	}
	switch _, pages := top.(pager); {
	case pages:
		all = append(all, says(b.Quit, "back"))
	case m.session == nil, m.reads(), m.snap.run != nil && !m.snap.run.Ended.IsZero():
		all = append(all, says(b.Quit, "leave"))
	default:
		all = append(all, b.Quit)
	}
	if open {
		all = append(all, b.Memo, b.End)
	}
	return append(all, b.Help)
}

// nothing says that a key does nothing on this screen, and what others do.
func (m *model) nothing(k tea.KeyPressMsg) {
	if k.Text == "" {
		return
	}
	text := safetext.Line(k.Text) + " does nothing here"
	for i, b := range m.top().keys(m) {
		if i == 4 {
			break
		}
		text += ";  " + b.Help().Key + " " + safetext.Line(b.Help().Desc)
	}
	m.say(text)
}

// interrupt is Ctrl-C: about the command while one runs, else leaving.
func (m *model) interrupt() tea.Cmd {
	if step := m.command(); step != nil && !m.reads() {
		if _, asked := m.top().screen.(*cancelScreen); asked {
			return nil
		}
		return m.ask(newCancel(step, m.cancelled[step.ID]))
	}
	return m.leave()
}
