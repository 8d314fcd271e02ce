package tui

import (
	"errors"
	"fmt"
	"os"
	"time"

	tea "charm.land/bubbletea/v2"

	"runbook/runbook/book"
	"runbook/steps/safetext"
	"runbook/steps/supervise"
)

// How much of a command's output is read: below its step, and as a whole.
const (
	tailBytes   = 64 << 10
	outputBytes = 256 << 10
	tailLines   = 200
	frameTime   = 100 * time.Millisecond
)

// readTail reads the end of a running command's output, a frame after the last
// one, and only if there is more than was.
func (d *deeds) readTail(step *book.Step, path string, was tailMsg) tea.Cmd {
	s := d.session
	return tea.Tick(frameTime, func(time.Time) tea.Msg {
		msg := tailMsg{step: step.ID, last: s.LastOutput(step.ID)}
		info, err := os.Stat(path)
		switch {
		case err != nil:
			return msg
		case was.step == step.ID && info.Size() == was.size:
			msg.lines, msg.size = was.lines, was.size
			return msg
		}
		data, next, err := supervise.Tail(path, tailBytes)
		if err != nil {
			return msg
		}
		lines := safetext.Lines(data, true)
		msg.lines, msg.size = lines[max(0, len(lines)-tailLines):], next
		return msg
	})
}

// readOutput reads the end of a step's output, after a pause.
func (d *deeds) readOutput(step *book.Step, path string, pause time.Duration) tea.Cmd {
	return tea.Tick(pause, func(time.Time) tea.Msg {
		data, next, err := supervise.Tail(path, outputBytes)
		if errors.Is(err, os.ErrNotExist) {
			err = fmt.Errorf("%s has printed nothing yet", step.ID)
		}
		return outputMsg{step: step.ID, lines: safetext.Lines(data, true), size: next, cut: next - int64(len(data)), err: err}
	})
}
