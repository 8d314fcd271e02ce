package tui

import (
	"fmt"
	"strings"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"runbook/runbook"
	"runbook/runbook/book"
	"runbook/steps/safetext"
	"runbook/tui/plain"
)

// usual are the reasons that are given most, by kind of intent. One that ends
// with a colon is finished by hand.
var usual = map[string][]string{
	runbook.Accept:   {"known and ticketed: ", "measured by other means: ", "harmless in this release: "},
	runbook.Skip:     {"not needed for this release: ", "done in CI for this very commit: ", "done later, by whom: "},
	runbook.NA:       {"this target has none", "covered by step: ", "not part of this release"},
	runbook.ByHandIt: {"me", "the DBA: ", "platform team: "},
}

// asked is the question over the field, by kind of intent.
var asked = map[string]string{
	runbook.Accept:   "ACCEPT as it is. Why?",
	runbook.Skip:     "SKIP, for good. Why?",
	runbook.NA:       "NOT APPLICABLE here. Why?",
	runbook.ByHandIt: "DONE BY HAND. By whom? Its verify runs next, if it has one",
	runbook.Memo:     "MEMO: what should be in the log?",
}

// reasonScreen asks why, for whatever is not done as the book has it.
type reasonScreen struct {
	step   *book.Step // nil for a memo
	intent runbook.Intent
	field  *field
}

// reason opens the screen for an intent that needs words.
func (m *model) reason(kind string, s *book.Step) tea.Cmd {
	id := ""
	if s != nil {
		id = s.ID
	}
	i, ok := m.intent(kind, id)
	if !ok {
		m.warn(strings.TrimSpace(kind+" "+id) + " is not among what may be done now")
		return nil
	}
	return m.ask(&reasonScreen{step: s, intent: i, field: newField("", usual[kind]...)})
}

func (r *reasonScreen) text() *field { return r.field }

func (r *reasonScreen) body(m *model, w, _ int) body {
	var lines []string
	if r.step != nil {
		st := m.snap.run.Step(r.step)
		lines = append(lines, m.styles.Title.Render(" "+titleOf(r.step)))
		lines = append(lines, prose(" "+plain.Mark(st)+" "+plain.Word(st)+"  "+plain.Saw(st), w)...)
		if r.step.Critical {
			lines = append(lines, m.styles.Bad.Render(" CRITICAL"))
		}
	}
	lines = append(lines, m.human(asked[r.intent.Kind], w)...)
	for n, text := range r.field.choices {
		lines = append(lines, fmt.Sprintf("  %d %s", n+1, text))
	}
	line, cursor := r.field.line(w)
	cursor.Y = len(lines)
	return body{lines: append(lines, line), cursor: cursor}
}

func (r *reasonScreen) key(m *model, k tea.KeyPressMsg) tea.Cmd {
	switch {
	case key.Matches(k, m.bindings.Back):
		return m.pop()
	case k.Code != tea.KeyEnter:
		return nil
	}
	text := r.field.value()
	switch {
	case text == "":
		m.say("empty: nothing was recorded")
		return nil
	case strings.HasSuffix(text, ":"):
		m.say("finish the sentence: " + safetext.Line(text) + " ..")
		return nil
	}
	if r.intent.Kind == runbook.ByHandIt && text == "me" {
		text = m.snap.run.Operator
	}
	i := r.intent
	i.Text = text
	if r.step == nil { // a memo moves nothing: back to where it was thought of
		return tea.Batch(m.pop(), m.do(i))
	}
	m.home()
	return m.do(i)
}

func (r *reasonScreen) keys(m *model) []binding {
	keys := []binding{says(m.bindings.Enter, "record"), escape()}
	if len(r.field.choices) > 0 {
		keys = append([]binding{m.bindings.oneOf(len(r.field.choices), "usual reason")}, keys...)
	}
	return keys
}

// eitherScreen asks whether a step was done by hand, or does not apply.
type eitherScreen struct{ step *book.Step }

func (e *eitherScreen) body(m *model, _, _ int) body {
	return body{lines: []string{
		m.styles.Title.Render(" " + titleOf(e.step)), "",
		" 1 done by hand, outside of this program", " 2 not applicable here",
	}}
}

func (e *eitherScreen) key(m *model, k tea.KeyPressMsg) tea.Cmd {
	kind := map[string]string{"1": runbook.ByHandIt, "2": runbook.NA}[k.Text]
	switch {
	case key.Matches(k, m.bindings.Back):
		return m.pop()
	case kind == "":
		m.nothing(k)
		return nil
	}
	m.home()
	return m.open(e.step, kind)
}

func (e *eitherScreen) keys(m *model) []binding {
	return []binding{bind("1", "by hand.."), bind("2", "not applicable.."), m.bindings.Back}
}
