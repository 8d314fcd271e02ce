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

// decision is what an operator has to decide about a command whose end nobody
// saw, and with which keys. It is empty for every other step.
func (m *model) decision(s *book.Step) []string {
	v, ok := s.Verb.(book.Run)
	if !ok || v.Command == nil || s.Effect == "none" || m.snap.run == nil || m.snap.run.Step(s).State != runbook.Unknown {
		return nil
	}
	lines := []string{"DECIDE     it may have done nothing, a part, or all of it; nothing is tried again by itself"}
	if s.Verify != "" {
		lines = append(lines, "  r        "+safetext.Line(s.Verify)+" looks: done, not done, partly, or still at it")
	}
	if pids := m.cancellable(s.ID); len(pids) > 0 {
		lines = append(lines, fmt.Sprintf("  B        its session %s still works in the database: cancels it", strings.Join(pids, ", ")))
	}
	lines = append(lines, "  o        what it printed so far", "  h        somebody did it, or undid it, by hand")
	return append(lines, plain.Backends(m.snap.live[s.ID])...)
}

// cancellable are the pids of a step's sessions that a cancel would end.
func (m *model) cancellable(step string) []string {
	var pids []string
	for _, i := range m.snap.next {
		if i.Kind == runbook.CancelBackend && i.Step == step {
			pids = append(pids, i.Text)
		}
	}
	return pids
}

// backendScreen asks before PostgreSQL is told to cancel what a session of a
// command does.
type backendScreen struct {
	step *book.Step
	pid  string
}

// openBackend asks about a step's session in the database, one after another
// if there are several.
func (m *model) openBackend(s *book.Step) tea.Cmd {
	pids := m.cancellable(s.ID)
	if len(pids) == 0 {
		m.say("no session of " + s.ID + " works in a database that is known")
		return nil
	}
	return m.ask(&backendScreen{s, pids[0]})
}

func (s *backendScreen) body(m *model, w, h int) body {
	lines := []string{m.styles.Title.Render(" CANCEL IN THE DATABASE  " + titleOf(s.step))}
	lines = append(lines, prose(" PostgreSQL is asked to cancel what session "+s.pid+" of this command does (pg_cancel_backend): ours alone, nobody else's.", w)...)
	lines = append(lines, prose(" What it did so far in its transaction is rolled back. Its client may see an error and go on, or end.", w)...)
	lines = append(lines, "")
	for _, text := range plain.Backends(m.snap.live[s.step.ID]) {
		lines = append(lines, prose(" "+text, w)...)
	}
	lines = append(lines, "", m.styles.Human.Render(" y cancel it   n let it go on"))
	if !slices.Contains(m.cancellable(s.step.ID), s.pid) {
		lines = append(lines, " it works no longer")
	}
	return body{lines: lines}
}

func (s *backendScreen) key(m *model, k tea.KeyPressMsg) tea.Cmd {
	switch b := m.bindings; {
	case key.Matches(k, b.Back), key.Matches(k, b.No):
		return m.pop()
	case key.Matches(k, b.Yes):
		m.home()
		for _, i := range m.snap.next {
			if i.Kind == runbook.CancelBackend && i.Step == s.step.ID && i.Text == s.pid {
				return m.do(i)
			}
		}
		m.say("session " + s.pid + " works no longer: nothing was cancelled")
	default:
		m.nothing(k)
	}
	return nil
}

func (s *backendScreen) keys(m *model) []binding {
	return []binding{says(m.bindings.Yes, "cancel it"), says(m.bindings.No, "let it go on")}
}
