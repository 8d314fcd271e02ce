package plain

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"runbook/runbook"
	"runbook/runbook/book"
	"runbook/steps/safetext"
)

// errWord is what a line that is no answer gets.
var errWord = errors.New("that is no answer here; ? lists those that are")

// words that name a step and may carry text.
var stepWords = []string{
	runbook.RunStep, runbook.Recheck, runbook.Confirm, runbook.Decline, runbook.Decide, runbook.Approve,
	runbook.Reject, runbook.Sign, runbook.Tell, runbook.Accept, runbook.Skip, runbook.NA, runbook.ByHandIt, runbook.Cancel, runbook.CancelBackend,
}

// parse reads one line of input. An intent without a kind was a question about
// the state, and has been answered.
func (p *session) parse(line string) (runbook.Intent, error) {
	word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
	rest = strings.TrimSpace(rest)
	none := runbook.Intent{}
	switch {
	case word == "":
		return none, errWord
	case word == "?":
		p.list()
		return none, nil
	case word == "detach" && rest == "":
		return none, ErrDetached
	case word == "why":
		return none, p.why(rest)
	case word == runbook.Memo:
		return runbook.Intent{Kind: runbook.Memo, Text: rest}, nil
	case word == runbook.End && rest == "run":
		return runbook.Intent{Kind: runbook.End, Text: "ended by the operator"}, nil
	case word == runbook.Rollback && rest == "":
		return none, p.plans()
	case word == runbook.Rollback:
		return runbook.Intent{Kind: runbook.Rollback, Step: rest}, nil
	case !slices.Contains(stepWords, word):
		return none, errWord
	}
	id, text, _ := strings.Cut(rest, " ")
	step := p.Book().Step(id)
	if step == nil {
		return none, fmt.Errorf("no step is called %q: %s ID", id, word)
	}
	i := runbook.Intent{Kind: word, Step: id, Seen: p.seen[id].entry, Text: strings.TrimSpace(text)}
	if word == runbook.Sign {
		return p.sign(step, i)
	}
	if word == runbook.RunStep || word == runbook.Tell {
		i.Text = p.shown[id] // executed or sent as it was shown, or not at all
	}
	return i, nil
}

// list prints every answer that would be taken now.
func (p *session) list() {
	for _, i := range p.Next() {
		if form := p.form(i); form != "" {
			p.print("  %s", form+meant[i.Kind])
		}
	}
	p.print("  why ID")
	p.print("  detach")
}

// meant says of an answer what it is, where its words do not.
var meant = map[string]string{
	runbook.Approve: "   reported by you, no signature",
	runbook.Reject:  " REASON   reported by you, no signature",
	runbook.Sign:    "   with your key: what was shown; or approve|reject|withdraw NOTE for ROLE: shows that to sign",
}

// form is how an intent is typed.
func (p *session) form(i runbook.Intent) string {
	step := p.Book().Step(i.Step)
	switch i.Kind {
	case runbook.Accept, runbook.Skip, runbook.NA:
		return i.Kind + " " + i.Step + " REASON"
	case runbook.ByHandIt:
		return i.Kind + " " + i.Step + " WHO"
	case runbook.CancelBackend:
		return i.Kind + " " + i.Step + " " + i.Text
	case runbook.Confirm:
		return i.Kind + " " + i.Step + " " + value(step.Verb)
	case runbook.Decide:
		if ask, ok := step.Verb.(book.Ask); ok {
			return i.Kind + " " + i.Step + " " + strings.Join(ask.Decide.Choices, "|")
		}
	case runbook.Memo:
		return "memo TEXT"
	case runbook.End:
		return "end run"
	case runbook.Sign:
		role, _, _ := step.Signs()
		return i.Kind + " " + i.Step + " " + role
	case runbook.Check:
		return ""
	case runbook.Rollback, runbook.RunStep, runbook.Recheck, runbook.Decline, runbook.Approve, runbook.Reject, runbook.Tell, runbook.Cancel:
		return i.Kind + " " + i.Step
	}
	return ""
}

// value is what a confirmation states.
func value(verb book.Verb) string {
	switch ask, _ := verb.(book.Ask); {
	case ask.Form != nil:
		return ask.Form.Shape()
	case ask.Confirm == nil: // a message that somebody carried
		return "told"
	case ask.Confirm.Value != "":
		return safetext.Line(ask.Confirm.Value)
	}
	return "VALUE"
}

// answerLine is the line that an operator would have typed for an intent.
func (p *session) answerLine(i runbook.Intent) string {
	if i.Kind == runbook.Jump {
		return "the practice clock jumps to " + p.State().NextSlot(p.Book()).UTC().Format("2006-01-02 15:04:05Z")
	}
	if i.Kind == runbook.Sign {
		role, _, _ := p.Book().Step(i.Step).Signs()
		return i.Kind + " " + i.Step + " " + role
	}
	return safetext.Line(strings.TrimSpace(i.Kind + " " + i.Step + " " + i.Text))
}

// why prints all that is known of a step.
func (p *session) why(id string) error {
	step := p.Book().Step(id)
	if step == nil {
		return fmt.Errorf("no step is called %q: why ID", id)
	}
	for _, line := range slices.Concat(Why(p.Book(), p.State(), step), liveLines(p.Live(id))) {
		p.print("  %s", line)
	}
	return nil
}

// Why is all that is known of a step: its state, its evidence, its note and
// the hints of the book that fit.
func Why(b *book.Book, r *runbook.Run, step *book.Step) []string {
	st := r.Step(step)
	lines := []string{safetext.Line(step.ID) + "  " + safetext.Line(step.Title) + ": " + Word(st) + "  " + Saw(st)}
	if step.Note != "" {
		lines = append(lines, "note: "+safetext.Line(step.Note))
	}
	if res := st.Result; res != nil {
		if res.Where != "" {
			lines = append(lines, "where: "+safetext.Line(res.Where))
		}
		for _, e := range res.Evidence {
			lines = append(lines, "saw: "+Value(e))
		}
		lines = append(lines, fmt.Sprintf("when: %s, took %s", res.Began.UTC().Format("2006-01-02 15:04:05Z"), res.Took))
	}
	if st.State.Open() {
		for _, h := range runbook.Hints(b, step, Saw(st)) {
			lines = append(lines, "hint: "+safetext.Line(h.Issue)+": "+safetext.Line(h.Say))
		}
		for _, c := range b.Contacts {
			lines = append(lines, "call: "+safetext.Line(c.Level)+" "+safetext.Line(c.Name)+", answers in "+safetext.Line(c.Response))
		}
	}
	return lines
}

func (p *session) plans() error {
	plans := p.State().Plans(p.Book())
	if len(plans) == 0 {
		return errors.New("nothing that ran has a plan that undoes it")
	}
	for _, plan := range plans {
		p.print("  rollback %s   %s", plan.ID, safetext.Line(plan.Title))
		p.print("      when %s; loses %s; takes %s", safetext.Line(plan.When), safetext.Line(plan.Loses), safetext.Line(plan.Takes))
		for _, line := range NotUndone(p.Book(), p.State(), plan) {
			p.print("      %s", line)
		}
	}
	return nil
}
