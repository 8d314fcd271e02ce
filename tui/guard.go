package tui

import (
	"fmt"
	"time"

	tea "charm.land/bubbletea/v2"
)

// What a person does not do: four single keys within the window are a paste,
// and it goes on until the keys rest.
const (
	burstKeys   = 4
	burstWindow = 30 * time.Millisecond
	burstRest   = 120 * time.Millisecond
)

// guard holds single keys back for a moment, so that a paste without brackets
// is known as one before its first key acts.
type guard struct {
	held     []tea.KeyPressMsg
	counted  int // keys of this window, held or already in a text field
	gen      int
	bursting bool
	dropped  int
}

// take counts a key, and holds it back if hold is set. It answers the command
// that ends the window.
func (g *guard) take(k tea.KeyPressMsg, hold bool) tea.Cmd {
	if hold {
		g.held = append(g.held, k)
	}
	g.counted++
	if g.counted > 1 {
		return nil
	}
	g.gen++
	gen := g.gen
	return tea.Tick(burstWindow, func(time.Time) tea.Msg { return settleMsg{gen} })
}

// settle ends a window: the keys to act on, and whether they are a paste.
func (g *guard) settle(gen int) (keys []tea.KeyPressMsg, paste bool, then tea.Cmd) {
	if gen != g.gen {
		return nil, false, nil
	}
	keys, paste = g.held, g.bursting || g.counted >= burstKeys
	g.held, g.counted = nil, 0
	if paste {
		g.bursting = true
		then = tea.Tick(burstRest, func(time.Time) tea.Msg { return quietMsg{gen} })
	}
	return keys, paste, then
}

// quiet ends a paste, if no key came since.
func (g *guard) quiet(gen int) {
	if gen == g.gen && g.counted == 0 {
		g.bursting, g.dropped = false, 0
	}
}

// single reports whether a key is one that a paste could hold. Cursor keys are
// none, and a held one may come in bunches over a slow line.
func single(k tea.KeyPressMsg) bool {
	return k.Text != "" || k.Code == tea.KeyEnter || k.Code == tea.KeyTab || k.Code == tea.KeySpace
}

// settled acts on the keys of a window, or drops a paste and says so. In a
// text field a paste is text, and its line ends are spaces.
func (m *model) settled(msg settleMsg) tea.Cmd {
	keys, paste, then := m.guard.settle(msg.gen)
	cmds := []tea.Cmd{then}
	if paste && m.field() == nil && len(keys) > 0 {
		m.guard.dropped += len(keys)
		m.warn(fmt.Sprintf("%d keys at once look pasted: dropped. Keys act one at a time", m.guard.dropped))
		return then
	}
	for _, k := range keys {
		f := m.field()
		switch {
		case f != nil && paste && k.Code == tea.KeyEnter:
			f.insert(" ")
			m.warn("a pasted line end became a space; enter sends the text")
		case f != nil && k.Code != tea.KeyEnter:
			f.key(k)
		default:
			cmds = append(cmds, m.press(k))
		}
	}
	return tea.Batch(cmds...)
}

// pasted takes bracketed paste: text in a text field, nothing elsewhere.
func (m *model) pasted(msg tea.PasteMsg) {
	if f := m.field(); f != nil {
		f.insert(msg.Content)
		return
	}
	m.warn("pasted text never acts: dropped")
}

// How long a question waits for its frame, and for the terminal's answer.
const (
	frameWait  = 50 * time.Millisecond
	answerWait = time.Second
)

// gate keeps keys from a question that is not on the screen yet. It opens when
// the terminal answered a report that was asked for behind the frame.
type gate struct {
	gen   int
	asked bool
	open  bool
}

// shut closes the gate for a new question.
func (g *gate) shut() tea.Cmd {
	g.gen++
	g.asked, g.open = false, false
	gen := g.gen
	return tea.Batch(
		tea.Tick(frameWait, func(time.Time) tea.Msg { return shownMsg{gen} }),
		tea.Tick(answerWait, func(time.Time) tea.Msg { return openMsg{gen} }),
	)
}

// shown asks the terminal, behind the frame, whether it has come so far.
func (g *gate) shown(gen int) tea.Cmd {
	if gen != g.gen {
		return nil
	}
	g.asked = true
	return tea.RequestCursorPosition
}

func (g *gate) answered() { g.open = g.open || g.asked }

func (g *gate) timeout(gen int) { g.open = g.open || gen == g.gen }
