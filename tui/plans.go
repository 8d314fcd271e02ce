package tui

import (
	"fmt"
	"slices"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"runbook/runbook"
	"runbook/runbook/book"
	"runbook/steps/safetext"
	"runbook/tui/plain"
)

// plansScreen lists the ways back. One is opened by its number, and begun by
// typing its name on its page.
type plansScreen struct {
	run    *runbook.Run
	book   *book.Book
	undoes []string // what is taken back
	plans  []*book.Plan
	of     uint64 // the snapshot that they are of
	page   page
	picked *book.Plan
	typing *field
}

func newPlans(m *model, r *runbook.Run, plans []*book.Plan) *plansScreen {
	p := &plansScreen{run: r, book: m.book, undoes: m.undoes, plans: plans, of: m.snap.n}
	p.list()
	return p
}

// list shows all plans.
func (p *plansScreen) list() {
	p.picked, p.typing = nil, nil
	lines := slices.Clone(p.undoes)
	if len(p.plans) == 0 {
		lines = append(lines, "no plan of the book undoes anything that ran")
	}
	for i, plan := range p.plans {
		lines = append(lines, fmt.Sprintf("%d %s  (%s, %d steps)", i+1, safetext.Line(plan.Title), plan.ID, len(plan.Steps)))
		lines = append(lines, p.cost(plan)...)
	}
	p.page.set(lines)
}

// pick opens the page of one plan.
func (p *plansScreen) pick(plan *book.Plan) {
	p.picked, p.typing = plan, newField("")
	lines := append(slices.Clone(p.undoes), safetext.Line(plan.Title))
	lines = append(lines, p.cost(plan)...)
	for i, s := range plan.Steps {
		lines = append(lines, fmt.Sprintf("    %d. %s  (%s)", i+1, titleOf(s), kind(s)))
	}
	p.page = newPage(lines)
}

// cost is what a plan is for, what it loses, how long it takes, and what of
// what ran it leaves as it is.
func (p *plansScreen) cost(plan *book.Plan) []string {
	var lines []string
	for _, part := range [][2]string{{"when", plan.When}, {"LOSES", plan.Loses}, {"takes", plan.Takes}} {
		if part[1] == "" {
			part[1] = "the book does not say"
		}
		lines = append(lines, fmt.Sprintf("    %-6s %s", part[0], safetext.Line(part[1])))
	}
	for _, line := range plain.NotUndone(p.book, p.run, plan) {
		lines = append(lines, "    "+line)
	}
	return lines
}

func (p *plansScreen) text() *field { return p.typing }

func (p *plansScreen) body(m *model, w, h int) body {
	if p.picked == nil && p.of != m.snap.n { // what ran meanwhile has a way back too
		p.run, p.plans, p.of = m.snap.run, m.snap.run.Plans(m.book), m.snap.n
		p.list()
	}
	lines := []string{m.styles.Title.Render(" ROLLBACK  which way back?")}
	foot := m.human("a number opens a plan; nothing is picked for you", w)
	var cursor *tea.Cursor
	switch {
	case p.typing != nil:
		var line string
		line, cursor = p.typing.line(w)
		lines[0] = m.styles.Title.Render(" ROLLBACK  by " + p.picked.ID)
		foot = append(m.human("type "+p.picked.ID+" and enter: the way back begins", w), line)
	case len(p.plans) == 0:
		foot = m.human("esc goes to the run", w)
	}
	for _, l := range p.page.body(w-2, h-len(lines)-len(foot)-1) {
		lines = append(lines, " "+l)
	}
	lines = append(lines, m.styles.Dim.Render("── "+p.page.where()))
	if cursor != nil {
		cursor.Y = len(lines) + len(foot) - 1
	}
	return body{lines: append(lines, foot...), cursor: cursor}
}

func (p *plansScreen) key(m *model, k tea.KeyPressMsg) tea.Cmd {
	if p.typing != nil {
		return p.typed(m, k)
	}
	n := int(k.Code - '1')
	switch b := m.bindings; {
	case key.Matches(k, b.Back):
		return m.pop()
	case p.page.key(k, b):
	case key.Matches(k, b.Number) && n < len(p.plans):
		p.pick(p.plans[n])
	case key.Matches(k, b.Enter):
		m.say("enter picks no plan: its number does")
	default:
		m.nothing(k)
	}
	return nil
}

func (p *plansScreen) typed(m *model, k tea.KeyPressMsg) tea.Cmd {
	switch {
	case k.Code == tea.KeyEscape:
		p.page.top = 0
		p.list()
	case k.Code != tea.KeyEnter:
		p.page.key(k, m.bindings)
	case p.typing.value() != p.picked.ID:
		m.warn("that is not its name: " + p.picked.ID + ". Nothing was begun")
	default:
		i, ok := m.intent(runbook.Rollback, p.picked.ID)
		if !ok {
			m.warn("this plan can't be begun now: esc, and look at the run")
			return nil
		}
		m.home()
		m.begun = true
		return m.do(i)
	}
	return nil
}

func (p *plansScreen) keys(m *model) []binding {
	if p.typing != nil {
		return []binding{says(m.bindings.Enter, "begin "+p.picked.ID), m.bindings.Scroll, escape()}
	}
	if len(p.plans) == 0 {
		return []binding{m.bindings.Back}
	}
	return []binding{m.bindings.oneOf(len(p.plans), "open a plan"), m.bindings.Back}
}

// openRollback puts the ways back over everything else: a rollback was asked
// for. A plan that is walked already goes on, unless another was named.
func (m *model) openRollback(r *runbook.Run, plan string) {
	if r.Plan != "" && (plan == "" || plan == r.Plan) {
		m.say("plan " + r.Plan + " is walked already: it goes on. R lists the others")
		return
	}
	screen := newPlans(m, r, r.Plans(m.book))
	for _, p := range screen.plans {
		if p.ID == plan {
			screen.pick(p)
		}
	}
	m.layers = append(m.layers, layer{screen: screen, gated: true})
}
