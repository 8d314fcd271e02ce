package tui

import (
	"errors"
	"strings"
	"testing"

	"runbook/runbook"
	"runbook/runbook/book"
	"runbook/steps"
	"runbook/steps/safetext"
	"runbook/steps/safetext/hostile"
	"runbook/steps/supervise"
)

// TestHostileText puts each payload into whatever comes from outside, and finds
// on every screen what is left of it.
func TestHostileText(t *testing.T) {
	t.Parallel()
	b := begin(t, small, 320, 40)
	b.ready()
	rows, _ := b.top().screen.(*phaseScreen)
	for _, p := range hostile.Payloads() {
		b.taint(p.Text)
		rows.refresh(b.model)
		b.arrived(p, "the phase")
		b.missing = explain(errors.New(p.Text))
		b.arrived(p, "an error")
		b.missing = ""
		for name, s := range b.screens(p.Text) {
			b.push(s)
			b.arrived(p, name)
			b.home()
		}
	}
}

// taint sets every text that a person may write, or that a check saw.
func (b *bench) taint(text string) {
	book, run := b.book, b.snap.run
	book.Hints[0].Issue, book.Hints[0].Say, book.Contacts[0].Name = text, text, text
	for _, s := range book.All() {
		s.Title, s.Note, s.Covers = text, text, []string{text}
	}
	for _, p := range book.Phases {
		p.Title = text
	}
	book.Plans[0].Title, book.Plans[0].Loses, book.Plans[0].When = text, text, text
	st := run.Steps["jwt"]
	st.Result = &steps.Result{Verdict: steps.Fail, Reason: text, Where: text, Evidence: []steps.Evidence{{Label: text, Value: text, Limit: text, Unit: text}}}
	run.Target, run.Operator, run.Vars["image_tag"] = text, text, text
	b.snap.head = text
}

// screens are all that show such a text, beside the phase.
func (b *bench) screens(text string) map[string]screen {
	check, migrate := b.book.Step("jwt"), b.book.Step("migrate")
	intent, _ := b.intent(runbook.Accept, "jwt")
	all := map[string]screen{
		"the evidence": newEvidence(b.model, check), "the pause point": newPause(b.model, intent), "the ending": newEnding(b.model, intent),
		"the end": newEnded(b.model), "the plans": newPlans(b.model, b.snap.run, b.book.Plans), "a cancel": newCancel(migrate, false),
		"a reason":    &reasonScreen{step: check, intent: intent, field: newField(text)},
		"an approval": newApproval(b.model, migrate, intent), "output": newOutput(migrate),
	}
	for _, s := range b.book.All() {
		switch v := s.Verb.(type) {
		case book.Ask:
			*questionOf(v) = text
			all["the question "+s.ID] = newQuestion(b.model, s, intent)
		case book.Tell:
			all["the message "+s.ID] = newQuestion(b.model, s, intent)
		}
	}
	return all
}

func questionOf(v book.Ask) *string {
	switch {
	case v.Confirm != nil:
		return &v.Confirm.Question
	case v.Decide != nil:
		return &v.Decide.Question
	}
	return &v.Approve.Question
}

// arrived fails unless the payload's text stands on the screen, and nothing
// else of it.
func (b *bench) arrived(p hostile.Payload, where string) {
	b.t.Helper()
	frame := b.View().Content
	if bad := hostile.Foreign(frame, nil); bad != "" {
		b.t.Errorf("%s on %s: %s came through:\n%q", p.Name, where, bad, frame)
	}
	if !strings.Contains(frame, p.Kept) {
		b.t.Errorf("%s did not arrive on %s:\n%s", p.Name, where, b.screen())
	}
}

// TestHostileApproval finds every character of a payload on the screen that
// asks whether to start it, none of them as it stands.
func TestHostileApproval(t *testing.T) {
	t.Parallel()
	b := begin(t, small, 1200, 16)
	b.ready()
	for _, p := range hostile.Payloads() {
		a := newApproval(b.model, b.book.Step("migrate"), runbook.Intent{})
		b.push(a)
		name := "VAR" + strings.ReplaceAll(p.Text, "=", "") // no name holds one
		order := supervise.Order{Path: "/bin/" + p.Text, Dir: "/" + p.Text, Argv: []string{p.Text, "--x=" + p.Text, "end"}, Env: []string{name + "=1"}}
		b.send(orderMsg{step: "migrate", order: runbook.Order{Order: order}})
		frame := b.View().Content
		if bad := hostile.Foreign(frame, nil); bad != "" {
			t.Errorf("%s: %s came through: %q", p.Name, bad, frame)
		}
		exact := safetext.Exact(p.Text)
		for what, want := range map[string]string{
			"the program": "program /bin/" + exact, "the directory": ":/" + exact + " $", "an argument": "$ '" + exact, "an option": "--x=" + exact, "a variable": safetext.Exact(name),
		} {
			if !strings.Contains(frame, want) {
				t.Errorf("%s: %s is not shown exactly, %s:\n%s", p.Name, what, want, frame)
			}
		}
		for _, r := range frame {
			if r > '~' && strings.ContainsRune(p.Text, r) {
				t.Errorf("%s: %U is shown as it stands", p.Name, r)
			}
		}
		b.home()
	}
}

// onlySGR fails on a line that holds anything a terminal acts on but colours.
func onlySGR(t *testing.T, line string) {
	t.Helper()
	if bad := hostile.Foreign(line, nil); bad != "" {
		t.Fatalf("%s in the line %q", bad, line)
	}
}
