package tui

import (
	"os"
	"time"

	tea "charm.land/bubbletea/v2"

	"runbook/runbook/book"
	"runbook/steps/safetext"
	"runbook/steps/supervise"
)

// How much of a command's output stands below its step, and how often it is
// read, however fast it grows.
const (
	tailBytes = 64 << 10
	tailLines = 200
	tailCells = 500
	frameTime = 100 * time.Millisecond
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
		for _, line := range lines[max(0, len(lines)-tailLines):] {
			msg.lines = append(msg.lines, weave(line, tailCells, nil, -1)[0].text)
		}
		msg.size = next
		return msg
	})
}
