package tui

import (
	"fmt"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"runbook/runbook"
	"runbook/runbook/book"
	"runbook/steps/check"
	"runbook/steps/safetext"
	"runbook/tui/plain"
)

// approvalScreen shows a run exactly as it would be executed. enter starts what
// one key may start, once its last line was seen; what can't be undone is
// started by typing its name.
type approvalScreen struct {
	step   *book.Step
	intent runbook.Intent
	page   page
	ready  bool // what is executed is known and shown
	oneKey bool // enter may start it
	byName bool // its name is asked for once its last line was seen
	failed string
	typing *field
}

func newApproval(m *model, s *book.Step, i runbook.Intent) *approvalScreen {
	a := &approvalScreen{step: s, intent: i, oneKey: oneKey(m.snap.run, s)}
	if v, ok := s.Verb.(book.Run); ok && v.Probe != nil {
		verb, err := m.book.Bind(s, m.snap.run.Vars)
		if err != nil {
			a.failed = explain(err)
			return a
		}
		a.ready = true
		a.page = newPage(plan(verb))
		a.page.exact = true
	}
	return a
}

// plan is what a probe will do.
func plan(verb book.Verb) []string {
	v, _ := verb.(book.Run)
	planner, ok := v.Probe.Check.(check.Planner)
	if !ok {
		return []string{safetext.Line(v.Kind)}
	}
	var lines []string
	for _, line := range planner.Plan() {
		lines = append(lines, safetext.Exact(line))
	}
	return lines
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
	word := " START  "
	if n := m.snap.run.Step(a.step).Attempt; n > 0 {
		word = " START AGAIN, attempt " + itoa(n+1) + "  "
	}
	title := m.styles.Title.Render(word + titleOf(a.step))
	lines := append([]string{title}, prose(" "+runOf(a.step), w)...)
	if note := safetext.Line(a.step.Note); note != "" && h >= 16 {
		lines = append(lines, prose(" "+note, w)...)
	}
	switch {
	case a.failed != "":
		lines = append(lines, prose(m.styles.Bad.Render("! can't be started: ")+a.failed, w)...)
		return body{lines: lines}
	case !a.ready:
		return body{lines: append(lines, " reading what it would execute ..")}
	}
	foot := len(m.human(rest, w))
	if !a.oneKey {
		foot = len(m.human(a.byItsName(), w)) + 1 // and the field
	}
	shown := a.page.body(w-2, h-len(lines)-foot-2)
	if a.byName && a.page.seen() {
		a.byName, a.typing = false, newField("")
	}
	head := fmt.Sprintf("── exactly this, %d lines ", len(a.page.lines))
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

const rest = "enter shows the rest; nothing starts yet"

// ask says which key starts it.
func (a *approvalScreen) ask() string {
	switch {
	case a.typing != nil:
		return "it can't be undone: type " + a.step.ID + " and enter"
	case !a.page.seen():
		return rest
	case a.oneKey:
		return "enter starts it"
	}
	return a.byItsName()
}

func (a *approvalScreen) byItsName() string {
	return "it can't be undone: g, then type " + a.step.ID + " and enter, starts it"
}

func (a *approvalScreen) key(m *model, k tea.KeyPressMsg) tea.Cmd {
	if a.typing != nil {
		return a.typed(m, k)
	}
	b := m.bindings
	switch {
	case key.Matches(k, b.Back):
		return m.pop()
	case a.page.key(k, b):
		return nil
	case key.Matches(k, b.Enter), key.Matches(k, b.Go):
		return a.begin(m, k)
	}
	return m.looks(a.step, k)
}

// begin takes the keys that start it.
func (a *approvalScreen) begin(m *model, k tea.KeyPressMsg) tea.Cmd {
	enter := key.Matches(k, m.bindings.Enter)
	switch {
	case a.failed != "":
		m.warn("it can't be started: esc goes back")
	case !a.ready:
		m.say("what it would execute is not known yet")
	case !a.page.seen() && !enter && !a.oneKey:
		a.byName = true
		a.page.down()
	case !a.page.seen():
		a.page.down()
	case a.oneKey && enter:
		return a.start(m)
	case a.oneKey:
		m.say("enter starts it: it needs no name")
	case enter:
		m.say("enter does not start what can't be undone: g does")
	default:
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
	case a.oneKey:
		return []binding{says(b.Enter, "start"), b.Scroll, b.Back}
	}
	return []binding{says(b.Go, "start, type its name"), b.Scroll, b.Back}
}

// escape is the way back from a text field, where q is a letter.
func escape() binding { return bind("esc", "back") }
