package plain

import (
	"io"
	"strings"

	"runbook/runbook"
	"runbook/runbook/book"
	"runbook/steps/safetext"
	"runbook/steps/supervise"
)

// endOfText is what a terminal's end of input is: Ctrl-D.
const endOfText = "\x04"

// talk carries the operator's lines to an interactive command. A session in
// lines keeps its own terminal: what the command draws is shown as lines.
type talk struct {
	*session
	step   *book.Step
	screen *supervise.Screen
}

// talk is nil for a step that does not talk.
func (p *session) talk(step *book.Step) *talk {
	if !runbook.Interactive(step) || p.Rehearses() {
		return nil
	}
	p.print("  it is interactive: a line you type goes to it; `cancel %s` and `detach` are ours", safetext.Line(step.ID))
	p.print("  what you type is seen here, a password too: without --plain the command has the terminal to itself")
	return &talk{session: p, step: step}
}

// mine reports whether a line is for the command.
func (t *talk) mine(text string) bool {
	text = strings.TrimSpace(text)
	return t != nil && text != "detach" && text != runbook.Cancel+" "+t.step.ID
}

// say types a line, or the end of the input.
func (t *talk) say(text string) error {
	if t.screen == nil {
		screen, err := t.Screen(t.step.ID)
		if err != nil {
			return err
		}
		t.screen = screen
		go func() { _, _ = io.Copy(io.Discard, screen) }() // out.red is what is shown
	}
	_, err := t.screen.Write([]byte(text))
	return err
}

// doubt prints what did not reach the command.
func (p *session) doubt(err error) {
	if err != nil {
		p.print("! it did not reach the command: %s", safetext.Line(err.Error()))
	}
}

// close leaves the command's terminal.
func (t *talk) close() {
	if t != nil && t.screen != nil {
		_ = t.screen.Close() // it only carried
	}
}
