package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"runbook/runbook"
	"runbook/runbook/book"
	"runbook/steps"
	"runbook/steps/safetext"
)

// Facts is what a role should know of a run before it signs, in lines of safe
// text: what it was done to, what did not simply pass, what is open, and who
// else has signed.
func Facts(b *book.Book, r *runbook.Run) []string {
	world := "real"
	if r.Practice {
		world = "PRACTICE: it proves no person"
	}
	lines := []string{
		fmt.Sprintf("run      %s  %s of %s on %s", r.ID[:min(8, len(r.ID))], r.Mode, r.Book, r.Target),
		"world    " + world,
		"driven   by " + r.Operator + ", " + byKey(r.Key),
	}
	for _, name := range slices.Sorted(maps.Keys(r.Vars)) {
		if !b.Vars[name].Secret {
			lines = append(lines, "var      "+name+" = "+r.Vars[name])
		}
	}
	lines = append(lines, "steps    "+counts(Of(b, r, false, nil).Counts))
	for _, word := range []string{"rejected", "failed", "unknown", "accepted", "skipped", "by hand", "left out", "verified", "reported", "rehearsed", "warning"} {
		lines = append(lines, standsOut(b, r, word)...)
	}
	lines = append(lines, pending(b, r)...)
	for _, s := range r.Signatures {
		lines = append(lines, fmt.Sprintf("signed   %s %s %s, by %s at entry %d%s", s.Role, s.Decision, s.Scope, s.By(), s.Entry, quoted(s.Note)))
	}
	for _, want := range r.Signoffs(b) {
		line := "missing  " + want.Role + " " + want.Scope
		if want.By != nil {
			line += " (rejected)"
		}
		if want.Missing() {
			lines = append(lines, line)
		}
	}
	if !r.Ended.IsZero() {
		lines = append(lines, "ended    "+r.Outcome+" "+r.Ended.UTC().Format("2006-01-02 15:04:05Z"))
	}
	for i, line := range lines {
		lines[i] = safetext.Line(line)
	}
	return lines
}

// byKey is the key of a session, or that none signed it and why.
func byKey(key string) string {
	if why, none := strings.CutPrefix(key, "none: "); none {
		return "NOBODY SIGNED: " + why
	}
	return key
}

// standsOut are the steps of which a word holds.
func standsOut(b *book.Book, r *runbook.Run, word string) []string {
	var lines []string
	for _, p := range r.Sequence(b) {
		for _, step := range p.Steps {
			st := r.Step(step)
			if !slices.Contains(wordsOf(st), word) {
				continue
			}
			why := st.Reason
			if why == "" && st.Result != nil {
				why = st.Result.Reason
			}
			if st.Who != "" {
				why = strings.TrimSpace(st.Who + " " + why)
			}
			lines = append(lines, fmt.Sprintf("%-9s%s/%s%s", word, p.ID, step.ID, quoted(why)))
		}
	}
	return lines
}

// pending are the steps that are still to be done, a line for each phase.
func pending(b *book.Book, r *runbook.Run) []string {
	var lines []string
	for _, p := range r.Sequence(b) {
		var ids []string
		for _, step := range p.Steps {
			if st := r.Step(step).State; st == runbook.Pending || st == runbook.Running {
				ids = append(ids, step.ID)
			}
		}
		if len(ids) > 0 {
			lines = append(lines, "open     "+p.ID+": "+strings.Join(ids, ", "))
		}
	}
	return lines
}

// wordsOf are the words for which a step stands out.
func wordsOf(st runbook.StepState) []string {
	var all []string
	switch st.State {
	case runbook.Declined:
		all = append(all, "rejected")
	case runbook.Failed, runbook.Unknown, runbook.Accepted, runbook.Skipped, runbook.ByHand:
		all = append(all, st.State.String())
	case runbook.Passed:
		if st.Result != nil && st.Result.Verdict == steps.Warn {
			all = append(all, "warning")
		}
	case runbook.NotApplicable:
		if st.Seen > 0 { // by a person, not by the book
			all = append(all, "left out")
		}
	case runbook.Pending, runbook.Running, runbook.Confirmed:
	}
	if st.Verified {
		all = append(all, "verified")
	}
	if st.Reported {
		all = append(all, "reported")
	}
	if st.Rehearsed {
		all = append(all, "rehearsed")
	}
	return all
}

func quoted(text string) string {
	if text == "" {
		return ""
	}
	return fmt.Sprintf(": %q", text)
}
