package plain

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"runbook/runbook"
	"runbook/runbook/book"
	"runbook/steps/safetext"
)

// prompt says where and what, and then which answers would be taken. There is
// no default.
func (p *session) prompt(ctx context.Context, r *runbook.Run) {
	phase := r.Phase(p.Book())
	next := p.Next()
	step := p.focus(r, phase, next)
	p.goesOn(ctx, r, step)
	if where := r.Away(); where != "" {
		p.print("! NOT RECORDED in the home, which is full: this run lies in %s", safetext.Line(where))
	}
	if r.Unrecorded > 0 {
		p.print("! NOT RECORDED: %d entries wait for room in %s", r.Unrecorded, safetext.Line(r.Dir))
	}
	if step == nil {
		p.print("%s %s  %s", p.clock(), p.frame(r), p.nowhere(r))
	} else {
		p.sees(step.ID, r.Step(step).Seen)
		at := slices.Index(phase.Steps, step) + 1
		p.print("%s %s %s %d/%d  %s  %s", p.clock(), p.frame(r), phase.ID, at, len(phase.Steps), step.ID, p.question(ctx, r, step))
	}
	// Only the question looked at what a command left behind.
	p.print("  answers: %s", strings.Join(p.forms(p.Next(), step), " · "))
}

// goesOn tells of every command that runs and that the question is not about.
func (p *session) goesOn(ctx context.Context, r *runbook.Run, asked *book.Step) {
	for _, s := range p.Book().All() {
		st := r.Steps[s.ID]
		if _, ok := s.Verb.(book.Run); !ok || s == asked || st == nil || st.State != runbook.Running {
			continue
		}
		p.print("%s %-14s %-28s for %s", Mark(*st), Word(*st), s.ID, Clock(time.Since(st.At)))
		for _, line := range liveLines(p.LiveNow(ctx, s.ID)) {
			p.print("  %s", line)
		}
	}
}

func (p *session) nowhere(r *runbook.Run) string {
	for _, i := range p.Next() {
		if i.Kind == runbook.Cancel {
			return i.Step + " still runs: wait, or cancel " + i.Step
		}
	}
	if r.Plan == "" && r.Mode == runbook.ModeRollback {
		return "which plan? `rollback` lists them"
	}
	return "what next?"
}

// focus is the step a prompt is about: the one the model suggests, else the
// first that went wrong.
func (p *session) focus(r *runbook.Run, phase *book.Phase, next []runbook.Intent) *book.Step {
	if phase == nil {
		return nil
	}
	if s := r.FirstOpen(phase); s != nil {
		return s
	}
	for _, i := range next {
		if s := p.Book().Step(i.Step); s != nil {
			return s
		}
	}
	return nil
}

// question is what is asked of a person about a step.
func (p *session) question(ctx context.Context, r *runbook.Run, s *book.Step) string {
	st := r.Step(s)
	title := safetext.Line(s.Title)
	if st.State.Open() {
		title = strings.ToUpper(Word(st)) + " " + title + ": " + Saw(st)
	}
	verb, err := p.Book().Bind(s, r.Vars)
	if err != nil {
		return title + "  (" + safetext.Line(err.Error()) + ")"
	}
	switch v := verb.(type) {
	case book.Run:
		if v.Command == nil {
			return title + "  this probe touches the target"
		}
		order, err := p.Order(ctx, s)
		if err != nil {
			return title + "  (" + safetext.Line(err.Error()) + ")"
		}
		p.shown[s.ID] = runbook.Digest(order)
		lines := append([]string{title}, p.before(s)...)
		lines = append(lines, liveLines(p.LiveNow(ctx, s.ID))...)
		return strings.Join(append(lines, Approval(p.Target().Name, order)...), "\n  ")
	case book.Ask:
		return title + p.evidence(r, v) + p.signing(ctx, r, s)
	case book.Tell:
		if v, err = p.Message(s); err != nil {
			return title + "  (" + safetext.Line(err.Error()) + ")"
		}
		p.shown[s.ID] = runbook.MessageDigest(v)
		return fmt.Sprintf("%s\n  %s:\n%s", title, Telling(v, st), indent(safetext.Block(v.Message.Text)))
	}
	return title
}

// Telling says what becomes of a message.
func Telling(v book.Tell, st runbook.StepState) string {
	to := safetext.Line(v.Message.To)
	switch {
	case v.Sender == nil:
		return "copy this to " + to + ", then say so"
	case st.State.Open():
		return "send this to " + to + " by " + v.Kind + " again, or copy it to them, and confirm that"
	}
	return "this is sent to " + to + " by " + v.Kind
}

// before is what a person must know before a run is started.
func (p *session) before(s *book.Step) []string {
	var lines []string
	if s.Critical {
		lines = append(lines, "CRITICAL")
	}
	switch {
	case s.Effect == "none":
		lines = append(lines, "touches no target")
	case strings.HasPrefix(s.Undo, "none:"):
		lines = append(lines, "can't be undone: "+safetext.Line(strings.TrimSpace(strings.TrimPrefix(s.Undo, "none:"))))
	case s.Undo != "":
		lines = append(lines, "way back: "+s.Undo)
	}
	if s.Note != "" {
		lines = append(lines, "note: "+safetext.Line(s.Note))
	}
	return lines
}

// evidence shows an ask's question and the results it rests on.
func (p *session) evidence(r *runbook.Run, v book.Ask) string {
	var ids []string
	text := ""
	switch {
	case v.Confirm != nil:
		ids, text = v.Confirm.Evidence, v.Confirm.Question
	case v.Form != nil:
		ids, text = v.Form.Evidence, v.Form.Question
		for _, field := range v.Form.Fields {
			text += "  " + field.Name + ": " + field.Prompt()
		}
	case v.Approve != nil:
		ids, text = v.Approve.Evidence, v.Approve.Question
		if text == "" {
			text = "approve as " + v.Approve.Role + "?"
		}
	case v.Decide != nil:
		text = v.Decide.Question
	}
	out := "  " + safetext.Line(text)
	for _, id := range ids {
		if s := p.Book().Step(id); s != nil {
			st := r.Step(s)
			out += fmt.Sprintf("\n  %s %s  %s  %s", Mark(st), Word(st), id, Saw(st))
		}
	}
	return out
}

// forms are the answers about one step, and those that always stand open.
func (p *session) forms(next []runbook.Intent, step *book.Step) []string {
	var all []string
	for _, i := range next {
		switch {
		case step != nil && i.Step == step.ID, i.Kind == runbook.Memo, i.Kind == runbook.End, i.Kind == runbook.Cancel, i.Kind == runbook.CancelBackend:
			if form := p.form(i); form != "" && !slices.Contains(all, form) {
				all = append(all, form)
			}
		}
	}
	if slices.ContainsFunc(next, func(i runbook.Intent) bool { return i.Kind == runbook.Rollback }) {
		all = append(all, "rollback")
	}
	if step != nil {
		all = append(all, "why "+step.ID)
	}
	return append(all, "detach", "?")
}

func indent(block string) string {
	return "    " + strings.ReplaceAll(strings.TrimRight(block, "\n"), "\n", "\n    ")
}
