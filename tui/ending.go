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

// summaryOf is the whole run, every phase and every plan that was walked, with
// all that did not simply pass.
func summaryOf(m *model) []string {
	r := m.snap.run
	var lines []string
	for _, p := range whole(m.book, r) {
		mark := "·"
		if !r.Phases[p.ID].Closed.IsZero() {
			mark = "✓"
		}
		read := told{readBack(r, p)}
		read.lines[0] = mark + " " + read.lines[0]
		for _, s := range p.Steps {
			if st := r.Step(s); st.State.Open() || st.State == runbook.Running {
				word := plain.Word(st)
				if st.State == runbook.Running && !r.Ended.IsZero() {
					word = "not finished"
				}
				read.add(" ", strings.TrimRight(plain.Mark(st)+" "+word+"  "+titleOf(s)+"  "+plain.Saw(st), " "))
			}
		}
		lines = append(lines, read.lines...)
	}
	lines = append(lines, plain.NotUndone(m.book, r, r.PlanWalked(m.book))...)
	for _, n := range r.Notes {
		lines = append(lines, "memo "+n.At.UTC().Format("15:04:05Z")+"  "+safetext.Line(n.Text))
	}
	return append(append(lines, signoffs(m.book, r)...), m.reading()...)
}

// whole is every phase of the book, and each plan of which anything was done.
// A rollback of its own walks only a plan.
func whole(b *book.Book, r *runbook.Run) []*book.Phase {
	var all []*book.Phase
	for _, p := range b.Phases {
		if r.Mode != runbook.ModeRollback || !r.Phases[p.ID].Opened.IsZero() {
			all = append(all, p)
		}
	}
	for _, p := range b.Plans {
		walked := slices.ContainsFunc(p.Steps, func(s *book.Step) bool { return r.Steps[s.ID] != nil })
		if walked || p.ID == r.Plan {
			title := "rollback: " + plain.Title(p.Title, p.ID)
			all = append(all, &book.Phase{ID: p.ID, Title: title, Steps: p.Steps})
		}
	}
	return all
}

// signoffs are the roles that have to sign, and what the log has of each: a
// signature, or an approval that was passed on.
func signoffs(b *book.Book, r *runbook.Run) []string {
	var lines []string
	for _, s := range r.Signoffs(b) {
		text := "sign-off " + s.Name() + "  · MISSING"
		step := b.Signed(s.Role, s.Scope)
		switch {
		case s.By != nil && s.Missing():
			text = "sign-off " + s.Name() + "  ✗ REJECTED by " + s.By.By() + "  " + s.By.Note
		case s.By != nil:
			text = "sign-off " + s.Name() + "  ✓ signed by " + s.By.By()
			if s.By.Rehearsed {
				text += ", rehearsed"
			}
		case step != nil && r.Step(step).State != runbook.Pending:
			st := r.Step(step)
			text = fmt.Sprintf("sign-off %s  · MISSING  %s  %s", s.Name(), plain.Word(st), plain.Saw(st))
		}
		lines = append(lines, strings.TrimRight(safetext.Line(text), " "))
	}
	return lines
}

// endingScreen asks for the word end.
type endingScreen struct {
	intent runbook.Intent
	page   fresh
	field  *field
}

func newEnding(m *model, i runbook.Intent) *endingScreen {
	return &endingScreen{intent: i, page: newFresh(m, summaryOf), field: newField("")}
}

func (e *endingScreen) text() *field { return e.field }

func (e *endingScreen) body(m *model, w, h int) body {
	title := " END OF RUN"
	if m.snap.run.Phase(m.book) != nil {
		title = " STOP THE RUN HERE: it is not finished"
	}
	lines := []string{m.styles.Title.Render(title)}
	for _, l := range e.page.now(m, w-2, h-4) {
		lines = append(lines, " "+l)
	}
	line, cursor := e.field.line(w)
	lines = append(lines, m.styles.Dim.Render("── "+e.page.where()), m.styles.Human.Render(" type end and enter: the log is closed"), line)
	cursor.Y = len(lines) - 1
	return body{lines: lines, cursor: cursor}
}

func (e *endingScreen) key(m *model, k tea.KeyPressMsg) tea.Cmd {
	switch {
	case k.Code == tea.KeyEscape:
		return m.pop()
	case k.Code != tea.KeyEnter:
		e.page.key(k, m.bindings)
	case e.field.value() != "end":
		m.say("the run goes on: type end, or esc")
	default:
		m.home()
		return m.do(e.intent)
	}
	return nil
}

func (e *endingScreen) keys(m *model) []binding {
	return []binding{says(m.bindings.Enter, "end the run"), m.bindings.Scroll, escape()}
}

// endedScreen is the last: what the run came to. Any way out leaves.
type endedScreen struct{ page fresh }

func newEnded(m *model) *endedScreen { return &endedScreen{page: newFresh(m, cameTo)} }

// cameTo is what the run came to.
func cameTo(m *model) []string {
	r := m.snap.run
	lines := append([]string{plain.Title(r.Outcome, "ended") + " " + r.Ended.UTC().Format("2006-01-02 15:04:05Z"), ""}, summaryOf(m)...)
	return append(lines, "check it: runbook log verify "+r.Short())
}

func (e *endedScreen) body(m *model, w, h int) body {
	lines := []string{m.styles.Title.Render(" THIS RUN HAS ENDED")}
	for _, l := range e.page.now(m, w-2, h-2) {
		lines = append(lines, " "+l)
	}
	return body{lines: append(lines, m.styles.Dim.Render("── "+e.page.where()))}
}

func (e *endedScreen) key(m *model, k tea.KeyPressMsg) tea.Cmd {
	b := m.bindings
	if key.Matches(k, b.Enter) || key.Matches(k, b.Back) {
		return m.leave()
	}
	e.page.key(k, b)
	return nil
}

func (e *endedScreen) keys(m *model) []binding {
	return []binding{says(m.bindings.Enter, "leave"), m.bindings.Scroll}
}
