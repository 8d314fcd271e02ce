package tui

import (
	"fmt"
	"strings"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"runbook/runbook"
	"runbook/runbook/book"
	"runbook/steps/safetext"
	"runbook/tui/plain"
)

// questionScreen is an ask or a tell: what is asked, what it rests on, and the
// keys that answer. No key of it is a default.
type questionScreen struct {
	step    *book.Step
	intent  runbook.Intent
	verb    book.Verb // with its vars filled in
	page    fresh
	failed  string
	picked  int    // of a decide: one more than the index, 0 for none
	kind    string // the answer that is being typed
	typing  *field
	filling filling // of a form
}

func newQuestion(m *model, s *book.Step, i runbook.Intent) *questionScreen {
	q := &questionScreen{step: s, intent: i}
	verb, err := m.book.Bind(s, m.snap.run.Vars)
	if err != nil {
		q.failed = explain(err)
		return q
	}
	q.verb = verb
	if _, tells := verb.(book.Tell); tells {
		shown, err := m.session.Message(s)
		if err != nil {
			q.failed = explain(err)
			return q
		}
		q.verb = shown
		q.intent.Kind = runbook.Tell // also where it may be confirmed as told by hand
	}
	q.page = newFresh(m, q.content)
	return q
}

// content is what is read before answering.
func (q *questionScreen) content(m *model) []string {
	var lines, rests []string
	if q.step.Note != "" {
		lines = append(lines, safetext.Line(q.step.Note), "")
	}
	switch v := q.verb.(type) {
	case book.Tell:
		st := m.snap.run.Step(q.step)
		if st.State.Open() {
			lines = append(lines, plain.Word(st)+": "+plain.Saw(st), "")
		}
		lines = append(lines, plain.Telling(v, st)+":", "")
		return append(lines, strings.Split(safetext.Block(v.Message.Text), "\n")...)
	case book.Ask:
		lines, rests = append(lines, question(v)), evidenceOf(v)
	}
	for _, id := range rests {
		if s := m.book.Step(id); s != nil {
			st := m.snap.run.Step(s)
			saw := strings.TrimSpace(strings.TrimPrefix(plain.Saw(st), plain.Word(st)))
			lines = append(lines, "", strings.TrimRight(fmt.Sprintf("%s %s  %s  %s", plain.Mark(st), plain.Word(st), titleOf(s), saw), " "))
			if !st.At.IsZero() {
				lines = append(lines, "  seen "+coarse(m.clock.Sub(st.At)))
			}
		}
	}
	return append(lines, q.signing(m)...)
}

// signing is what a signature would rest on, and how another person gives one.
func (q *questionScreen) signing(m *model) []string {
	role, _, signs := q.step.Signs()
	if !signs {
		return nil
	}
	lines := append([]string{"", "what is signed:"}, signed(m)...)
	if why := plain.Unsigned(m.snap.run); why != "" {
		lines = append(lines, "", why)
	}
	return append(append(lines, ""), plain.Elsewhere(m.snap.run, role)...)
}

// question is what a step asks or tells, its vars filled in; nothing if it does
// neither.
func (m *model) question(s *book.Step) string {
	verb, err := m.book.Bind(s, m.snap.run.Vars)
	if err != nil { // a choice that is not made yet: as it stands in the book
		verb = s.Verb
	}
	switch v := verb.(type) {
	case book.Ask:
		return question(v)
	case book.Tell:
		return safetext.Line(v.Message.To) + ": " + safetext.Line(v.Message.Text)
	}
	return ""
}

func question(v book.Ask) string {
	switch {
	case v.Form != nil:
		return safetext.Line(v.Form.Question)
	case v.Confirm != nil && v.Confirm.Value != "":
		return safetext.Line(v.Confirm.Question) + "  answered with: " + safetext.Line(v.Confirm.Value)
	case v.Confirm != nil:
		return safetext.Line(v.Confirm.Question)
	case v.Decide != nil:
		return safetext.Line(v.Decide.Question)
	case v.Approve.Question != "":
		return safetext.Line(v.Approve.Question)
	}
	return "approved by " + safetext.Line(v.Approve.Role) + "?"
}

func evidenceOf(v book.Ask) []string {
	switch {
	case v.Confirm != nil:
		return v.Confirm.Evidence
	case v.Form != nil:
		return v.Form.Evidence
	case v.Approve != nil:
		return v.Approve.Evidence
	}
	return nil
}

func (q *questionScreen) text() *field { return q.typing }

func (q *questionScreen) body(m *model, w, h int) body {
	lines := []string{m.styles.Title.Render(" " + titleOf(q.step))}
	if q.failed != "" {
		return body{lines: append(lines, prose(" ! "+q.failed, w)...)}
	}
	foot, cursor := q.answers(m, w)
	for _, l := range q.page.now(m, w-2, h-len(lines)-len(foot)-1) {
		lines = append(lines, " "+l)
	}
	lines = append(lines, m.styles.Dim.Render("── "+q.page.where()))
	if cursor != nil {
		cursor.Y = len(lines) + len(foot) - 1
	}
	return body{lines: append(lines, foot...), cursor: cursor}
}

// moved reports whether somebody else has answered meanwhile.
func (q *questionScreen) moved(m *model) bool {
	return q.typing == nil && m.snap.run.Step(q.step).Seen != q.intent.Seen
}

// answers says which keys answer, or holds the text field.
func (q *questionScreen) answers(m *model, w int) ([]string, *tea.Cursor) {
	v, _ := q.verb.(book.Ask)
	if st := m.snap.run.Step(q.step); q.moved(m) {
		return m.human("meanwhile: "+plain.Mark(st)+" "+plain.Word(st)+"  "+plain.Saw(st)+".  enter goes back", w), nil
	}
	if q.typing != nil {
		line, cursor := q.typing.line(w)
		if v.Form != nil && q.kind == runbook.Confirm {
			return append(q.filled(m, v.Form, w), line), cursor
		}
		return append(m.human(q.prompt(), w), line), cursor
	}
	if tell, ok := q.verb.(book.Tell); ok {
		text, _ := q.telling(m, tell)
		return m.human(text, w), nil
	}
	switch {
	case v.Form != nil:
		return m.human("y to fill it in   n if it can't be", w), nil
	case v.Decide != nil:
		return q.choices(m, v, w), nil
	case v.Confirm != nil:
		return m.human("y it is so   n it is not", w), nil
	case v.Approve != nil:
		return q.approves(m, v, w), nil
	}
	return nil, nil
}

// approves says how an approval is given: signed, or passed on.
func (q *questionScreen) approves(m *model, v book.Ask, w int) []string {
	var lines []string
	if _, _, signs := q.step.Signs(); signs {
		lines = m.human("g sign here as "+safetext.Line(v.Approve.Role)+": shows what, and wants the role typed", w)
	}
	return append(lines, prose(" y approved, n rejected: reported by you, which is no signature", w)...)
}

func (q *questionScreen) choices(m *model, v book.Ask, w int) []string {
	lines := m.human("a number picks, enter decides; it stands for the whole run", w)
	for i, c := range v.Decide.Choices {
		mark := " "
		if q.picked == i+1 {
			mark = m.styles.Key.Render(">")
		}
		lines = append(lines, fmt.Sprintf("%s%d %s", mark, i+1, safetext.Line(c)))
	}
	return lines
}

func (q *questionScreen) prompt() string {
	v, _ := q.verb.(book.Ask)
	switch {
	case q.kind == runbook.Confirm && v.Confirm.Value != "":
		return "YES: type " + safetext.Line(v.Confirm.Value) + " and enter"
	case q.kind == runbook.Confirm:
		return "YES: what did you see? enter alone answers yes"
	case q.kind == runbook.Approve:
		return "REPORTED as approved: by whom, and where is it written?"
	}
	return "NO: why not? A no wants its reason"
}

func (q *questionScreen) key(m *model, k tea.KeyPressMsg) tea.Cmd {
	if q.typing != nil {
		return q.typed(m, k)
	}
	v, _ := q.verb.(book.Ask)
	switch b := m.bindings; {
	case key.Matches(k, b.Back), key.Matches(k, b.Enter) && q.moved(m):
		return m.pop()
	case q.page.key(k, b):
		return nil
	case q.verb == nil:
		return q.other(m, k)
	case v.Decide != nil:
		return q.decide(m, k, v.Decide.Choices)
	case key.Matches(k, b.Enter) && q.intent.Kind == runbook.Tell:
		m.say("enter sends and answers nothing here")
	case key.Matches(k, b.Enter):
		m.say("enter answers nothing here: y or n")
	case q.intent.Kind == runbook.Tell && (key.Matches(k, b.Yes) || key.Matches(k, b.Tell)):
		tell, _ := q.verb.(book.Tell)
		return q.told(m, k, tell)
	case q.intent.Kind == runbook.Tell:
		return q.other(m, k)
	case key.Matches(k, b.Yes):
		q.say(v, runbook.Confirm, runbook.Approve)
	case key.Matches(k, b.No):
		q.say(v, runbook.Decline, runbook.Reject)
	default:
		return q.other(m, k)
	}
	return nil
}

// other takes the keys that look at the step, and the one that signs it.
func (q *questionScreen) other(m *model, k tea.KeyPressMsg) tea.Cmd {
	if _, signs := m.intent(runbook.Sign, q.step.ID); signs && key.Matches(k, m.bindings.Go) {
		return m.openSign(q.step)
	}
	return m.looks(q.step, k)
}

// say opens the field for the words of an answer.
func (q *questionScreen) say(v book.Ask, confirm, approve string) {
	q.kind, q.typing = confirm, newField("")
	if v.Approve != nil {
		q.kind = approve
	}
}

func (q *questionScreen) decide(m *model, k tea.KeyPressMsg, choices []string) tea.Cmd {
	n := int(k.Code-'1') + 1
	switch {
	case key.Matches(k, m.bindings.Number) && n <= len(choices):
		q.picked = n
	case key.Matches(k, m.bindings.Enter) && q.picked > 0:
		return q.send(m, runbook.Decide, choices[q.picked-1])
	case key.Matches(k, m.bindings.Enter):
		m.say("pick one by its number first")
	case key.Matches(k, m.bindings.Number):
		m.say("there is no such choice")
	default:
		return q.other(m, k)
	}
	return nil
}

func (q *questionScreen) typed(m *model, k tea.KeyPressMsg) tea.Cmd {
	if v, _ := q.verb.(book.Ask); v.Form != nil && q.kind == runbook.Confirm {
		return q.fill(m, k, v.Form)
	}
	switch {
	case k.Code == tea.KeyEscape:
		q.typing = nil
	case k.Code != tea.KeyEnter:
	case q.typing.value() == "" && q.needsWords():
		m.say("empty: nothing was recorded. " + q.prompt())
	case q.typing.value() == "":
		return q.send(m, q.kind, "yes")
	default:
		return q.send(m, q.kind, q.typing.value())
	}
	return nil
}

// needsWords reports whether an answer without words says nothing.
func (q *questionScreen) needsWords() bool {
	v, _ := q.verb.(book.Ask)
	return q.kind != runbook.Confirm || v.Confirm.Value != ""
}

func (q *questionScreen) send(m *model, kind, text string) tea.Cmd {
	m.home()
	return m.do(runbook.Intent{Kind: kind, Step: q.intent.Step, Seen: q.intent.Seen, Text: text})
}

func (q *questionScreen) keys(m *model) []binding {
	b := m.bindings
	v, _ := q.verb.(book.Ask)
	switch {
	case q.typing != nil && v.Form != nil && q.kind == runbook.Confirm:
		return q.filling.keys(b, v.Form)
	case q.typing != nil:
		return []binding{says(b.Enter, "send"), escape()}
	case q.moved(m):
		return []binding{says(b.Enter, "back"), b.Why}
	case q.failed != "":
		return []binding{b.Back}
	case v.Decide != nil:
		return []binding{b.oneOf(len(v.Decide.Choices), "choose"), says(b.Enter, "decide"), b.Why, b.Back}
	case q.intent.Kind == runbook.Tell:
		tell, _ := q.verb.(book.Tell)
		_, keys := q.telling(m, tell)
		return append(keys, b.Why, b.Back)
	case v.Approve != nil:
		keys := []binding{says(b.Yes, "reported: yes.."), says(b.No, "reported: no.."), b.Why, b.Back}
		if _, _, signs := q.step.Signs(); signs {
			keys = append([]binding{says(b.Go, "sign..")}, keys...)
		}
		return keys
	}
	return []binding{says(b.Yes, "yes.."), says(b.No, "no.."), b.Why, b.Back}
}
