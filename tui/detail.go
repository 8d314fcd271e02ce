package tui

import (
	"strings"

	"runbook/runbook"
	"runbook/runbook/book"
	"runbook/steps/safetext"
	"runbook/tui/plain"
)

// told is text that says nothing twice.
type told struct{ lines []string }

// add takes a line, unless an earlier one says it already.
func (t *told) add(label, text string) {
	for _, l := range t.lines {
		if text == "" || strings.Contains(l, text) {
			return
		}
	}
	if text != "" {
		t.lines = append(t.lines, label+text)
	}
}

// detail is what is known of a step, the most needed first, in lines of w.
func (m *model) detail(x row, w int) []string {
	s, st := x.step, x.st
	head := m.styles.Title.Render(x.title) + "  " + m.styles.of(st).Render(plain.Mark(st)+" "+plain.Word(st))
	if s.Critical {
		head += "  " + m.styles.Bad.Render("CRITICAL")
	}
	var known told
	if st.State != runbook.Pending && len(st.Slots) == 0 {
		known.add("", plain.Saw(st))
	}
	known.lines = append(known.lines, m.decision(s)...)
	if len(m.decision(s)) > 0 {
		known.lines = append(known.lines, contacts(m.book)...)
	}
	known.add("", m.question(s))
	if v, ok := s.Verb.(book.Watch); ok && st.State != runbook.Pending {
		known.lines = append(known.lines, watchLines(st, v, m.snap.world, w)...)
	}
	if st.Result != nil {
		for _, e := range st.Result.Evidence {
			known.add("", plain.Value(e))
		}
	}
	known.lines = append(known.lines, m.hintLines(s)...)
	known.add("", safetext.Line(s.Note))
	if v, ok := s.Verb.(book.Run); ok {
		known.add("", runLine(s, v))
	}
	lines := []string{head}
	for _, text := range known.lines {
		lines = append(lines, prose(text, w)...)
	}
	if ago := coarseSeen(st, m); ago != "" {
		lines = append(lines, m.styles.Dim.Render(ago))
	}
	return lines
}

// coarseSeen says how old a result is, and how long it took.
func coarseSeen(st runbook.StepState, m *model) string {
	if st.At.IsZero() || st.Result == nil || st.State == runbook.Pending {
		return ""
	}
	text := "seen " + coarse(m.clock.Sub(st.At))
	if t := took(st.Took); t != "" {
		text += ", took " + t
	}
	return text
}

func runLine(s *book.Step, v book.Run) string {
	parts := []string{wayBack(s)}
	if len(s.On) > 0 {
		parts = append([]string{"on " + s.Place()}, parts...)
	}
	if s.Verify != "" {
		parts = append(parts, "verified by "+safetext.Line(s.Verify))
	}
	if v.Command != nil && v.Command.AskAfter > 0 {
		parts = append(parts, "asks after "+v.Command.AskAfter.String())
	}
	return strings.Join(parts, "  ")
}
