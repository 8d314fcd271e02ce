package tui

import (
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"runbook/runbook"
	"runbook/runbook/book"
	"runbook/steps/safetext"
	"runbook/tui/plain"
)

// The smallest terminal that shows anything, and the width from which things
// stand side by side.
const (
	minWidth, minHeight = 30, 10
	wide                = 70
	keyRows             = 2
)

const tooSmall = "too small: 40x20"

// frame is the whole screen: header, body, notice, keys.
func (m *model) frame() (string, *tea.Cursor) {
	if m.w < minWidth || m.h < minHeight {
		return fit(tooSmall, m.w), nil
	}
	head := m.head()
	notice := m.noticeLines()
	room := m.h - len(head) - len(notice) - keyRows
	b := m.top().body(m, m.w, room)
	lines := append(head, b.lines[:min(len(b.lines), room)]...)
	for len(lines) < len(head)+room {
		lines = append(lines, "")
	}
	lines = append(lines, notice...)
	lines = append(lines, m.keyLines(m.looking(m.top().keys(m)), m.looking(m.common()))...) // after the body: they depend on what was seen
	for i, line := range lines {
		lines[i] = fit(line, m.w)
	}
	if b.cursor != nil {
		b.cursor.Y += len(head)
	}
	return strings.Join(lines, "\n"), b.cursor
}

// head says in which world, where, what and who; then how far the run is; then
// what the log could not take. Production has a whole line under it, practice
// a broken one.
func (m *model) head() []string {
	r := m.snap.run
	clock := m.clock.UTC().Format("15:04:05Z")
	if r == nil {
		return []string{both(m.styles.Title.Render(" runbook"), clock, m.w), m.rule()}
	}
	word := m.styles.Production.Render(" " + plain.Frame(r) + " ")
	if r.Practice {
		word = m.styles.Practice.Render(" " + plain.Frame(r) + " ")
	}
	if r.Mode == runbook.ModeRollback || r.Plan != "" {
		word += " " + m.styles.Bad.Render("ROLLBACK")
	}
	where := word + " " + m.styles.Title.Render(safetext.Line(r.Target))
	what := m.what(r)
	lines := []string{both(where+"  "+what, clock, m.w)}
	if ansi.StringWidth(where+"  "+what)+len(clock) >= m.w {
		lines = []string{both(where, clock, m.w), " " + what}
	}
	if m.reads() && m.w < wide {
		lines = append(lines, " "+m.drives(r))
	}
	lines = append(lines, m.strip(r, m.w), m.rule())
	if text := m.unrecorded(r); text != "" {
		lines = append(lines, m.styles.Bad.Render(fit(text, m.w)))
	}
	return lines
}

func (m *model) what(r *runbook.Run) string {
	parts := []string{safetext.Line(r.Book)}
	if release := r.Vars[m.book.Release(r.Vars)]; release != "" {
		parts[0] += " " + safetext.Line(release)
	}
	for _, name := range r.Demands {
		parts = append(parts, safetext.Line(r.Vars[name]))
	}
	parts = append(parts, r.Short())
	if r.Operator != "" && (!m.reads() || m.w >= wide) {
		parts = append(parts, m.drives(r))
	}
	return strings.Join(parts, "  ")
}

// drives says who drives, and who only looks.
func (m *model) drives(r *runbook.Run) string {
	who := safetext.Line(r.Operator)
	switch {
	case !m.reads():
		return who + " drives"
	case m.snap.reads.Driver == "":
		return "nobody drives, you follow"
	}
	return who + " drives, you follow"
}

func (m *model) unrecorded(r *runbook.Run) string {
	if m.missing != "" {
		return m.missing
	}
	if m.reads() && m.snap.reads.Err != nil {
		return "THE LOG CAN'T BE READ FURTHER: " + explain(m.snap.reads.Err)
	}
	if r.Unrecorded > 0 {
		return "NOT RECORDED: the log can't be written; what is done now is written later"
	}
	if where := r.Away(); where != "" {
		return "NOT RECORDED in the home, which is full: this run lies in " + safetext.Line(where)
	}
	return ""
}

func (m *model) rule() string {
	if r := m.snap.run; r != nil && r.Practice {
		return strings.Repeat("- ", m.w/2)
	}
	return strings.Repeat("─", m.w)
}

// strip is the row of phases, around the one that is open.
func (m *model) strip(r *runbook.Run, w int) string {
	phases := r.Sequence(m.book)
	open := r.Phase(m.book)
	at := len(phases) - 1
	texts := make([]string, len(phases))
	room := 16
	if len(phases) == 1 {
		room = w / 2
	}
	for i, p := range phases {
		name := safetext.Line(plain.Title(p.Title, p.ID))
		switch {
		case p == open || open != nil && p.ID == open.ID:
			at = i
			settled, all := settledOf(r, p)
			texts[i] = m.styles.Title.Render(fit("> "+name, w/2) + " " + itoa(settled) + "/" + itoa(all))
		case r.Phases[p.ID].Closed.IsZero():
			texts[i] = "· " + fit(name, room)
		default:
			texts[i] = m.styles.Good.Render("✓") + " " + fit(name, room)
		}
	}
	for from := 0; from < at; from++ {
		if ansi.StringWidth(strings.Join(texts[from:at+1], "  "))+1 <= w {
			return " " + strings.Join(texts[from:], "  ")
		}
	}
	if len(texts) == 0 {
		return " no plan is chosen"
	}
	return " " + strings.Join(texts[at:], "  ")
}

func settledOf(r *runbook.Run, p *book.Phase) (settled, all int) {
	for _, s := range p.Steps {
		if r.Step(s).State.Settled() {
			settled++
		}
	}
	return settled, len(p.Steps)
}

// noticeLines are what has to be said once, above the keys.
func (m *model) noticeLines() []string {
	if m.notice == "" {
		return []string{""}
	}
	text := m.notice
	if m.bad {
		text = m.styles.Bad.Render("!") + " " + text
	}
	lines := prose(" "+text, m.w)
	if most := max(3, m.h/3); len(lines) > most {
		lines = append(lines[:most-1], fit(lines[most-1], m.w-3)+" ..")
	}
	return lines
}

// keyLines lays the keys out in two rows: those of the screen from the left,
// the common ones at the right of the last row, where they stay while the
// others change. Where they do not fit, memo and end give way, then the last
// of the screen's; never the ways back and out, and the list of all keys.
func (m *model) keyLines(own, common []binding) []string {
	gives := []string{m.bindings.End.Help().Key, m.bindings.Memo.Help().Key}
	for {
		right := m.keyText(common)
		free := m.w - ansi.StringWidth(right)
		rows, fits := m.keyRows(own, [keyRows]int{m.w, free})
		switch {
		case fits && free >= 0 || len(own) <= 1 && len(gives) == 0:
			left := m.keyText(rows[1])
			return []string{m.keyText(rows[0]), left + spaces(max(0, free-ansi.StringWidth(left))) + right}
		case len(gives) > 0 && m.w < wide:
			common = slices.DeleteFunc(slices.Clone(common), func(b binding) bool { return b.Help().Key == gives[0] })
			gives = gives[1:]
		case len(own) > 1:
			own, gives = own[:len(own)-1], nil
		default:
			gives = nil
		}
	}
}

func (m *model) keyText(bindings []binding) string {
	text := ""
	for _, b := range bindings {
		text += " " + m.styles.Key.Render(b.Help().Key) + " " + safetext.Line(b.Help().Desc) + " "
	}
	return text
}

// keyRows puts bindings into rows of these widths, and reports whether all of
// them fit.
func (m *model) keyRows(bindings []binding, room [keyRows]int) (rows [keyRows][]binding, fits bool) {
	row := 0
	for _, b := range bindings {
		need := ansi.StringWidth(m.keyText([]binding{b}))
		for row < keyRows && need > room[row] {
			row++
		}
		if row == keyRows {
			return rows, false
		}
		rows[row] = append(rows[row], b)
		room[row] -= need
	}
	return rows, true
}
