package tui

import (
	"context"
	"errors"
	"fmt"
	"time"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"runbook/runbook"
	"runbook/steps/safetext"
)

// Item is a book or a target that can be picked.
type Item struct{ Name, Title, Note string }

// Choice is what was picked: a book and a target, or a run to resume.
type Choice struct {
	Book, Target string
	Resume       *runbook.Summary
}

// ErrNothingPicked says that the operator left the picker.
var ErrNothingPicked = errors.New("nothing was picked")

// Pick asks for a book and a target, or for an open run. Nothing is
// preselected. ErrNothingPicked if the operator leaves.
func Pick(ctx context.Context, o Options, books, targets []Item, open []runbook.Summary) (Choice, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	m := newModel(ctx, nil, o)
	p := newPicker(books, targets, open)
	m.layers = []layer{{screen: p, gated: true}}
	if err := drive(ctx, o, m); err != nil {
		return Choice{}, err
	}
	if !p.picked {
		return Choice{}, ErrNothingPicked
	}
	return p.choice, nil
}

// picker is the first screen where neither book nor target was named.
type picker struct {
	rows   []pickRow
	at     int // the row the cursor is on, -1 at first
	top    int
	choice Choice
	picked bool
}

type pickRow struct {
	heading string // of a group; no row to pick
	text    string
	note    string
	book    string
	target  string
	run     *runbook.Summary
}

func newPicker(books, targets []Item, open []runbook.Summary) *picker {
	p := &picker{at: -1}
	if len(open) > 0 {
		p.rows = append(p.rows, pickRow{heading: "RESUME AN OPEN RUN"})
	}
	for _, r := range open {
		text := fmt.Sprintf("resume %s  %s on %s", r.Short, safetext.Line(r.Book), safetext.Line(r.Target))
		if r.Practice {
			text = "PRACTICE " + text
		}
		note := safetext.Line(r.Phase) + "  " + r.Started.UTC().Format("01-02 15:04Z")
		if r.Driven {
			note = "SOMEBODY DRIVES IT  " + note
		}
		p.rows = append(p.rows, pickRow{text: text, note: note, run: &r})
	}
	begin := "BEGIN: A BOOK"
	if len(open) > 0 {
		begin = "OR " + begin
	}
	p.rows = append(p.rows, pickRow{heading: begin})
	for _, b := range books {
		p.rows = append(p.rows, pickRow{text: itemText(b), note: safetext.Line(b.Note), book: b.Name})
	}
	p.rows = append(p.rows, pickRow{heading: "AND A TARGET"})
	for _, t := range targets {
		p.rows = append(p.rows, pickRow{text: itemText(t), note: safetext.Line(t.Note), target: t.Name})
	}
	return p
}

func itemText(i Item) string {
	if i.Title == "" || i.Title == i.Name {
		return safetext.Line(i.Name)
	}
	return safetext.Line(i.Name) + "  " + safetext.Line(i.Title)
}

func (p *picker) body(m *model, w, h int) body {
	at := max(0, p.at)
	p.top = max(0, min(p.top, at))
	if at >= p.top+h-1 {
		p.top = at - h + 2
	}
	lines := make([]string, 0, h)
	for i := p.top; i < min(len(p.rows), p.top+h-1); i++ {
		lines = append(lines, p.line(m, i, w))
	}
	for len(lines) < h-1 {
		lines = append(lines, "")
	}
	standing := " " + p.standing()
	if below := len(p.rows) - p.top - (h - 1); below > 0 {
		standing += "   +" + itoa(below) + " more below"
	}
	if p.top > 0 {
		standing += "   +" + itoa(p.top) + " above"
	}
	return body{lines: append(lines, m.styles.Human.Render(standing))}
}

func (p *picker) line(m *model, i, w int) string {
	r := p.rows[i]
	if r.heading != "" {
		return m.styles.Title.Render(" " + r.heading)
	}
	mark := "  "
	if i == p.at {
		mark = m.styles.Key.Render("> ")
	}
	box := "[ ] "
	if r.book != "" && r.book == p.choice.Book || r.target != "" && r.target == p.choice.Target {
		box = "[x] "
	}
	if r.run != nil {
		box = ""
	}
	if w < wide {
		return mark + box + r.text
	}
	return both(mark+box+r.text, m.styles.Dim.Render(fit(r.note, w/2)), w)
}

// standing says what is still missing.
func (p *picker) standing() string {
	switch c := p.choice; {
	case c.Book == "" && c.Target == "":
		return "nothing is picked yet"
	case c.Target == "":
		return safetext.Line(c.Book) + " on .. which target?"
	case c.Book == "":
		return "on " + safetext.Line(c.Target) + " .. which book?"
	default:
		return "g begins " + safetext.Line(c.Book) + " on " + safetext.Line(c.Target)
	}
}

func (p *picker) key(m *model, k tea.KeyPressMsg) tea.Cmd {
	switch b := m.bindings; {
	case k.Code == tea.KeyEscape:
		return m.leave()
	case key.Matches(k, b.Up):
		p.move(-1)
	case key.Matches(k, b.Down):
		p.move(1)
	case key.Matches(k, b.Enter) && p.at >= 0, k.Code == tea.KeySpace && p.at >= 0:
		return p.pick(m)
	case key.Matches(k, b.Enter):
		m.say("nothing is picked for you: down moves to the first line")
	case key.Matches(k, b.Go) && p.choice.Book != "" && p.choice.Target != "":
		p.picked = true
		return m.leave()
	case key.Matches(k, b.Go):
		m.say("a book and a target are needed first")
	}
	return nil
}

// move goes to the next row that can be picked.
func (p *picker) move(by int) {
	for i := p.at + by; i >= 0 && i < len(p.rows); i += by {
		if p.rows[i].heading == "" {
			p.at = i
			return
		}
	}
}

func (p *picker) pick(m *model) tea.Cmd {
	switch r := p.rows[p.at]; {
	case r.run != nil:
		p.choice, p.picked = Choice{Resume: r.run}, true
		return m.leave()
	case r.book != "":
		p.choice.Book = r.book
	default:
		p.choice.Target = r.target
	}
	return nil
}

func (p *picker) keys(m *model) []binding {
	b := m.bindings
	keys := []binding{says(b.Enter, "pick"), says(b.Scroll, "move")}
	if p.choice.Book != "" && p.choice.Target != "" {
		keys = append([]binding{says(b.Go, "begin")}, keys...)
	}
	return keys
}
