package tui

import (
	"fmt"

	"github.com/charmbracelet/x/ansi"

	"runbook/runbook"
	"runbook/runbook/book"
	"runbook/tui/plain"
)

// folded is the row that stands for all that needs no eyes.
const folded = "\x00folded"

// row is a line of the list of steps, made once a state.
type row struct {
	id    string
	step  *book.Step // nil for the folded rest
	st    runbook.StepState
	title string
	saw   string
}

// rowsOf lists a phase as an operator reads it: what is wrong first, what went
// well folded into one row, or listed under it.
func rowsOf(r *runbook.Run, p *book.Phase, unfold bool) []row {
	var rows, calm []row
	passed, na := 0, 0
	for _, s := range plain.Sorted(r, p) {
		st := r.Step(s)
		one := row{id: s.ID, step: s, st: st, title: titleOf(s), saw: sawOf(r, s, st)}
		switch {
		case plain.Mark(st) == "✓" && st.State == runbook.Passed && !st.Rehearsed:
			passed++
			calm = append(calm, one)
		case st.State == runbook.NotApplicable:
			na++
			calm = append(calm, one)
		default:
			rows = append(rows, one)
		}
	}
	if len(calm) == 0 {
		return rows
	}
	fold := row{id: folded, st: runbook.StepState{State: runbook.Passed}, saw: "enter lists them"}
	switch {
	case na == 0:
		fold.title = fmt.Sprintf("%d passed", passed)
	case passed == 0:
		fold.title, fold.st.State = fmt.Sprintf("%d not applicable", na), runbook.NotApplicable
	default:
		fold.title = fmt.Sprintf("%d passed, %d not applicable", passed, na)
	}
	if unfold {
		fold.saw = "enter folds them"
		return append(append(rows, fold), calm...)
	}
	return append(rows, fold)
}

func sawOf(r *runbook.Run, s *book.Step, st runbook.StepState) string {
	if st.State == runbook.Pending {
		return due(r, s)
	}
	if st.State == runbook.Running {
		return "" // it moves: drawn anew each time
	}
	saw := plain.Saw(st)
	obvious := st.State == runbook.Passed || st.State == runbook.Failed
	if obvious && !st.Rehearsed && saw != "" {
		return saw
	}
	return plain.Known(st)
}

// rowLine draws a row w cells wide, its title in tw cells.
func (m *model) rowLine(x row, selected bool, w, tw int) string {
	mark := " "
	if selected {
		mark = m.styles.Key.Render(">")
	}
	style := m.styles.of(x.st)
	line := mark + style.Render(plain.Mark(x.st)) + " "
	title, saw := x.title, x.saw
	if x.loud() {
		title = m.critical(w) + title
	}
	right := ""
	if x.step != nil && w >= wide && x.st.State != runbook.Pending && x.st.Result != nil {
		right = took(x.st.Took)
	}
	if x.st.State == runbook.Running {
		saw = m.running(x, w-tw-5)
	}
	title = fit(title, tw)
	if x.st.State.Open() {
		title = style.Render(title)
	} else if x.st.State == runbook.Pending || x.step == nil {
		saw = m.styles.Dim.Render(saw)
	}
	return both(line+pad(title, tw)+"  "+saw, right, w)
}

// loud reports whether a row says that its step is critical: as long as it is
// not settled, or if a person let it pass.
func (x row) loud() bool {
	return x.step != nil && x.step.Critical && (!x.st.State.Settled() || x.st.State == runbook.Accepted)
}

func (m *model) critical(w int) string {
	if w < wide {
		return "CRIT "
	}
	return "CRITICAL "
}

// running is the moving part of a row, in w cells: how long a command runs, or
// the slots of a watch.
func (m *model) running(x row, w int) string {
	if v, ok := x.step.Verb.(book.Watch); ok {
		next := nextSlot(x.st, v, m.snap.world)
		return sparkline(x.st, v.Slots(), min(24, max(4, w-len(next)-4))) + "  " + next
	}
	return "RUNNING " + span(m.clock.Sub(x.st.At))
}

// titleWidth is the width of the column of titles.
func titleWidth(rows []row, w int) int {
	need := 12
	for _, x := range rows {
		n := ansi.StringWidth(x.title)
		if x.loud() {
			n += len("CRITICAL ")
		}
		need = max(need, n)
	}
	share := w / 2
	if w < wide {
		share = w * 3 / 5
	}
	return min(need, share)
}
