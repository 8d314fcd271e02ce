package tui

import (
	"errors"
	"slices"
	"strings"
	"time"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"runbook/runbook"
	"runbook/runbook/book"
	"runbook/steps/safetext"
	"runbook/tui/plain"
)

// phaseScreen is where an operator lives: the steps of the open phase, what is
// known of the selected one, and the running command.
type phaseScreen struct {
	rows   []row
	phase  *book.Phase
	counts string
	oldest time.Time // the oldest look at one of its checks
	sel    string    // id of the selected row
	shown  string    // id of the row whose detail is shown: sel, once it rests
	chosen bool      // the operator moved the selection
	unfold bool
	top    int
	gen    int
}

// restTime is how long the selection rests before the detail follows it: a
// held key moves two cells, not half a screen.
const restTime = 400 * time.Millisecond

// refresh takes a new state over. The selection follows what is suggested
// until the operator moves it.
func (p *phaseScreen) refresh(m *model) {
	phase := m.snap.run.Phase(m.book)
	if p.phase != nil && phase != nil && p.phase.ID != phase.ID {
		*p = phaseScreen{gen: p.gen}
	}
	p.phase = phase
	open := !p.settled()
	if p.rows = nil; phase != nil {
		p.rows = rowsOf(m.snap.run, phase, p.unfold)
		p.counts, p.oldest = plain.Counts(m.snap.run.Counts(phase)), oldestLook(m.snap.run, phase)
	}
	if !p.chosen || p.index() < 0 || open && p.settled() { // what was chosen is done: on to what comes next
		p.chosen = false
		p.sel = p.suggested(m)
		p.shown = p.sel
	}
}

// suggested is the row of what comes next: what runs, what the model suggests,
// what went wrong, what is first.
func (p *phaseScreen) suggested(m *model) string {
	if step := m.command(); step != nil {
		return step.ID
	}
	if p.phase == nil {
		return ""
	}
	if s := m.snap.run.FirstOpen(p.phase); s != nil {
		return s.ID
	}
	if len(m.snap.next) > 0 && p.has(m.snap.next[0].Step) {
		return m.snap.next[0].Step
	}
	for _, x := range p.rows {
		if !x.st.State.Settled() {
			return x.id
		}
	}
	if len(p.rows) > 0 {
		return p.rows[0].id
	}
	return ""
}

func (p *phaseScreen) has(id string) bool {
	return slices.ContainsFunc(p.rows, func(x row) bool { return x.id == id })
}

func (p *phaseScreen) index() int {
	return slices.IndexFunc(p.rows, func(x row) bool { return x.id == p.sel })
}

// resting is the step whose detail is shown, nil on the folded row.
func (p *phaseScreen) resting() *book.Step {
	for _, x := range p.rows {
		if x.id == p.shown {
			return x.step
		}
	}
	return nil
}

// settled reports whether the selected step is behind the operator.
func (p *phaseScreen) settled() bool {
	i := p.index()
	return i >= 0 && p.rows[i].st.State.Settled()
}

// step is the selected step, nil on the folded row.
func (p *phaseScreen) step() *book.Step {
	if i := p.index(); i >= 0 {
		return p.rows[i].step
	}
	return nil
}

func (p *phaseScreen) body(m *model, w, h int) body {
	if m.snap.run == nil {
		return body{lines: []string{" reading the run .."}}
	}
	if p.phase == nil {
		return body{lines: p.done(m, w)}
	}
	lines := []string{p.summary(m, w)}
	room := h - 2
	list := min(len(p.rows), max(3, room*3/5))
	if m.command() != nil {
		list = min(len(p.rows), max(3, room/3))
	}
	lines = append(lines, p.list(m, w, list)...)
	lines = append(lines, m.styles.Dim.Render(unseen(p.top, len(p.rows)-p.top-list, w)))
	return body{lines: append(lines, p.below(m, w, h-len(lines))...)}
}

// summary counts the phase out, and says how old the oldest look is.
func (p *phaseScreen) summary(m *model, w int) string {
	name := strings.ToUpper(safetext.Line(plain.Title(p.phase.Title, p.phase.ID)))
	text := m.styles.Title.Render(" "+name) + "  " + p.counts
	right := ""
	if !p.oldest.IsZero() && w >= wide {
		right = "oldest " + coarse(m.clock.Sub(p.oldest))
	}
	if ansi.StringWidth(text)+len(right) >= w { // what was counted matters more
		right = ""
	}
	return both(text, right, w)
}

// oldestLook is when the oldest result of a phase's checks was seen.
func oldestLook(r *runbook.Run, p *book.Phase) time.Time {
	var oldest time.Time
	for _, s := range p.Steps {
		_, check := s.Verb.(book.Check)
		if at := r.Step(s).At; check && !at.IsZero() && (oldest.IsZero() || at.Before(oldest)) {
			oldest = at
		}
	}
	return oldest
}

// coarseness is how often an age moves the screen.
const coarseness = 10 * time.Second

// coarse is an age that moves the screen once in ten seconds.
func coarse(d time.Duration) string {
	if d < coarseness {
		return "now"
	}
	return plain.Ago(d.Truncate(coarseness)) + " ago"
}

// list draws the rows around the selected one.
func (p *phaseScreen) list(m *model, w, h int) []string {
	at := max(0, p.index())
	if at < p.top {
		p.top = at
	}
	if at >= p.top+h {
		p.top = at - h + 1
	}
	p.top = max(0, min(p.top, len(p.rows)-h))
	tw := titleWidth(p.rows, w)
	lines := make([]string, 0, h)
	for i := p.top; i < min(len(p.rows), p.top+h); i++ {
		lines = append(lines, m.rowLine(p.rows[i], i == at, w, tw))
	}
	return lines
}

// unseen is the line under a list: how many lines of it are not on the screen.
func unseen(above, below, w int) string {
	text := ""
	if above > 0 {
		text += "── +" + itoa(above) + " above "
	}
	if below > 0 {
		text += "── +" + itoa(below) + " more below "
	}
	return text + strings.Repeat("─", max(0, w-ansi.StringWidth(text)))
}

// below is the running command, or the detail of the selected step.
func (p *phaseScreen) below(m *model, w, h int) []string {
	if step := m.command(); step != nil {
		return m.commandPane(step, w, h)
	}
	i := slices.IndexFunc(p.rows, func(x row) bool { return x.id == p.shown })
	if i < 0 || p.rows[i].step == nil {
		return nil
	}
	lines := append(p.waiting(m, w-2), m.detail(p.rows[i], w-2)...)
	if len(lines) > h && h > 0 {
		lines = append(lines[:h-1], m.styles.Dim.Render(itoa(len(lines)-h+1)+" more lines: i shows all"))
	}
	for k := range lines {
		lines[k] = " " + lines[k]
	}
	return lines
}

// waiting says that only time is missing.
func (p *phaseScreen) waiting(m *model, w int) []string {
	var wait *runbook.WaitError
	if !errors.As(runbook.Standing(m.book, m.snap.run), &wait) {
		return nil
	}
	text := "nothing to do before " + moment(wait.Until, m.snap.world) + "; slots that nobody measures are missed"
	lines := prose(text, w)
	for i := range lines {
		lines[i] = m.styles.Human.Render(lines[i])
	}
	return lines
}

// done is what stands where no phase is open.
func (p *phaseScreen) done(m *model, w int) []string {
	r := m.snap.run
	switch {
	case !r.Ended.IsZero():
		return []string{" this run has ended"}
	case r.Mode == runbook.ModeRollback && r.Plan == "":
		return prose(" Which way back? enter lists the plans of the book; nothing is picked for you.", w)
	}
	if r.Plan != "" {
		return prose(" The plan "+r.Plan+" is walked to its end. enter shows the whole run and ends it.", w)
	}
	return prose(" Every phase is closed. enter shows the whole run and ends it.", w)
}

func (p *phaseScreen) hear(m *model, msg tea.Msg) tea.Cmd {
	if rest, ok := msg.(restMsg); ok && rest.gen == p.gen {
		p.shown = p.sel
	}
	return nil
}

// move selects another row.
func (p *phaseScreen) move(by int) tea.Cmd {
	at := min(max(0, p.index()+by), len(p.rows)-1)
	if at < 0 {
		return nil
	}
	p.sel, p.chosen = p.rows[at].id, true
	p.gen++
	gen := p.gen
	return tea.Tick(restTime, func(time.Time) tea.Msg { return restMsg{gen} })
}

func (p *phaseScreen) scroll(k tea.KeyPressMsg, keys keyMap) (tea.Cmd, bool) {
	by := 0
	switch {
	case key.Matches(k, keys.Up):
		by = -1
	case key.Matches(k, keys.Down):
		by = 1
	case key.Matches(k, keys.PageUp):
		by = -10
	case key.Matches(k, keys.PageDown):
		by = 10
	case key.Matches(k, keys.Top):
		by = -len(p.rows)
	case key.Matches(k, keys.Bottom):
		by = len(p.rows)
	default:
		return nil, false
	}
	return p.move(by), true
}
