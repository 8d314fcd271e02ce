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
	lines []string
	seen  uint64 // the snapshot that the page shows
}

func newStart(m *model, r *runbook.Run, lines []string) *startScreen {
	s := &startScreen{going: len(r.Steps) > 0 || len(r.Phases) > 0 || r.Plan != "", lines: lines}
	s.page = newPage(s.content(m, r))
	return s
}

// content is what will be executed, and of a run that is gone on with, first
// how it stands.
func (s *startScreen) content(m *model, r *runbook.Run) []string {
	if !s.going {
		return s.lines
	}
	return append(append(standing(m, r), ""), s.lines...)
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
		lines = append(lines, "next    "+suggested(m.book, i))
	}
	return append(lines, lastAct(m, r)...)
}

// suggested is what is to be done next, in a few words.
func suggested(b *book.Book, i runbook.Intent) string {
	s := b.Step(i.Step)
	if v, ok := s.Verb.(book.Run); ok && v.Command != nil && i.Kind == runbook.Recheck {
		return safetext.Line(s.Verify) + " looks what became of " + titleOf(s)
	}
	return titleOf(s)
}

// lastAct is what a person did last, or when anything was written last.
func lastAct(m *model, r *runbook.Run) []string {
	ago := func(at time.Time) string { return moment(at, m.clock) + ", " + plain.Ago(m.clock.Sub(at)) + " ago" }
	act := r.LastAct
	if s := m.book.Step(act.Step); s != nil {
		did := "answered " + titleOf(s)
		if act.Kind == "run.intent" {
			did = "started " + titleOf(s)
		}
		return []string{"last    " + did + " " + ago(act.At)}
	}
	if at := lastEntry(r); !at.IsZero() {
		return []string{"last    entry " + ago(at)}
	}
	return nil
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
				fmt.Sprintf("RUNS    %s: since %s", titleOf(s), moment(st.At, m.clock)))
			lines = append(lines, stillRuns(m, s)...)
		case runbook.Unknown:
			lines = append(lines, m.styles.Warn.Render("NOBODY SAW THE COMMAND END"), fmt.Sprintf("%s %s  %s", plain.Mark(st), plain.Word(st), titleOf(s)))
			lines = append(lines, m.decision(s)...)
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

// lastLines is how much of its output the first screen shows of a command.
const lastLines = 3

// stillRuns is what stands in a running command's way, and what it printed
// last.
func stillRuns(m *model, s *book.Step) []string {
	var lines []string
	if m.snap.run == nil {
		return nil // the first state is on its way
	}
	for _, text := range m.trouble(s, m.snap.live[s.ID]) {
		lines = append(lines, m.styles.Warn.Render("! "+text))
	}
	if m.tail.step == s.ID {
		for _, line := range m.tail.lines[max(0, len(m.tail.lines)-lastLines):] {
			lines = append(lines, "│"+line)
		}
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
	if m.snap.run != nil && s.going && s.seen != m.snap.n {
		s.seen = m.snap.n
		s.page.set(s.content(m, m.snap.run))
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
