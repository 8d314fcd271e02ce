package tui

import (
	"fmt"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"runbook/runbook"
	"runbook/runbook/book"
	"runbook/steps/safetext"
)

// plansScreen lists the ways back. One is picked by its number, and begun by
// typing its name.
type plansScreen struct {
	plans  []*book.Plan
	page   page
	picked *book.Plan
	typing *field
}

func newPlans(_ *model, plans []*book.Plan) *plansScreen {
	p := &plansScreen{plans: plans}
	var lines []string
	for i, plan := range plans {
		lines = append(lines, fmt.Sprintf("%d %s  (%s, %d steps)", i+1, safetext.Line(plan.Title), plan.ID, len(plan.Steps)))
		for _, part := range [][2]string{{"when", plan.When}, {"LOSES", plan.Loses}, {"takes", plan.Takes}} {
			if part[1] == "" {
				part[1] = "the book does not say"
			}
			lines = append(lines, fmt.Sprintf("    %-6s %s", part[0], safetext.Line(part[1])))
		}
	}
	p.page = newPage(lines)
	return p
}

func (p *plansScreen) text() *field { return p.typing }

func (p *plansScreen) body(m *model, w, h int) body {
	lines := []string{m.styles.Title.Render(" ROLLBACK  which way back?")}
	var foot []string
	var cursor *tea.Cursor
	if p.typing == nil {
		foot = m.human("a number picks a plan; nothing is picked for you", w)
	} else {
		var line string
		line, cursor = p.typing.line(w)
		foot = append(m.human("type "+p.picked.ID+" and enter: the way back begins", w), line)
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
		p.picked, p.typing = p.plans[n], newField("")
	case key.Matches(k, b.Enter):
		m.say("enter picks no plan: its number does")
	}
	return nil
}

func (p *plansScreen) typed(m *model, k tea.KeyPressMsg) tea.Cmd {
	switch {
	case k.Code == tea.KeyEscape:
		p.picked, p.typing = nil, nil
	case k.Code != tea.KeyEnter:
	case p.typing.value() != p.picked.ID:
		m.warn("that is not its name: " + p.picked.ID + ". Nothing was begun")
	default:
		i, ok := m.intent(runbook.Rollback, p.picked.ID)
		m.home()
		if !ok {
			m.warn("this plan can't be begun any more: look again")
			return nil
		}
		return m.do(i)
	}
	return nil
}

func (p *plansScreen) keys(m *model) []binding {
	if p.typing != nil {
		return []binding{says(m.bindings.Enter, "begin "+p.picked.ID), escape()}
	}
	return []binding{says(m.bindings.Number, "pick a plan"), m.bindings.Back}
}
