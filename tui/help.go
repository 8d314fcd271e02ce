package tui

import (
	"fmt"
	"slices"
	"strings"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"
)

// helpScreen lists all keys of the program: those that act on the screen below
// it first.
type helpScreen struct{ page page }

// every is each key of the program in a few words.
func (b keyMap) every() []binding {
	return []binding{
		says(b.Enter, "open or do what comes next"),
		says(b.Go, "start what can't be undone, by its name; run a failed one again; sign"),
		says(b.Yes, "yes to a question"), says(b.No, "no to a question"),
		says(b.Recheck, "look again, or at what became of a command"),
		says(b.Diagnose, "run the diagnosis of a hint; it settles nothing"),
		says(b.Accept, "accept a failure as it is, with a reason"),
		says(b.ByHand, "done by hand, or not applicable here"),
		says(b.Skip, "skip a step that is not critical, with a reason"),
		says(b.Tell, "tell somebody: the message to copy, or to send"),
		says(b.Why, "why: all that is known of a step"),
		says(b.Output, "output of a command"),
		says(b.Search, "search an output: any case, unless with a capital"),
		says(b.Next, "the next match: up from the end, else down"), says(b.Prev, "the match the other way"),
		says(b.Cancel, "cancel the command that runs"),
		says(b.Memo, "memo into the log"),
		says(b.Rollback, "ways back; one is begun by typing its name"),
		says(b.End, "end the run, by typing end"),
		says(b.Quit, "detach: the run stays, a command goes on"),
		says(b.Number, "choose by number; in an output, to 10-90 %"),
		says(b.Help, "this list"),
	}
}

// newHelp lists now, the keys that act, and then all others.
func newHelp(b keyMap, now []binding) *helpScreen {
	line := func(x binding, text string) string { return fmt.Sprintf("%-7s %s", x.Help().Key, text) }
	id := func(x binding) string { return strings.Join(x.Keys(), " ") } // n has two meanings
	every := b.every()
	words := map[string]string{}
	for _, x := range every {
		words[id(x)] = x.Help().Desc
	}
	lines := []string{"NOW"}
	for _, x := range now {
		text := x.Help().Desc
		if more := words[id(x)]; more != "" && x.Help().Key != "enter" && x.Help().Key != "?" && text != "back" {
			text = more
		}
		lines = append(lines, line(x, text))
	}
	lines = append(lines, "", "AT OTHER TIMES")
	for _, x := range every {
		if !slices.ContainsFunc(now, func(n binding) bool { return id(n) == id(x) }) {
			lines = append(lines, line(x, x.Help().Desc))
		}
	}
	lines = append(lines, "", "ALWAYS",
		"up down j k  select or scroll",
		"space b      page down, page up; home, end",
		"esc          back, or to what is suggested; folds",
		"ctrl-c       cancel.. while a command runs, else detach",
		"",
		"enter never accepts, skips, signs, sends or destroys. Pasted keys never act.",
		"On a page that only shows, q goes back.")
	return &helpScreen{page: newPage(lines)}
}

func (s *helpScreen) pages() {}

func (s *helpScreen) body(m *model, w, h int) body {
	shown := s.page.body(w-2, h-1)
	lines := []string{both(m.styles.Title.Render(" KEYS"), s.page.where(), w)}
	for _, l := range shown {
		lines = append(lines, " "+l)
	}
	return body{lines: lines}
}

func (s *helpScreen) key(m *model, k tea.KeyPressMsg) tea.Cmd {
	b := m.bindings
	if key.Matches(k, b.Back) || key.Matches(k, b.Help) || key.Matches(k, b.Enter) {
		return m.pop()
	}
	if !s.page.key(k, b) {
		m.nothing(k)
	}
	return nil
}

func (s *helpScreen) keys(m *model) []binding {
	return []binding{m.bindings.Scroll}
}
