package tui

import (
	"fmt"
	"time"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"runbook/runbook"
	"runbook/runbook/book"
)

// outputScreen scrolls the end of what a command printed, and follows it while
// it runs.
type outputScreen struct {
	step *book.Step
	page page
	got  outputMsg
}

// outputPace is how often a growing output is read anew.
const outputPace = 500 * time.Millisecond

func newOutput(s *book.Step) *outputScreen {
	return &outputScreen{step: s, page: page{end: true, exact: true}}
}

func (o *outputScreen) pages() {}

func (o *outputScreen) hear(m *model, msg tea.Msg) tea.Cmd {
	got, ok := msg.(outputMsg)
	if !ok || got.step != o.step.ID {
		return nil
	}
	if got.size != o.got.size || o.got.step == "" {
		o.page.set(got.lines)
	}
	o.got = got
	if m.snap.run.Step(o.step).State != runbook.Running {
		return nil
	}
	return m.readOutput(o.step, m.snap.run.Output(o.step), outputPace)
}

func (o *outputScreen) body(m *model, w, h int) body {
	shown := o.page.body(w, h-1)
	title := m.styles.Title.Render(" OUTPUT  " + titleOf(o.step))
	switch {
	case o.got.err != nil:
		shown = prose(" "+explain(o.got.err), w)
	case o.got.step == "":
		shown = []string{" reading .."}
	case o.got.cut > 0:
		title += fmt.Sprintf("  without the first %d KiB", o.got.cut>>10)
	}
	return body{lines: append([]string{both(title, o.page.where(), w)}, shown...)}
}

func (o *outputScreen) key(m *model, k tea.KeyPressMsg) tea.Cmd {
	switch b := m.bindings; {
	case key.Matches(k, b.Back), key.Matches(k, b.Output):
		return m.pop()
	case o.page.key(k, b):
	case key.Matches(k, b.Cancel):
		if step := m.command(); step != nil {
			return m.ask(newCancel(step, m.cancelled[step.ID]))
		}
		m.say("no command runs: there is nothing to cancel")
	default:
		m.nothing(k)
	}
	return nil
}

func (o *outputScreen) keys(m *model) []binding {
	b := m.bindings
	keys := []binding{b.Scroll, b.PageDown, b.PageUp, b.Top, b.Bottom}
	if m.command() != nil {
		keys = append(keys, b.Cancel)
	}
	return keys
}
