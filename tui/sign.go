package tui

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"runbook/runbook"
	"runbook/runbook/book"
	"runbook/runbook/journal"
	"runbook/runbook/report"
	"runbook/steps/safetext"
	"runbook/tui/plain"
)

// signScreen shows what the driver's key would sign about a step, byte for
// byte, and signs that once the role is typed. enter alone never signs.
type signScreen struct {
	step   *book.Step
	intent runbook.Intent
	role   string

	statement journal.Signoff
	ready     bool // it is made and shown
	failed    string
	page      page
	need      int // how much of the text comes before the report that is named
	field     *field
}

// statementMsg is what would be signed, with which key, and the report that it
// names, or why it can't be signed.
type statementMsg struct {
	step      string
	signer    runbook.Signer
	statement journal.Signoff
	report    []byte
	err       error
}

// openSign asks for what the driver's key would sign about a step.
func (m *model) openSign(s *book.Step) tea.Cmd {
	i, ok := m.intent(runbook.Sign, s.ID)
	if !ok {
		m.warn(s.ID + " can't be signed now")
		return nil
	}
	role, _, _ := s.Signs()
	return tea.Batch(m.ask(&signScreen{step: s, intent: i, role: role}), m.statement(s, journal.DecisionApprove, ""))
}

// statement makes what would be signed.
func (d *deeds) statement(s *book.Step, decision, note string) tea.Cmd {
	session, ctx, report := d.session, d.ctx, d.report
	return func() tea.Msg {
		msg := statementMsg{step: s.ID}
		if msg.signer, msg.err = session.Signer(ctx, s, decision); msg.err != nil {
			return msg
		}
		if msg.statement, msg.err = session.Statement(context.WithoutCancel(ctx), s, decision, note); msg.err == nil && report != nil {
			msg.report, msg.err = report(session.State().Dir, msg.statement.N)
		}
		return msg
	}
}

func (g *signScreen) text() *field { return g.field }

// hear takes over what would be signed.
func (g *signScreen) hear(m *model, msg tea.Msg) tea.Cmd {
	got, ok := msg.(statementMsg)
	if !ok || got.step != g.step.ID {
		return nil
	}
	if got.err != nil {
		g.failed, g.ready = explain(got.err), false
		return nil
	}
	g.statement, g.ready, g.failed, g.field = got.statement, true, "", nil
	lines := append(signed(m), "", "with "+safetext.Line(got.signer.By()), "")
	for line := range strings.Lines(got.statement.Text()) {
		lines = append(lines, rail+strings.TrimSuffix(line, "\n"))
	}
	g.need = len(lines)
	if len(got.report) > 0 {
		lines = append(append(lines, "", "the report it names, in full:", ""), strings.Split(safetext.Block(string(got.report)), "\n")...)
	}
	g.page = newPage(lines)
	return m.gate.shut() // what is signed is on the screen only now
}

// signed is what a person knows before signing.
func signed(m *model) []string {
	var lines []string
	if line := runbook.SignoffLine(m.snap.run.Signoffs(m.book)); line != "" {
		lines = append(lines, safetext.Line(line))
	}
	return append(lines, report.Facts(m.book, m.snap.run)...)
}

// seen reports whether the whole statement has been on the screen.
func (g *signScreen) seen() bool {
	p := &g.page
	before := page{text: p.text[:g.need]}
	return p.w > 0 && p.top+p.h >= len(before.wrapped(p.w))
}

// moved reports whether the log has gone on behind what is shown.
func (g *signScreen) moved(m *model) bool { return g.ready && m.snap.run.Entries > g.statement.N }

func (g *signScreen) body(m *model, w, h int) body {
	what := " SIGN as "
	if g.ready {
		what = " SIGN " + strings.ToUpper(g.statement.Decision) + " as "
	}
	lines := []string{m.styles.Title.Render(what + g.role + "  " + titleOf(g.step))}
	switch {
	case g.failed != "":
		lines = append(lines, prose(m.styles.Bad.Render("! it can't be signed here: ")+g.failed, w)...)
		for _, l := range plain.Elsewhere(m.snap.run, g.role) {
			lines = append(lines, prose(" "+l, w)...)
		}
		return body{lines: lines}
	case !g.ready:
		return body{lines: append(lines, " reading what is signed ..")}
	}
	foot := m.human(g.ask(m), w)
	shown := g.page.body(w-1, h-len(lines)-max(len(foot), len(m.human(g.typing(), w)))-2)
	if g.field == nil && g.seen() && !g.moved(m) {
		g.field = newField("")
		foot = m.human(g.ask(m), w)
	}
	for _, l := range shown {
		lines = append(lines, " "+l)
	}
	lines = append(append(lines, m.styles.Dim.Render("── "+g.page.where())), foot...)
	if g.field == nil {
		return body{lines: lines}
	}
	line, cursor := g.field.line(w)
	cursor.Y = len(lines)
	return body{lines: append(lines, line), cursor: cursor}
}

// typing says what the field takes.
func (g *signScreen) typing() string {
	return fmt.Sprintf("type %s and enter: this %s is signed. Or type approve NOTE, reject WHY or withdraw: that is shown to sign", g.role, g.statement.Decision)
}

// ask says what comes next.
func (g *signScreen) ask(m *model) string {
	switch {
	case g.moved(m):
		return "the log has moved behind what is shown: enter shows it anew"
	case g.field != nil:
		return g.typing()
	}
	return "enter shows the rest; nothing is signed yet"
}

func (g *signScreen) key(m *model, k tea.KeyPressMsg) tea.Cmd {
	enter := k.Code == tea.KeyEnter
	switch {
	case k.Code == tea.KeyEscape, g.field == nil && key.Matches(k, m.bindings.Back):
		return m.pop()
	case enter && !g.ready:
		return nil
	case enter && g.moved(m):
		return g.again(m, g.statement.Decision, g.statement.Note)
	case enter && g.field == nil:
		g.page.down()
	case enter:
		return g.typed(m, g.field.value())
	default:
		g.page.key(k, m.bindings)
	}
	return nil
}

// typed signs what is shown if text is the role, or shows another decision.
func (g *signScreen) typed(m *model, text string) tea.Cmd {
	decision, note, _ := strings.Cut(text, " ")
	switch {
	case text == g.role:
		i := g.intent
		i.Text = g.statement.Text()
		m.home()
		return m.do(i)
	case slices.Contains([]string{journal.DecisionApprove, journal.DecisionReject, journal.DecisionWithdraw}, decision):
		return g.again(m, decision, strings.TrimSpace(note))
	}
	g.field = newField("")
	if text == "" {
		m.say("empty: nothing was signed")
		return nil
	}
	m.warn("that is not the role: " + g.role + ". Nothing was signed")
	return nil
}

// again has it made anew.
func (g *signScreen) again(m *model, decision, note string) tea.Cmd {
	if i, ok := m.intent(runbook.Sign, g.step.ID); ok { // as it stands now
		g.intent = i
	}
	g.ready, g.field = false, nil
	return m.statement(g.step, decision, note)
}

func (g *signScreen) keys(m *model) []binding {
	b := m.bindings
	switch {
	case !g.ready:
		return []binding{b.Back}
	case g.field == nil:
		return []binding{says(b.Enter, "the rest"), b.Scroll, b.Back}
	}
	return []binding{says(b.Enter, "sign, with the role typed"), b.Scroll, escape()}
}
