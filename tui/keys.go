package tui

import "charm.land/bubbles/v2/key"

// keyMap is every key of the program. A screen lists those that act on it.
type keyMap struct {
	Enter, Go, Yes, No, Recheck, Accept, ByHand, Skip    key.Binding
	Why, Output, Cancel, Memo, Tell, Rollback, End, Quit key.Binding
	Help, Up, Down, PageUp, PageDown, Top, Bottom, Back  key.Binding
	Number, Scroll, Diagnose, Backend                    key.Binding
	Search, Next, Prev                                   key.Binding
}

func bind(help, desc string, keys ...string) key.Binding {
	if len(keys) == 0 {
		keys = []string{help}
	}
	return key.NewBinding(key.WithKeys(keys...), key.WithHelp(help, desc))
}

func newKeyMap() keyMap {
	return keyMap{
		Enter:    bind("enter", "next", "enter"),
		Go:       bind("g", "start, by its name.."),
		Yes:      bind("y", "yes", "y", "Y"),
		No:       bind("n", "no", "n", "N"),
		Recheck:  bind("r", "recheck"),
		Accept:   bind("a", "accept.."),
		ByHand:   bind("h", "by hand or n/a.."),
		Skip:     bind("s", "skip.."),
		Why:      bind("i", "why"),
		Output:   bind("o", "output"),
		Cancel:   bind("c", "cancel.."),
		Memo:     bind("m", "memo.."),
		Tell:     bind("t", "tell.."),
		Diagnose: bind("d", "diagnose"),
		Backend:  bind("B", "cancel in the database.."),
		Rollback: bind("R", "rollback.."),
		End:      bind("x", "end run.."),
		Quit:     bind("q", "detach", "q", "ctrl+c"),
		Help:     bind("?", "keys"),
		Up:       bind("up", "up", "up", "k"),
		Down:     bind("down", "down", "down", "j"),
		PageUp:   bind("pgup", "page up", "pgup", "b"),
		PageDown: bind("pgdn", "page down", "pgdown", "space"),
		Top:      bind("home", "start", "home"),
		Bottom:   bind("end", "end", "end"),
		Back:     bind("esc", "back", "esc"),
		Scroll:   bind("up/dn", "scroll", "up", "down", "pgup", "pgdown"),
		Search:   bind("/", "search"),
		Next:     bind("n", "next match"),
		Prev:     bind("N", "match before"),
		Number:   bind("1-9", "choose", "1", "2", "3", "4", "5", "6", "7", "8", "9"),
	}
}

// oneOf is the keys that choose among n.
func (b keyMap) oneOf(n int, desc string) binding {
	x, keys := b.Number, "1"
	if n > 1 {
		keys = "1-" + itoa(min(n, 9))
	}
	x.SetHelp(keys, desc)
	return x
}

// says is a binding with another description, for the moment it is shown in.
func says(b key.Binding, desc string) key.Binding {
	b.SetHelp(b.Help().Key, desc)
	return b
}
