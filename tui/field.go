package tui

import (
	"strings"

	"charm.land/bubbles/v2/key"
	"charm.land/bubbles/v2/textinput"
	tea "charm.land/bubbletea/v2"

	"runbook/steps/safetext"
)

// fieldLimit is the longest text of a field, in characters: the log keeps 4 KiB.
const fieldLimit = 1000

// field is one line of text with a real cursor. While it is empty, a number
// takes one of its choices over.
type field struct {
	in      textinput.Model
	choices []string
}

func newField(value string, choices ...string) *field {
	in := textinput.New()
	in.SetVirtualCursor(false)
	in.CharLimit = fieldLimit
	in.KeyMap.Paste = key.NewBinding(key.WithDisabled()) // it would run a clipboard program
	in.SetStyles(textinput.Styles{})
	in.Focus()
	in.SetValue(safetext.Line(value))
	return &field{in: in, choices: choices}
}

// insert takes text as a whole: pasted, or taken for pasted.
func (f *field) insert(text string) {
	f.in, _ = f.in.Update(tea.PasteMsg{Content: safetext.Line(text)})
}

// key takes one key. What a screen must not show never enters.
func (f *field) key(k tea.KeyPressMsg) {
	if n := int(k.Code - '1'); f.in.Value() == "" && k.Text != "" && n >= 0 && n < len(f.choices) {
		f.in.SetValue(f.choices[n])
		f.in.CursorEnd()
		return
	}
	if k.Text != safetext.Line(k.Text) {
		return
	}
	f.in, _ = f.in.Update(k)
}

func (f *field) value() string { return strings.TrimSpace(f.in.Value()) }

// line is the field w cells wide, and where in it the cursor stands.
func (f *field) line(w int) (string, *tea.Cursor) {
	f.in.SetWidth(max(1, w-4))
	return f.in.View(), f.in.Cursor()
}
