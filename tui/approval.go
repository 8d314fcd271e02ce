package tui

import (
	"fmt"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"runbook/runbook"
	"runbook/runbook/book"
	"runbook/steps/safetext"
	"runbook/tui/plain"
)

// approvalScreen shows a run exactly as it would be executed. enter starts it
// if it can be undone or has no effect, once its last line was seen; what
// can't be undone is started by typing its name.
type approvalScreen struct {
	step   *book.Step
	intent runbook.Intent
	page   page
	lines  int
	ready  bool // what is executed is known and shown
	failed string
	typing *field
}

func newApproval(s *book.Step, i runbook.Intent) *approvalScreen {
	a := &approvalScreen{step: s, intent: i}
	if v, ok := s.Verb.(book.Run); ok && v.Probe != nil {
		a.ready = true
		a.page = newPage([]string{"this probe touches the target: " + safetext.Line(v.Kind), "", "cleans up after itself, runs alone"})
	}
	return a
}

func (a *approvalScreen) text() *field { return a.typing }

// hear takes over what the command would execute.
func (a *approvalScreen) hear(m *model, msg tea.Msg) tea.Cmd {
	got, ok := msg.(orderMsg)
	if !ok || got.step != a.step.ID || a.ready {
		return nil
	}
	if got.err != nil {
		a.failed = explain(got.err)
		return nil
	}
	a.intent.Text = runbook.Digest(got.order) // this is started, or nothing
	a.page = newPage(plain.Approval(m.session.Target().Name, got.order))
	a.page.exact = true
	if got.order.Agent {
		a.page.text = append(a.page.text, "SEES YOUR SSH AGENT")
	}
	a.ready = true
	return m.gate.shut() // what is approved is on the screen only now
}

func (a *approvalScreen) body(m *model, w, h int) body {
	title := m.styles.Title.Render(" START  " + titleOf(a.step))
	lines := append([]string{title}, prose(" "+runOf(a.step), w)...)
	if note := safetext.Line(a.step.Note); note != "" {
		lines = append(lines, prose(" "+note, w)...)
	}
	switch {
	case a.failed != "":
		lines = append(lines, prose(m.styles.Bad.Render("! can't be started: ")+a.failed, w)...)
		return body{lines: lines}
	case !a.ready:
		return body{lines: append(lines, " reading what it would execute ..")}
	}
	shown := a.page.body(w-2, h-len(lines)-len(m.human(a.ask(), w))-3)
	a.lines = len(a.page.lines)
	head := fmt.Sprintf("── exactly this, %d lines ", a.lines)
	if where := a.page.where(); where != "" {
		head = fmt.Sprintf("── exactly this, %s ", where)
	}
	lines = append(lines, m.styles.Dim.Render(head))
	for _, l := range shown {
		lines = append(lines, "│ "+l)
	}
	lines = append(lines, m.styles.Dim.Render("──"))
	lines = append(lines, m.human(a.ask(), w)...)
	if a.typing == nil {
		return body{lines: lines}
	}
	line, cursor := a.typing.line(w)
	cursor.Y = len(lines)
	return body{lines: append(lines, line), cursor: cursor}
}

func runOf(s *book.Step) string {
	v, _ := s.Verb.(book.Run)
	return runLine(s, v)
}

// ask says which key starts it.
func (a *approvalScreen) ask() string {
	switch {
	case a.typing != nil:
		return "type " + a.step.ID + " and enter: it can't be undone"
	case !a.page.seen():
		return "enter shows the rest; nothing starts before"
	case undoable(a.step):
		return "enter starts it"
	}
	return "it can't be undone: g, then its name, starts it"
}

func (a *approvalScreen) key(m *model, k tea.KeyPressMsg) tea.Cmd {
	if a.typing != nil {
		return a.typed(m, k)
	}
	switch b := m.bindings; {
	case key.Matches(k, b.Back):
		return m.pop()
	case !a.ready || a.failed != "" || a.page.key(k, b):
		return nil
	case key.Matches(k, b.Enter) && !a.page.seen():
		a.page.down()
	case key.Matches(k, b.Enter) && undoable(a.step):
		return a.start(m)
	case key.Matches(k, b.Enter):
		m.say("enter does not start what can't be undone: g does")
	case key.Matches(k, b.Go) && !a.page.seen():
		m.say("read to the last line first: space")
	case key.Matches(k, b.Go):
		a.typing = newField("")
	}
	return nil
}

func (a *approvalScreen) typed(m *model, k tea.KeyPressMsg) tea.Cmd {
	switch {
	case k.Code == tea.KeyEscape:
		a.typing = nil
	case k.Code != tea.KeyEnter:
	case a.typing.value() != a.step.ID:
		m.warn("that is not its name: " + a.step.ID + ". Nothing was started")
	default:
		return a.start(m)
	}
	return nil
}

func (a *approvalScreen) start(m *model) tea.Cmd {
	m.home()
	return m.do(a.intent)
}

func (a *approvalScreen) keys(m *model) []binding {
	b := m.bindings
	switch {
	case a.typing != nil:
		return []binding{says(b.Enter, "start "+a.step.ID), escape()}
	case !a.ready || a.failed != "":
		return []binding{b.Back}
	case !a.page.seen():
		return []binding{says(b.Enter, "the rest"), b.Back}
	case undoable(a.step):
		return []binding{says(b.Enter, "start"), b.Scroll, b.Back}
	}
	return []binding{says(b.Go, "start, type its name"), b.Scroll, b.Back}
}

// escape is the way back from a text field, where q is a letter.
func escape() binding { return bind("esc", "back") }
