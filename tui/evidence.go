package tui

import (
	"fmt"
	"slices"
	"strings"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"runbook/runbook"
	"runbook/runbook/book"
	"runbook/steps/safetext"
	"runbook/tui/plain"
)

// evidenceScreen is all that is known of one step, and whom to call.
type evidenceScreen struct {
	step *book.Step
	page fresh
}

func newEvidence(m *model, s *book.Step) *evidenceScreen {
	return &evidenceScreen{step: s, page: newFresh(m, func(m *model) []string { return why(m, s) })}
}

func (e *evidenceScreen) pages() {}

// why says what a step is, what was seen, where and when, and what helps.
func why(m *model, s *book.Step) []string {
	st := m.snap.run.Step(s)
	known := told{[]string{plain.Mark(st) + " " + plain.Known(st)}}
	known.lines = append(known.lines, m.decision(s)...)
	add := func(label, value string) { known.add(fmt.Sprintf("%-10s ", label), value) }
	if st.State == runbook.Pending {
		add("waits", due(m.snap.run, s))
	}
	asks := "asks"
	if _, tells := s.Verb.(book.Tell); tells {
		asks = "tells"
	}
	add(asks, m.question(s))
	if v, ok := s.Verb.(book.Ask); ok && v.Decide != nil {
		add("choices", safetext.Line(strings.Join(v.Decide.Choices, ", ")))
	}
	if v, ok := s.Verb.(book.Watch); ok && st.State != runbook.Pending {
		known.lines = append(known.lines, watchLines(st, v, m.snap.world, 70)...)
	}
	if st.Result != nil {
		for _, e := range st.Result.Evidence {
			add("saw", plain.Value(e))
		}
		add("where", safetext.Line(st.Result.Where))
	}
	if st.State != runbook.Pending {
		add("seen", seenAgo(st, m.clock))
	}
	if st.Attempt > 1 {
		known.lines = append(known.lines, fmt.Sprintf("%-10s %d", "attempt", st.Attempt))
	}
	known.lines = append(known.lines, "")
	add("note", safetext.Line(s.Note))
	known.lines = append(known.lines, fmt.Sprintf("%-10s %s  %s", "step", s.ID, kind(s)))
	if v, ok := s.Verb.(book.Run); ok {
		add("run", runLine(s, v))
	}
	add("covers", safetext.Line(strings.Join(s.Covers, " ")))
	return append(append(known.lines, m.hintLines(s)...), contacts(m.book)...)
}

// contacts are whom to call.
func contacts(b *book.Book) []string {
	var lines []string
	for _, c := range b.Contacts {
		lines = append(lines, fmt.Sprintf("%-10s %s", "call", safetext.Line(strings.Join([]string{c.Level, c.Name, c.Reach, c.Response}, "  "))))
	}
	return lines
}

func (e *evidenceScreen) body(m *model, w, h int) body {
	title := m.styles.Title.Render(" " + titleOf(e.step))
	if e.step.Critical {
		title += "  " + m.styles.Bad.Render("CRITICAL")
	}
	shown := e.page.now(m, w-2, h-2)
	lines := []string{both(title, e.page.where(), w), ""}
	for i, l := range shown {
		if i == 0 && e.page.top == 0 {
			l = m.styles.of(m.snap.run.Step(e.step)).Render(l)
		}
		lines = append(lines, " "+l)
	}
	return body{lines: lines}
}

// key acts on this step as the phase screen would. enter takes up a run that
// failed; else it goes back.
func (e *evidenceScreen) key(m *model, k tea.KeyPressMsg) tea.Cmd {
	b := m.bindings
	switch {
	case key.Matches(k, b.Enter) && e.again(m):
		return m.openRun(e.step)
	case key.Matches(k, b.Back), key.Matches(k, b.Enter), key.Matches(k, b.Why):
		return m.pop()
	case e.page.key(k, b):
		return nil
	}
	cmd, mine := m.onStep(e.step, k)
	if !mine {
		m.nothing(k)
	}
	return cmd
}

// again reports whether the step is a run that went wrong and may be started
// once more.
func (e *evidenceScreen) again(m *model) bool {
	_, may := m.intent(runbook.RunStep, e.step.ID)
	return may && m.snap.run.Step(e.step).State.Open() && !m.acting()
}

func (e *evidenceScreen) keys(m *model) []binding {
	again := e.again(m)
	keys := slices.DeleteFunc(m.stepKeys(e.step), func(x binding) bool { return x.Help().Key == "i" || again && x.Help().Key == "g" })
	if again {
		keys = append([]binding{says(m.bindings.Enter, "run again..")}, keys...)
	}
	return keys
}
