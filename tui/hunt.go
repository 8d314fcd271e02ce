package tui

import (
	"time"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"runbook/steps/supervise"
)

// hunt is a search on its way through an output: a frame's time at once, so
// that it can be stopped between two frames, and says how far it is.
type hunt struct {
	path   string
	find   supervise.Search
	up     bool
	from   supervise.Match // where it began
	at     supervise.Match // how far it is
	size   int64           // of the output when it began
	turned bool            // it came to one end, and goes on from the other
}

// step goes on for a frame's time; over says that there is nothing to go on to.
func (h *hunt) step() (hit supervise.Match, found, over bool, err error) {
	p, err := supervise.OpenPager(h.path)
	if err != nil {
		return hit, false, true, err
	}
	defer func() { _ = p.Close() }() // it was only read
	for began := time.Now(); time.Since(began) < frameTime; {
		if h.up {
			hit, found, err = h.find.Up(p, h.at)
		} else {
			hit, found, err = h.find.Down(p, h.at)
		}
		if found || err != nil {
			return hit, found, true, err
		}
		if h.at = hit; h.ended() {
			if h.turned {
				return hit, false, true, nil
			}
			h.turned = true
			h.at = supervise.Match{}
			if h.up {
				h.at.Row = h.size
			}
		}
	}
	return hit, false, false, nil
}

// ended reports whether a search has come to its end, or round to where it
// began.
func (h *hunt) ended() bool {
	switch {
	case h.turned && h.up:
		return h.at.Row < h.from.Row || h.at == supervise.Match{}
	case h.turned:
		return h.at.Row > h.from.Row
	case h.up:
		return h.at == supervise.Match{}
	}
	return h.at.Row >= h.size
}

// percent is how much of the output was looked through.
func (h *hunt) percent() int64 {
	done := h.at.Row - h.from.Row
	if h.up {
		done = -done
	}
	if h.turned {
		done += h.size
	}
	return min(100, max(0, done)*100/max(1, h.size))
}

// way names the direction of the next match, or with back of the one before.
func (o *outputScreen) way(back bool) string {
	if o.up != back {
		return "up"
	}
	return "down"
}

// typed takes a key while the text of a search is typed.
func (o *outputScreen) typed(m *model, k tea.KeyPressMsg) tea.Cmd {
	switch b := m.bindings; {
	case key.Matches(k, b.Enter):
		text := o.field.in.Value()
		o.field, o.aim.find = nil, nil
		if text == "" {
			return o.look(m)
		}
		find := supervise.NewSearch(text)
		o.aim.find, o.aim.hit, o.up = &find, nowhere, o.aim.end
		return o.seek(m, o.up)
	case key.Matches(k, b.Back):
		o.field = nil
	default:
		o.scroll(k, b)
	}
	return o.look(m)
}

// nowhere is what no match is.
var nowhere = supervise.Match{Row: -1}

// again looks for the next match, or with back for the one before.
func (o *outputScreen) again(m *model, back bool) tea.Cmd {
	if o.aim.find == nil {
		m.say("/ asks what to look for")
		return nil
	}
	return o.seek(m, o.up != back)
}

// seek looks for a match from the last one on, or from what is shown: upwards
// from the end, else downwards from the first line.
func (o *outputScreen) seek(m *model, up bool) tea.Cmd {
	from := o.aim.hit
	switch {
	case from == nowhere && o.aim.end:
		from = supervise.Match{Row: o.got.size}
	case from == nowhere:
		from = supervise.Match{Row: o.got.top.row}
	case !up:
		from.Col++
	}
	o.hunt = &hunt{path: o.aim.path, find: *o.aim.find, up: up, from: from, at: from, size: o.got.size}
	return tea.Batch(o.hunt.next(), o.look(m))
}

// next goes on with a copy: the event loop reads how far the search is.
func (h *hunt) next() tea.Cmd {
	now := *h
	return func() tea.Msg {
		msg := huntMsg{hunt: h}
		msg.hit, msg.found, msg.over, msg.err = now.step()
		msg.now = now
		return msg
	}
}

// hunted goes to a match, or on with the search.
func (o *outputScreen) hunted(m *model, msg huntMsg) tea.Cmd {
	*o.hunt = msg.now
	if !msg.over {
		return o.hunt.next()
	}
	o.hunt = nil
	switch {
	case msg.err != nil:
		m.warn(explain(msg.err))
		return nil
	case !msg.found:
		m.warn(o.aim.find.String() + ": not in this output")
		return nil
	case msg.hit == o.aim.hit:
		m.say("this is the only match")
	case msg.now.turned && msg.now.up:
		m.say("went on from the end")
	case msg.now.turned:
		m.say("went on from the start")
	}
	o.leave(o.got.top)
	o.aim.hit, o.aim.show = msg.hit, true
	return o.look(m)
}
