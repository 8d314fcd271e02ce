package tui

import (
	"fmt"
	"slices"
	"time"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"runbook/runbook"
	"runbook/runbook/book"
	"runbook/steps/safetext"
	"runbook/tui/plain"
)

// startScreen says what will be executed, and where; of a run that is gone on
// with, first how it stands. Nothing looks or runs before enter.
type startScreen struct {
	page  page
	going bool // the run was begun before
}

func newStart(m *model, r *runbook.Run, lines []string) *startScreen {
	s := &startScreen{going: len(r.Steps) > 0 || len(r.Phases) > 0 || r.Plan != ""}
	if s.going {
		lines = append(append(standing(m, r), ""), lines...)
	}
	s.page = newPage(lines)
	return s
}

// standing is how far an open run has come: what went on without a screen,
// what is open, and what was done last.
func standing(m *model, r *runbook.Run) []string {
	lines := append(meanwhile(m, r), "run     "+r.Short()+"  "+r.Mode)
	p := r.Phase(m.book)
	switch {
	case p != nil:
		settled, all := settledOf(r, p)
		lines = append(lines, fmt.Sprintf("stands  in %s, %d of %d settled", safetext.Line(plain.Title(p.Title, p.ID)), settled, all))
	case r.Plan == "" && r.Mode == runbook.ModeRollback:
		lines = append(lines, "stands  no plan is chosen yet")
	default:
		lines = append(lines, "stands  every phase is closed")
	}
	if r.Plan != "" {
		lines = append(lines, "plan    "+r.Plan+" is being walked")
	}
	for _, s := range m.book.All() {
		st := r.Step(s)
		inPhase := p != nil && slices.Contains(p.Steps, s)
		if st.State.Open() && !news(r, s) && (inPhase || st.State == runbook.Unknown) {
			lines = append(lines, fmt.Sprintf("open    %s %s  %s  %s", plain.Mark(st), plain.Word(st), titleOf(s), plain.Saw(st)))
		}
	}
	if i, ok := runbook.Suggest(m.book, r, m.session.World().Clock.Now()); ok && m.book.Step(i.Step) != nil {
		lines = append(lines, "next    "+titleOf(m.book.Step(i.Step)))
	}
	if at := lastEntry(r); !at.IsZero() {
		lines = append(lines, "last    entry "+moment(at, m.clock)+", "+plain.Ago(m.clock.Sub(at))+" ago")
	}
	return lines
}

// news reports whether a command went on, or ended, while no screen was there.
func news(r *runbook.Run, s *book.Step) bool {
	v, ok := s.Verb.(book.Run)
	st := r.Step(s)
	return ok && v.Command != nil && (st.State == runbook.Running || st.Result != nil && st.Seen > r.Session && r.Session > 0)
}

// meanwhile is what became of commands since somebody last looked: the first
// thing that is read after the line dropped.
func meanwhile(m *model, r *runbook.Run) []string {
	var lines []string
	for _, s := range m.book.All() {
		if !news(r, s) {
			continue
		}
		st := r.Step(s)
		switch st.State {
		case runbook.Running:
			lines = append(lines, m.styles.Warn.Render("THE COMMAND WENT ON without a screen"),
				fmt.Sprintf("RUNS    %s: since %s, %s", titleOf(s), moment(st.At, m.clock), span(m.clock.Sub(st.At))))
		case runbook.Unknown:
			lines = append(lines, m.styles.Warn.Render("NOBODY SAW THE COMMAND END"), fmt.Sprintf("%s       %s: %s", plain.Mark(st), titleOf(s), plain.Saw(st)))
		default:
			ended := st.Result.Began.Add(st.Took)
			lines = append(lines, m.styles.Warn.Render("THE COMMAND ENDED without a screen"),
				fmt.Sprintf("%s %s  %s: %s", plain.Mark(st), plain.Word(st), titleOf(s), plain.Saw(st)),
				fmt.Sprintf("        ended %s, after %s; all its output is kept", moment(ended, m.clock), span(st.Took)))
		}
	}
	if len(lines) > 0 {
		lines = append(lines, "")
	}
	return lines
}

// lastEntry is when the newest entry about a step, a phase or a memo was made.
func lastEntry(r *runbook.Run) time.Time {
	last := r.Started
	newer := func(t time.Time) {
		if t.After(last) {
			last = t
		}
	}
	for _, st := range r.Steps {
		newer(st.At)
	}
	for _, p := range r.Phases {
		newer(p.Opened)
		newer(p.Closed)
	}
	for _, n := range r.Notes {
		newer(n.At)
	}
	return last
}

func (s *startScreen) body(m *model, w, h int) body {
	title, begin := " BEFORE IT BEGINS", "enter begins its checks"
	if s.going {
		title, begin = " GOING ON WITH", "enter goes on with it"
	}
	lines := []string{m.styles.Title.Render(title), ""}
	for _, l := range s.page.body(w-2, h-4) {
		lines = append(lines, " "+l)
	}
	lines = append(lines, m.styles.Dim.Render("── "+s.page.where()))
	if s.more() {
		begin = "enter shows the rest"
	}
	return body{lines: append(lines, m.human(begin, w)...)}
}

// more reports whether there is more to be seen first. What a run executes that
// is gone on with was shown when it began.
func (s *startScreen) more() bool { return !s.going && !s.page.seen() }

func (s *startScreen) key(m *model, k tea.KeyPressMsg) tea.Cmd {
	switch b := m.bindings; {
	case k.Code == tea.KeyEscape:
		return m.leave()
	case s.page.key(k, b):
	case key.Matches(k, b.Enter) && s.more():
		s.page.down()
	case key.Matches(k, b.Enter):
		m.home()
		m.begun = true
		return m.byItself()
	default:
		m.nothing(k)
	}
	return nil
}

func (s *startScreen) keys(m *model) []binding {
	switch {
	case s.more():
		return []binding{says(m.bindings.Enter, "the rest")}
	case s.going:
		return []binding{says(m.bindings.Enter, "go on")}
	}
	return []binding{says(m.bindings.Enter, "begin")}
}
