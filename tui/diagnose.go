package tui

import (
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"runbook/runbook"
	"runbook/runbook/book"
	"runbook/steps"
	"runbook/steps/safetext"
	"runbook/tui/plain"
)

// hints are the book's hints for a step that went wrong.
func (m *model) hints(s *book.Step) []book.Hint {
	st := m.snap.run.Step(s)
	if !st.State.Open() {
		return nil
	}
	return runbook.Hints(m.book, s, plain.Saw(st))
}

// diagnoses are the checks that the hints for a step name.
func (m *model) diagnoses(s *book.Step) []*book.Step {
	var all []*book.Step
	for _, h := range m.hints(s) {
		if d := m.book.Step(h.Diagnose); d != nil && d.ID != s.ID && !slices.Contains(all, d) {
			all = append(all, d)
		}
	}
	return all
}

// looking stands while a diagnosis looks.
const looking = "looking .."

// diagnose looks at what the hints for a step name. It settles nothing.
func (m *model) diagnose(s *book.Step) tea.Cmd {
	all := m.diagnoses(s)
	if len(all) == 0 {
		m.say("no hint of the book has a diagnosis for " + s.ID)
		return nil
	}
	cmds := make([]tea.Cmd, len(all))
	for i, d := range all {
		cmds[i] = m.do(runbook.Intent{Kind: runbook.Recheck, Step: d.ID, Seen: m.snap.run.Step(d).Seen})
	}
	m.say(looking)
	return tea.Batch(cmds...)
}

// hintLines are the hints for a step, each with what its diagnosis saw.
func (m *model) hintLines(s *book.Step) []string {
	var lines []string
	for _, h := range m.hints(s) {
		lines = append(lines, hintLine(h))
		if seen, ok := m.snap.run.Asides[h.Diagnose]; ok {
			lines = append(lines, "  "+asideLine(h.Diagnose, seen))
		} else if d := m.book.Step(h.Diagnose); d != nil && d.ID != s.ID {
			if st := m.snap.run.Step(d); st.Result != nil {
				lines = append(lines, "  "+asideLine(d.ID, *st.Result))
			}
		}
	}
	return lines
}

// asideLine is what a diagnosis saw, without the columns that it has in lines.
func asideLine(id string, seen steps.Result) string {
	return strings.Join(strings.Fields(safetext.Line(plain.Aside(id, seen))), " ")
}

func hintLine(h book.Hint) string {
	text := "hint: " + safetext.Line(h.Issue)
	if h.Cause != "" {
		text += " (" + safetext.Line(h.Cause) + ")"
	}
	text += ": " + safetext.Line(h.Say)
	if h.Diagnose != "" {
		text += "  d looks at " + safetext.Line(h.Diagnose)
	}
	return text
}
