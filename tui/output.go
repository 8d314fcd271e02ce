package tui

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"runbook/runbook"
	"runbook/runbook/book"
	"runbook/tui/plain"
)

// outputScreen scrolls and searches what a command printed, from its end. While
// the command runs it follows the end, until it is scrolled up.
type outputScreen struct {
	step *book.Step
	aim  aim // what the operator wants to see
	got  sight
	ends bool  // the end was aimed at when it was read
	gen  int   // counts the places gone to: an answer for another one is late
	read bool  // something was read
	busy bool  // and is being read now
	left int64 // how long the output was when the end was left

	field *field // takes the text of a search
	hunt  *hunt  // the search that is on its way
	up    bool   // searches go up
}

// idlePace is how often the output of a command that has ended is looked at:
// the terminal may have another size.
const idlePace = 250 * time.Millisecond

func newOutput(s *book.Step) *outputScreen {
	return &outputScreen{step: s, aim: aim{end: true, hit: nowhere}}
}

func (o *outputScreen) pages() {}

func (o *outputScreen) text() *field { return o.field }

// begin reads once the size of the screen is known.
func (o *outputScreen) begin() tea.Cmd {
	return func() tea.Msg { return frameMsg{o} }
}

func (o *outputScreen) hear(m *model, msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case frameMsg:
		if msg.screen != o {
			return nil
		}
		pace := idlePace
		if o.runs(m) {
			pace = frameTime
		}
		return tea.Batch(o.look(m), tea.Tick(pace, func(time.Time) tea.Msg { return frameMsg{o} }))
	case outputMsg:
		if msg.screen == o {
			return o.looked(m, msg)
		}
	case huntMsg:
		if msg.hunt == o.hunt {
			return o.hunted(m, msg)
		}
	}
	return nil
}

func (o *outputScreen) runs(m *model) bool {
	return m.snap.run.Step(o.step).State == runbook.Running
}

// look reads what is aimed at, unless it is being read: frames are read one by
// one, however fast the output and the keys come.
func (o *outputScreen) look(m *model) tea.Cmd {
	if o.busy {
		return nil
	}
	o.busy = true
	if path := m.snap.run.Output(o.step); path != o.aim.path {
		o.aim = aim{path: path, end: true, hit: nowhere, w: o.aim.w, h: o.aim.h}
	}
	a, gen := o.aim, o.gen
	return func() tea.Msg { return outputMsg{o, gen, a, look(a)} }
}

// looked takes over what was read, unless the operator has gone elsewhere.
func (o *outputScreen) looked(m *model, msg outputMsg) tea.Cmd {
	o.busy = false
	if msg.gen != o.gen {
		return o.look(m)
	}
	o.got, o.ends, o.read = msg.sight, msg.aim.end, true
	o.aim.top, o.aim.show = msg.top, false
	if o.aim.by -= msg.aim.by; o.aim.by == 0 && msg.aim.by != 0 && msg.end {
		o.follow()
	}
	if o.aim.by != 0 || o.aim.w != msg.aim.w || o.aim.h != msg.aim.h {
		return o.look(m)
	}
	return nil
}

// follow shows the end, and what comes to it.
func (o *outputScreen) follow() {
	o.gen++
	o.aim.end, o.aim.by = true, 0
}

// leave shows the part that begins at a place, and stays there.
func (o *outputScreen) leave(to place) {
	o.gen++
	if o.aim.end {
		o.left = o.got.size
	}
	o.aim.end, o.aim.top, o.aim.by = false, to, 0
}

// move scrolls by lines.
func (o *outputScreen) move(by int) {
	if !o.read || o.aim.end && by > 0 {
		return
	}
	if o.aim.end {
		o.leave(o.got.top)
	}
	o.aim.by += by
}

// scroll moves by a key. It answers whether the key was one of its own.
func (o *outputScreen) scroll(k tea.KeyPressMsg, b keyMap) bool {
	switch {
	case key.Matches(k, b.Up):
		o.move(-1)
	case key.Matches(k, b.Down):
		o.move(1)
	case key.Matches(k, b.PageUp):
		o.move(-o.aim.h)
	case key.Matches(k, b.PageDown):
		o.move(o.aim.h)
	case key.Matches(k, b.Top):
		o.leave(place{})
	case key.Matches(k, b.Bottom):
		o.follow()
	case key.Matches(k, b.Number):
		o.leave(place{row: o.got.size / 10 * int64(k.Code-'0')})
	default:
		return false
	}
	return true
}

func (o *outputScreen) key(m *model, k tea.KeyPressMsg) tea.Cmd {
	if o.field != nil {
		return o.typed(m, k)
	}
	switch b := m.bindings; {
	case key.Matches(k, b.Back) && o.hunt != nil:
		o.hunt = nil
	case key.Matches(k, b.Back), key.Matches(k, b.Output):
		return m.pop()
	case o.scroll(k, b):
		return o.look(m)
	case key.Matches(k, b.Search):
		o.field = newField("")
		o.field.in.Prompt = "/"
	case key.Matches(k, b.Next), key.Matches(k, b.Prev):
		return o.again(m, key.Matches(k, b.Prev))
	case key.Matches(k, b.Cancel):
		if step := m.command(); step != nil {
			return m.ask(newCancel(step, m.cancelled[step.ID]))
		}
		m.say("no command runs: there is nothing to cancel")
	default:
		m.nothing(k)
	}
	return nil
}

func (o *outputScreen) keys(m *model) []binding {
	b := m.bindings
	if o.field != nil {
		return []binding{says(b.Enter, "search"), b.Back}
	}
	keys := []binding{b.Search}
	if o.aim.find != nil {
		keys = append(keys, says(b.Next, "next "+o.way(false)), says(b.Prev, "next "+o.way(true)))
	}
	if m.command() != nil {
		keys = append(keys, b.Cancel)
	}
	return append(keys, b.Bottom, b.Top, b.Scroll, says(b.Number, "to 10-90 %"))
}

func (o *outputScreen) body(m *model, w, h int) body {
	o.aim.w, o.aim.h = w, max(1, h-2)
	lost := o.lost(m)
	lines := []string{fit(m.styles.Title.Render(" OUTPUT  "+titleOf(o.step))+"  "+m.styles.Warn.Render(lost), w)}
	shown := o.got.lines
	switch {
	case !o.read:
		shown = []string{" reading .."}
	case errors.Is(o.got.err, os.ErrNotExist):
		shown = []string{" " + o.step.ID + " has printed nothing yet"}
	case o.got.err != nil:
		shown = prose(" "+explain(o.got.err), w)
	case o.got.size == 0 && !o.runs(m):
		shown = prose(" "+cmp.Or(lost, "it printed nothing"), w)
	case o.ends:
		shown = shown[max(0, len(shown)-o.aim.h):]
	}
	lines = append(lines, shown[:min(len(shown), o.aim.h)]...)
	lines = append(lines, make([]string, max(0, h-1-len(lines)))...)
	if o.field == nil {
		return body{lines: append(lines, both(o.foot(m), o.where(), w))}
	}
	text, cursor := o.field.line(w)
	if cursor != nil {
		cursor.Y = len(lines)
	}
	return body{append(lines, text), cursor}
}

// lost says what is not kept of the output; empty if all of it is.
func (o *outputScreen) lost(m *model) string {
	if p := m.snap.live[o.step.ID].Process; o.runs(m) && p.Lost > 0 {
		return size(p.Lost) + " found no room: the disk is full"
	}
	if result := m.snap.run.Step(o.step).Result; result != nil {
		for _, e := range result.Evidence {
			if e.Label == runbook.NotKept {
				return plain.Value(e)
			}
		}
	}
	return ""
}

// foot says what the screen is doing.
func (o *outputScreen) foot(m *model) string {
	switch below := o.got.size - o.got.next; {
	case o.hunt != nil:
		return m.styles.Human.Render(fmt.Sprintf("searching .. %d %%", o.hunt.percent())) + "  esc stops"
	case o.ends && o.runs(m):
		return "follows the end"
	case !o.ends && o.got.size > o.left && below > 0 && o.left > 0:
		return m.styles.Human.Render("▼ new output below") + ", " + size(below) + ": end shows it"
	case !o.ends && o.runs(m):
		return "▼ stays here: end shows what comes"
	case o.aim.find != nil:
		return "/" + o.aim.find.String()
	}
	return ""
}

// where says how long the output is, and how far it is shown.
func (o *outputScreen) where() string {
	if o.got.size == 0 {
		return ""
	}
	long := fmt.Sprintf("lines %d", o.got.count)
	switch {
	case o.got.count == 0: // one line, as far as one can see
		long = size(o.got.size)
	case !o.got.counted:
		long = "lines ~" + count(o.got.count)
	}
	return fmt.Sprintf("%s  %d %%", long, o.got.next*100/o.got.size)
}

// count is a number of things in a few characters: 340, 12k, 5.2M.
func count(n int64) string {
	f, unit := float64(n), ""
	for _, unit = range []string{"", "k", "M", "G"} {
		if f < 1000 {
			break
		}
		f /= 1000
	}
	if unit != "" && f < 10 {
		return fmt.Sprintf("%.1f%s", f, unit)
	}
	return fmt.Sprintf("%.0f%s", f, unit)
}

// size is a number of bytes in a few characters: 512 B, 3.2 MB.
func size(n int64) string {
	text := count(n)
	unit := strings.TrimLeft(text, "0123456789.")
	return strings.TrimSuffix(text, unit) + " " + strings.ToUpper(unit) + "B"
}
