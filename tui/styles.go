package tui

import (
	"charm.land/lipgloss/v2"

	"runbook/runbook"
	"runbook/steps"
)

// styles are semantic: a screen says what a text means, never its colour. Only
// the sixteen colours of the terminal are used, and none is a signal alone.
type styles struct {
	Plain      lipgloss.Style
	Title      lipgloss.Style // of a screen or a step
	Dim        lipgloss.Style // what may be overlooked
	Bad        lipgloss.Style // failed, declined, not recorded
	Warn       lipgloss.Style // unknown, blocked, warnings
	Good       lipgloss.Style // passed, confirmed
	Human      lipgloss.Style // a person is needed
	Key        lipgloss.Style // a key in the line of keys
	Production lipgloss.Style
	Practice   lipgloss.Style
}

func newStyles(dark bool) styles {
	pick := lipgloss.LightDark(dark)
	colour := func(light, dark string) lipgloss.Style {
		return lipgloss.NewStyle().Foreground(pick(lipgloss.Color(light), lipgloss.Color(dark)))
	}
	return styles{
		Plain:      lipgloss.NewStyle(),
		Title:      lipgloss.NewStyle().Bold(true),
		Dim:        lipgloss.NewStyle().Faint(true),
		Bad:        colour("1", "9").Bold(true),
		Warn:       colour("5", "11"),
		Good:       colour("2", "10"),
		Human:      colour("4", "14"),
		Key:        lipgloss.NewStyle().Bold(true),
		Production: lipgloss.NewStyle().Bold(true).Foreground(lipgloss.Color("15")).Background(lipgloss.Color("1")),
		Practice:   lipgloss.NewStyle().Bold(true).Reverse(true),
	}
}

// unknownStyles are read on any background: for a terminal that does not say
// what its own is. Bright colours can't be seen on white, blue not on black.
func unknownStyles() styles {
	s := newStyles(false)
	s.Human = lipgloss.NewStyle().Bold(true)
	return s
}

// human is what a person is asked for, in lines of w.
func (m *model) human(text string, w int) []string {
	lines := prose(" "+text, w)
	for i := range lines {
		lines[i] = m.styles.Human.Render(lines[i])
	}
	return lines
}

// of is the style of a step's state.
func (s styles) of(st runbook.StepState) lipgloss.Style {
	switch st.State {
	case runbook.Failed, runbook.Declined:
		return s.Bad
	case runbook.Unknown, runbook.Accepted, runbook.Skipped, runbook.ByHand:
		return s.Warn
	case runbook.Passed, runbook.Confirmed:
		if st.Result != nil && st.Result.Verdict == steps.Warn {
			return s.Warn
		}
		return s.Good
	case runbook.Running:
		return s.Human
	case runbook.NotApplicable:
		return s.Dim
	case runbook.Pending:
	}
	return s.Plain
}
