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
	seen uint64
	page page
}

func newEvidence(m *model, s *book.Step) *evidenceScreen {
	return &evidenceScreen{step: s, seen: m.snap.n, page: newPage(why(m, s))}
}

// why says what a step is, what was seen, where and when, and what helps.
func why(m *model, s *book.Step) []string {
	st := m.snap.run.Step(s)
	lines := []string{plain.Mark(st) + " " + plain.Word(st) + "  " + plain.Saw(st)}
	add := func(label, value string) {
		if value != "" {
			lines = append(lines, fmt.Sprintf("%-10s %s", label, value))
		}
	}
	if st.State == runbook.Pending {
		add("waits", due(m.snap.run, s))
	}
	if v, ok := s.Verb.(book.Watch); ok && st.State != runbook.Pending {
		lines = append(lines, watchLines(st, v, m.snap.world, 70)...)
	}
	if st.Result != nil {
		for _, e := range st.Result.Evidence {
			add("saw", plain.Value(e))
		}
	}
	if st.State != runbook.Pending {
		add("seen", seenAgo(st, m.clock))
		add("at", st.At.UTC().Format("2006-01-02 15:04:05Z"))
	}
	if st.Attempt > 1 {
		add("attempt", itoa(st.Attempt))
	}
	lines = append(lines, "")
	add("note", safetext.Line(s.Note))
	add("step", s.ID+"  "+kind(s))
	if v, ok := s.Verb.(book.Run); ok {
		add("run", runLine(s, v))
	}
	add("covers", safetext.Line(strings.Join(s.Covers, " ")))
	return append(lines, helpFor(m, s, st)...)
}

// helpFor are the book's hints that match, and its contacts.
func helpFor(m *model, s *book.Step, st runbook.StepState) []string {
	var lines []string
	if st.State.Open() {
		for _, h := range runbook.Hints(m.book, s, plain.Saw(st)) {
			lines = append(lines, hintLine(h))
		}
	}
	for _, c := range m.book.Contacts {
		lines = append(lines, fmt.Sprintf("%-10s %s", "call", safetext.Line(strings.Join([]string{c.Level, c.Name, c.Reach, c.Response}, "  "))))
	}
	return lines
}

func (e *evidenceScreen) body(m *model, w, h int) body {
	if e.seen != m.snap.n {
		e.seen = m.snap.n
		e.page.set(why(m, e.step))
	}
	title := m.styles.Title.Render(" " + titleOf(e.step))
	if e.step.Critical {
		title += "  " + m.styles.Bad.Render("CRITICAL")
	}
	shown := e.page.body(w-2, h-2)
	lines := []string{both(title, e.page.where(), w), ""}
	for i, l := range shown {
		if i == 0 && e.page.top == 0 {
			l = m.styles.of(m.snap.run.Step(e.step)).Render(l)
		}
		lines = append(lines, " "+l)
	}
	return body{lines: lines}
}

// key acts on this step as the phase screen would.
func (e *evidenceScreen) key(m *model, k tea.KeyPressMsg) tea.Cmd {
	b := m.bindings
	switch {
	case key.Matches(k, b.Back), key.Matches(k, b.Enter), key.Matches(k, b.Why):
		return m.pop()
	case e.page.key(k, b):
		return nil
	}
	if slices.ContainsFunc(m.stepKeys(e.step), func(x binding) bool { return key.Matches(k, x) }) {
		one := &phaseScreen{rows: []row{{id: e.step.ID, step: e.step}}, sel: e.step.ID}
		return one.onStep(m, k)
	}
	return nil
}

func (e *evidenceScreen) keys(m *model) []binding {
	keys := slices.DeleteFunc(m.stepKeys(e.step), func(x binding) bool { return x.Help().Key == "i" })
	return append(keys, m.bindings.Back)
}
