package tui

import (
	"strings"

	"runbook/runbook"
	"runbook/runbook/book"
	"runbook/steps/safetext"
	"runbook/tui/plain"
)

// detail is what is known of a step, the most needed first, in lines of w.
func (m *model) detail(x row, w int) []string {
	s, st := x.step, x.st
	head := m.styles.Title.Render(x.title) + "  " + m.styles.of(st).Render(plain.Mark(st)+" "+plain.Word(st))
	if s.Critical {
		head += "  " + m.styles.Bad.Render("CRITICAL")
	}
	lines := []string{head}
	add := func(text string) {
		if text != "" {
			lines = append(lines, prose(text, w)...)
		}
	}
	if st.State != runbook.Pending && len(st.Slots) == 0 {
		add(plain.Saw(st))
	}
	if v, ok := s.Verb.(book.Ask); ok {
		add(question(v))
	}
	if v, ok := s.Verb.(book.Watch); ok && st.State != runbook.Pending {
		lines = append(lines, watchLines(st, v, m.snap.world, w)...)
	}
	lines = append(lines, evidenceLines(st, w)...)
	if st.State.Open() {
		for _, h := range runbook.Hints(m.book, s, plain.Saw(st)) {
			add(hintLine(h))
		}
	}
	add(safetext.Line(s.Note))
	if v, ok := s.Verb.(book.Run); ok {
		add(runLine(s, v))
	}
	if ago := coarseSeen(st, m); ago != "" {
		lines = append(lines, m.styles.Dim.Render(ago))
	}
	return lines
}

func coarseSeen(st runbook.StepState, m *model) string {
	if st.At.IsZero() || st.State == runbook.Pending {
		return ""
	}
	text := "seen " + coarse(m.clock.Sub(st.At))
	if st.Result != nil && st.Result.Where != "" {
		text += " at " + safetext.Line(st.Result.Where)
	}
	if t := took(st.Took); t != "" {
		text += ", took " + t
	}
	return text
}

func evidenceLines(st runbook.StepState, w int) []string {
	if st.Result == nil {
		return nil
	}
	var lines []string
	for _, e := range st.Result.Evidence {
		lines = append(lines, wrap(plain.Value(e), w)...)
	}
	return lines
}

func hintLine(h book.Hint) string {
	text := "hint: " + safetext.Line(h.Issue)
	if h.Cause != "" {
		text += " (" + safetext.Line(h.Cause) + ")"
	}
	text += ": " + safetext.Line(h.Say)
	if h.Diagnose != "" {
		text += "  diagnosed by " + safetext.Line(h.Diagnose)
	}
	return text
}

func runLine(s *book.Step, v book.Run) string {
	parts := []string{wayBack(s)}
	if s.Verify != "" {
		parts = append(parts, "verified by "+safetext.Line(s.Verify))
	}
	if v.Command != nil && v.Command.AskAfter > 0 {
		parts = append(parts, "asks after "+v.Command.AskAfter.String())
	}
	return strings.Join(parts, "  ")
}
