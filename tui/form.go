package tui

import (
	"fmt"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"runbook/runbook"
	"runbook/runbook/book"
	"runbook/steps/ask"
	"runbook/steps/safetext"
)

// filling is how far a form is filled in.
type filling struct {
	answers map[string]string
	at      int // the field that is being typed
}

// fill takes the keys of a form: enter goes on to the next field, and the last
// one answers; esc goes back.
func (q *questionScreen) fill(m *model, k tea.KeyPressMsg, form *ask.Form) tea.Cmd {
	f := &q.filling
	switch field := form.Fields[f.at]; k.Code {
	case tea.KeyEscape:
		if f.at--; f.at < 0 {
			q.typing, *f = nil, filling{}
			return nil
		}
		q.typing = newField(f.answers[form.Fields[f.at].Name])
	case tea.KeyEnter:
		if err := field.Check(q.typing.value()); err != nil {
			m.say("nothing was recorded: " + safetext.Line(err.Error()))
			return nil
		}
		if f.answers == nil {
			f.answers = map[string]string{}
		}
		f.answers[field.Name] = q.typing.value()
		if f.at++; f.at == len(form.Fields) {
			return q.send(m, runbook.Confirm, form.Join(f.answers))
		}
		q.typing = newField(f.answers[form.Fields[f.at].Name])
	}
	return nil
}

// filled are the answers so far, and what is asked now.
func (q *questionScreen) filled(m *model, form *ask.Form, w int) []string {
	var lines []string
	for _, field := range form.Fields[:q.filling.at] {
		lines = append(lines, prose(" "+field.Name+": "+safetext.Line(q.filling.answers[field.Name]), w)...)
	}
	now := form.Fields[q.filling.at]
	text := fmt.Sprintf("%d of %d  %s", q.filling.at+1, len(form.Fields), safetext.Line(now.Prompt()))
	if now.Example != "" {
		text += " (such as " + safetext.Line(now.Example) + ")"
	}
	return append(lines, m.human(text, w)...)
}

// keys go from field to field; only the last enter answers.
func (f *filling) keys(b keyMap, form *ask.Form) []binding {
	next, back := says(b.Enter, "next"), escape()
	if f.at == len(form.Fields)-1 {
		next = says(b.Enter, "send")
	}
	if f.at > 0 {
		back = says(back, "the field before")
	}
	return []binding{next, back}
}

// told takes the keys of a message: what sends by itself is sent by t alone,
// and what a person carried is confirmed by y.
func (q *questionScreen) told(m *model, k tea.KeyPressMsg, v book.Tell) tea.Cmd {
	_, carried := m.intent(runbook.Confirm, q.step.ID)
	switch byKey := key.Matches(k, m.bindings.Tell); {
	case v.Sender == nil:
		return q.send(m, runbook.Tell, "")
	case byKey:
		return q.send(m, runbook.Tell, runbook.MessageDigest(v))
	case carried:
		return q.send(m, runbook.Confirm, "told")
	}
	m.say("t sends it; h if they were told otherwise")
	return nil
}

// telling says which keys tell.
func (q *questionScreen) telling(m *model, v book.Tell) (string, []binding) {
	b := m.bindings
	if v.Sender == nil {
		return "y once you have sent it", []binding{says(b.Yes, "sent")}
	}
	if _, carried := m.intent(runbook.Confirm, q.step.ID); carried {
		return "t sends it   y you told them yourself", []binding{says(b.Tell, "send"), says(b.Yes, "told")}
	}
	return "t sends it, as it stands here", []binding{says(b.Tell, "send")}
}
