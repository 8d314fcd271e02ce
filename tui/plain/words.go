// Package plain is the session in lines: for dumb terminals, serial consoles,
// screen readers and tests. Its words are the screen's words too.
package plain

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"runbook/runbook"
	"runbook/runbook/book"
	"runbook/runbook/report"
	"runbook/steps"
	"runbook/steps/safetext"
)

// Mark is the one-character sign of a state, as in a report.
func Mark(st runbook.StepState) string { return report.Mark(st) }

// Word is the state in a word or two; marks on it (warned, rehearsed) show.
func Word(st runbook.StepState) string {
	word := st.State.String()
	if st.State == runbook.Passed && st.Result != nil && st.Result.Verdict == steps.Warn {
		word = "warning"
	}
	if st.State == runbook.Failed && st.Partly {
		word = "partly done"
	}
	if st.State == runbook.Unknown && st.Result != nil && st.Result.Verdict == steps.Blocked {
		word = "blocked"
	}
	switch {
	case st.Signed != nil:
		word += ", signed"
	case st.Reported:
		word += ", reported"
	}
	if st.Rehearsed && st.State != runbook.Pending {
		word += ", rehearsed"
	}
	return word
}

// Saw says in one line what is known of a step: its reason, else its first
// evidence, and where that was seen. The text is safe to show.
func Saw(st runbook.StepState) string {
	var parts []string
	add := func(s string) {
		if s != "" {
			parts = append(parts, s)
		}
	}
	if st.Who != "" {
		add("by " + st.Who)
	}
	add(st.Answer)
	if st.Signed != nil {
		add("by " + st.Signed.By())
	}
	if st.Verified && st.State != runbook.ByHand {
		add("by its verify, " + cmp.Or(st.Ended, "its own end was not seen") + ":")
	}
	if st.State != runbook.Pending {
		add(st.Reason)
	}
	if n := len(st.Slots); n > 0 {
		add(slots(st))
	}
	if r := st.Result; r != nil && (st.State == runbook.Passed || st.State.Open()) {
		if r.Reason != "" && !strings.HasSuffix(st.Reason, r.Reason) { // a verify's stands behind what it makes of the step
			add(r.Reason)
		} else if len(r.Evidence) > 0 && r.Reason == "" {
			add(Value(r.Evidence[0]))
		}
		add(r.Where)
	}
	return safetext.Line(strings.Join(parts, "  "))
}

// Known is the state and what Saw says of it, without the same word twice.
func Known(st runbook.StepState) string {
	word, saw := Word(st), Saw(st)
	if strings.HasPrefix(saw, word) { // an answer in the same word
		return saw
	}
	return strings.TrimSpace(word + "  " + saw)
}

func slots(st runbook.StepState) string {
	failed, gaps, unknown := 0, 0, 0
	for _, s := range st.Slots {
		switch {
		case s.Gap:
			gaps++
		case s.Verdict == steps.Fail:
			failed++
		case s.Verdict == steps.Unknown || s.Verdict == steps.Blocked:
			unknown++
		}
	}
	return fmt.Sprintf("slot %d, %d failed, %d unknown, %d missed", st.Slots[len(st.Slots)-1].K, failed, unknown, gaps)
}

// Aside is a look out of turn in one line.
func Aside(id string, result steps.Result) string {
	st := runbook.StepState{State: runbook.StateOf(result.Verdict), Result: &result}
	return fmt.Sprintf("%s %-14s %-28s %s", Mark(st), result.Verdict, id, Saw(st))
}

// Value is a line of evidence: what was seen beside its limit.
func Value(e steps.Evidence) string {
	text := e.Label + " " + e.Value
	if e.Unit != "" {
		text += " " + e.Unit
	}
	if e.Limit != "" {
		text += ", limit " + e.Limit
	}
	return safetext.Line(text)
}

// Sorted are the steps of a phase as an operator reads them: what is wrong
// first, then what waits for a person, then what goes on, the rest as the book
// has it.
func Sorted(r *runbook.Run, p *book.Phase) []*book.Step {
	rank := func(s *book.Step) int {
		switch r.Step(s).State {
		case runbook.Failed, runbook.Declined:
			return 0
		case runbook.Unknown:
			return 1
		case runbook.Running:
			return 2
		case runbook.Pending:
			return 3
		default:
			return 4
		}
	}
	sorted := slices.Clone(p.Steps)
	slices.SortStableFunc(sorted, func(a, b *book.Step) int { return rank(a) - rank(b) })
	return sorted
}

// countOrder is how states are counted out loud.
var countOrder = []runbook.State{
	runbook.Failed, runbook.Declined, runbook.Unknown, runbook.Running, runbook.Pending, runbook.Passed,
	runbook.Confirmed, runbook.Accepted, runbook.ByHand, runbook.Skipped, runbook.NotApplicable,
}

// Counts is "19 passed  2 FAILED  1 unknown": what is wrong in capitals.
func Counts(n map[runbook.State]int) string {
	var parts []string
	for _, state := range countOrder {
		if n[state] == 0 {
			continue
		}
		word := state.String()
		if state == runbook.Failed || state == runbook.Declined {
			word = strings.ToUpper(word)
		}
		parts = append(parts, fmt.Sprintf("%d %s", n[state], word))
	}
	return strings.Join(parts, "  ")
}

// ReadBack is what is read at the pause point: the counts, and every step that
// did not simply pass, by name and with its reason.
func ReadBack(r *runbook.Run, p *book.Phase) []string {
	rehearsed := 0
	for _, s := range p.Steps {
		if r.Step(s).Rehearsed {
			rehearsed++
		}
	}
	lines := []string{strings.ToUpper(Title(p.Title, p.ID)) + "  " + Counts(r.Counts(p))}
	if rehearsed > 0 {
		lines[0] += fmt.Sprintf("  (%d rehearsed)", rehearsed)
	}
	for _, s := range p.Steps {
		st := r.Step(s)
		said := st.State == runbook.NotApplicable && st.Seen > 0 // by a person, not by the book
		if said || st.Verified || st.Reported || st.State == runbook.Accepted || st.State == runbook.Skipped || st.State == runbook.ByHand {
			title := Title(s.Title, s.ID)
			if s.Critical && st.State == runbook.Accepted {
				title = "CRITICAL " + title
			}
			lines = append(lines, fmt.Sprintf(" %s %s  %s  %s", Mark(st), Word(st), title, Saw(st)))
		}
		if slices.Contains(r.Warnings(p), s) {
			lines = append(lines, fmt.Sprintf(" ! warning  %s  %s", Title(s.Title, s.ID), Saw(st)))
		}
	}
	for i, line := range lines {
		lines[i] = safetext.Line(line)
	}
	return lines
}

// NotUndone are lines about what ran and stays when a plan is walked, or stayed
// when it was. Nothing if it undoes all, or if no plan is chosen.
func NotUndone(b *book.Book, r *runbook.Run, p *book.Plan) []string {
	if p == nil {
		return nil
	}
	stays, named := r.Stays(b, p)
	ids, lines := make([]string, len(stays)), make([]string, len(stays))
	for i, s := range stays {
		ids[i] = s.ID
		lines[i] = safetext.Line(strings.TrimRight("not undone by this: "+s.ID+"  "+s.Title, " "))
	}
	if len(stays) > 0 && !named {
		return []string{"the book does not say whether this undoes: " + strings.Join(ids, ", ")}
	}
	return lines
}

// Frame is the word in the corner: PRACTICE, or PRODUCTION unless the run's
// var "environment" says that it is another real place, and no guard that it
// is this one.
func Frame(r *runbook.Run) string {
	switch environment := r.Vars["environment"]; {
	case r.Practice:
		return "PRACTICE"
	case r.Guard:
		return "PRODUCTION"
	case environment != "":
		return strings.ToUpper(safetext.Line(environment))
	}
	return "PRODUCTION"
}

// Title is the title for people, or the id where the book gives none.
func Title(title, id string) string {
	if title == "" {
		return id
	}
	return title
}

// Ago is an age for people: "3 s", "41 min", "2 h", "3 d".
func Ago(d time.Duration) string {
	switch {
	case d < 0:
		return "0 s"
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d d", int(d.Hours()/24))
}

// Farewell is what stays in the scrollback after the screen has gone: eight
// lines at most, and how to come back.
func Farewell(b *book.Book, r *runbook.Run, n uint64, headCode string) []string {
	frame := "run"
	if r.Practice {
		frame = "PRACTICE run"
	}
	where := "all phases closed"
	if r.Plan != "" {
		where = "plan " + r.Plan + " walked to its end"
	}
	if r.Plan == "" && r.Mode == runbook.ModeRollback {
		where = "no plan is chosen yet"
	}
	if p := r.Phase(b); p != nil {
		where = "in " + Title(p.Title, p.ID) + ": " + Counts(r.Counts(p))
	}
	lines := []string{
		fmt.Sprintf("%s %s  %s on %s  %s", frame, r.Short(), r.Book, r.Target, r.Mode),
		where,
	}
	if stays := NotUndone(b, r, r.PlanWalked(b)); len(stays) > 0 {
		more := ""
		if n := len(stays) - 1; n > 0 {
			more = fmt.Sprintf(", and %d more", n)
		}
		lines = append(lines, stays[0]+more)
	}
	if r.Unrecorded > 0 {
		lines = append(lines, fmt.Sprintf("NOT RECORDED: %d entries could not be written to %s", r.Unrecorded, r.Dir))
	}
	if where := r.Away(); where != "" {
		lines = append(lines, "NOT RECORDED in the home, which was full: this run lies in "+where)
	}
	lines = append(lines, fmt.Sprintf("log %d entries, head %s", n, headCode))
	if r.Ended.IsZero() {
		return append(lines, "go on with: runbook resume "+r.Short())
	}
	return append(lines, strings.ToUpper(r.Outcome)+" "+r.Ended.UTC().Format("2006-01-02 15:04:05Z")+"   check it: runbook log verify "+r.Short())
}
