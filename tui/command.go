package tui

import (
	"strings"

	"runbook/runbook/book"
	"runbook/tui/plain"
)

// commandPane shows a command while it runs: how long, when it last printed,
// and the end of what it printed, full width.
func (m *model) commandPane(step *book.Step, w, h int) []string {
	st := m.snap.run.Step(step)
	elapsed := m.clock.Sub(st.At)
	head := []string{m.styles.Human.Render("RUNNING " + span(elapsed))}
	if m.cancelled[step.ID] {
		head = append(head, m.styles.Warn.Render("cancel was asked; c again ends it at once"))
	}
	if m.tail.step == step.ID && !m.tail.last.IsZero() {
		head = append(head, "last output "+plain.Ago(m.clock.Sub(m.tail.last))+" ago")
	}
	v, _ := step.Verb.(book.Run)
	if v.Command != nil && v.Command.AskAfter > 0 {
		limit := v.Command.AskAfter.D()
		if elapsed < limit {
			head = append(head, "asks at "+span(limit))
		} else {
			head = append(head, m.styles.Warn.Render("! LONGER THAN "+span(limit)+": wait, or c cancels"))
		}
	}
	if v.Command != nil && v.Command.KillAfter > 0 {
		head = append(head, m.styles.Warn.Render("cancelled by itself at "+span(v.Command.KillAfter.D())))
	}
	lines := prose(" "+strings.Join(head, "  "), w)
	lines = append(lines, m.styles.Dim.Render(" goes on without this screen; enter does nothing here"))
	room := h - len(lines)
	if m.tail.step != step.ID || room <= 0 {
		return lines
	}
	out := m.tail.lines
	for _, line := range out[max(0, len(out)-room):] {
		lines = append(lines, "│"+fit(line, w-1))
	}
	return lines
}
