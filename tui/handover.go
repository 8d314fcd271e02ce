package tui

import (
	"errors"
	"io"
	"os"
	"time"

	tea "charm.land/bubbletea/v2"

	"runbook/runbook"
	"runbook/runbook/book"
	"runbook/steps/supervise"
	"runbook/tui/plain"
)

// handOver is the terminal in the hands of an interactive command. The
// supervisor owns the command's end of it, so a drop ends only this.
type handOver struct {
	session *runbook.Session
	step    *book.Step
	in, out *os.File
}

// Run ends when the command does, or when Ctrl-] takes the terminal back.
func (h *handOver) Run() error {
	screen, err := h.attach()
	if err != nil {
		return err
	}
	if _, err := h.out.WriteString("\x1b[2J\x1b[H" + plain.HandedOver(h.step) + "\r\n"); err != nil {
		return errors.Join(err, screen.Close())
	}
	return plain.HandOver(screen, h.in, h.out)
}

// attach waits for a command that is just being started.
func (h *handOver) attach() (*supervise.Screen, error) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		screen, err := h.session.Screen(h.step.ID)
		if !errors.Is(err, runbook.ErrNotNow) || h.session.State().Step(h.step).State != runbook.Running {
			return screen, err
		}
		<-tick.C
	}
}

// SetStdin and its like are the framework's; the terminal is known already.
func (h *handOver) SetStdin(io.Reader) {}

// SetStdout does nothing.
func (h *handOver) SetStdout(io.Writer) {}

// SetStderr does nothing.
func (h *handOver) SetStderr(io.Writer) {}

// handedMsg says that the terminal is ours again.
type handedMsg struct{ err error }

// tty is the terminal the program runs on.
type tty struct{ in, out *os.File }

// handOver gives the terminal to the interactive command of a step.
func (m *model) handOver(step *book.Step) tea.Cmd {
	return tea.Exec(&handOver{m.session, step, m.tty.in, m.tty.out}, func(err error) tea.Msg { return handedMsg{err} })
}

// handFirst hands the terminal to an interactive command as soon as the one
// that this screen started runs; one that was found running waits for a key.
func (m *model) handFirst() tea.Cmd {
	step := m.command()
	if step == nil || !runbook.Interactive(step) || m.session.Rehearses() || m.flight[runbook.RunStep] == 0 || m.handing == step.ID {
		return nil
	}
	m.handing = step.ID
	return m.handOver(step)
}

// handed takes the terminal back.
func (m *model) handed(msg handedMsg) tea.Cmd {
	switch {
	case m.session.Reads() != nil: // the header says who drives
	case errors.Is(msg.err, plain.ErrGivenBack):
		m.say("the terminal is yours again; the command goes on, o hands it over")
	case errors.Is(msg.err, os.ErrNotExist), errors.Is(msg.err, runbook.ErrNotNow):
		m.say("it has ended")
	case msg.err != nil:
		m.warn(explain(msg.err))
	}
	return m.look()
}
