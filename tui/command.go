package tui

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"runbook/runbook"
	"runbook/runbook/book"
	"runbook/steps"
	"runbook/steps/safetext"
	"runbook/tui/plain"
)

// outputShare is how many lines of a pane the output keeps, whatever else
// there is to say.
const outputShare = 4

// commandPane shows a command while it runs: how long, what stands in its way,
// what is known beside it, and the end of what it printed, full width.
func (m *model) commandPane(step *book.Step, w, h int) []string {
	live := m.snap.live[step.ID]
	lines := prose(" "+strings.Join(m.runningHead(step, live), "  "), w)
	for _, text := range m.trouble(step, live) {
		lines = append(lines, prose(" "+m.styles.Warn.Render("! "+text), w)...)
	}
	for _, text := range plain.Hosts(step, m.snap.run.Step(step)) {
		lines = append(lines, fit(" "+text, w))
	}
	lines = append(lines, m.beside(live, w)...)
	lines = append(lines, m.styles.Dim.Render(" "+m.goesOn(step)))
	if room := h - outputShare; len(lines) > room && room > 0 {
		lines = append(lines[:room-1], m.styles.Dim.Render(" .. i shows all of it"))
	}
	room := h - len(lines)
	if m.tail.step != step.ID || room <= 0 {
		return lines
	}
	out := m.tail.lines
	for _, line := range out[max(0, len(out)-room):] {
		lines = append(lines, "│"+fit(line, w-1))
	}
	return lines
}

func (m *model) goesOn(step *book.Step) string {
	if runbook.Interactive(step) {
		return "interactive: o hands it this terminal, Ctrl-] takes it back"
	}
	if len(step.On) > 0 {
		return "goes on there, also without the connection; enter does nothing here"
	}
	return "goes on without this screen; enter does nothing here"
}

// runningHead is the clock of a command: how long it has run, usually runs,
// and may run before somebody is asked.
func (m *model) runningHead(step *book.Step, live runbook.Live) []string {
	elapsed := m.clock.Sub(m.snap.run.Step(step).At)
	head := []string{m.styles.Human.Render("RUNNING " + span(elapsed))}
	if usual := plain.Usually(live.Usual); usual != "" {
		head = append(head, usual)
	}
	if v, _ := step.Verb.(book.Run); v.Command != nil {
		if limit := v.Command.AskAfter.D(); limit > 0 && elapsed < limit {
			head = append(head, "asks at "+span(limit))
		}
		if limit := v.Command.KillAfter.D(); limit > 0 {
			head = append(head, m.styles.Warn.Render("cancelled by itself at "+span(limit)))
		}
	}
	if m.tail.step == step.ID && !m.tail.last.IsZero() {
		head = append(head, "last output "+plain.Ago(m.clock.Sub(m.tail.last))+" ago")
	}
	return head
}

// trouble is what an operator must know of a running command first.
func (m *model) trouble(step *book.Step, live runbook.Live) []string {
	var all []string
	add := func(when bool, format string, args ...any) {
		if when {
			all = append(all, fmt.Sprintf(format, args...))
		}
	}
	add(m.cancelled[step.ID], "cancel was asked; c again sends the next signal at once: SIGINT, SIGTERM, SIGKILL")
	all = append(all, plain.Standing(live)...)
	if blocked := plain.Blocked(live); blocked != "" {
		add(true, "%s; c cancels ours only", blocked)
	}
	if live.Silent {
		add(true, "SILENT for %s, longer than it was so far", span(m.clock.Sub(live.Output)))
	}
	if v, _ := step.Verb.(book.Run); v.Command != nil && v.Command.AskAfter > 0 {
		elapsed, limit := m.clock.Sub(m.snap.run.Step(step).At), v.Command.AskAfter.D()
		add(elapsed >= limit, "LONGER THAN %s: wait, or c cancels", span(limit))
	}
	return all
}

// beside is what the during checks and the sessions of a command show now,
// what is wrong first.
func (m *model) beside(live runbook.Live, w int) []string {
	var lines []string
	looks := slices.Clone(live.During)
	slices.SortStableFunc(looks, func(a, b runbook.Beside) int { return int(verdictRank(b.Result) - verdictRank(a.Result)) })
	for _, look := range looks {
		step := m.book.Step(look.Step)
		if look.Result.Began.IsZero() {
			continue // not looked at yet
		}
		st := runbook.StepState{State: runbook.StateOf(look.Result.Verdict), Result: &look.Result}
		text := " " + m.styles.of(st).Render(plain.Mark(st)) + " " + titleOf(step) + "  " + plain.Saw(st)
		if ago := m.clock.Sub(look.Result.Began.Add(look.Result.Took)); ago > staleLook {
			text += "  " + plain.Ago(ago) + " ago"
		}
		lines = append(lines, fit(text, w))
	}
	for _, line := range plain.Backends(live) {
		lines = append(lines, m.styles.Dim.Render(fit(" "+safetext.Line(line), w)))
	}
	return lines
}

// staleLook is from when on the age of a look beside a command is told.
const staleLook = 10 * time.Second

// verdictRank is higher the sooner it should be read.
func verdictRank(r steps.Result) steps.Verdict {
	if r.Verdict == steps.Fail {
		return steps.Pass + 1
	}
	return steps.Pass - r.Verdict
}
