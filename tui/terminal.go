package tui

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/term"
)

// stuckAfter is how long the program may take to leave.
const stuckAfter = 3 * time.Second

// giveBack undoes what the program switched on: keyboard modes, bracketed
// paste, the alternate screen, a hidden cursor, colours.
const giveBack = "\x1b[<u\x1b[>4m\x1b[?2004l\x1b[?1049l\x1b[?25h\x1b[0m\r\n"

// drive runs the program and watches over it: signals ask it to leave, and if
// it does not, because the terminal takes nothing, the terminal is restored
// without it.
func drive(ctx context.Context, o Options, m *model) error {
	was, err := term.GetState(o.In.Fd())
	if err != nil {
		return fmt.Errorf("the full screen needs a terminal: %w; use --plain", err)
	}
	program := tea.NewProgram(m,
		tea.WithInput(o.In), tea.WithOutput(o.Out), tea.WithEnvironment(o.Env), tea.WithoutSignalHandler())
	ended := make(chan error, 1)
	go func() {
		_, err := program.Run()
		ended <- err
	}()
	defer guarded(o, was, m)()
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(signals)
	asked := false
	done := ctx.Done()
	leaving := m.leaving
	var late <-chan time.Time
	for {
		select {
		case err := <-ended:
			return verdict(err, asked)
		case <-signals:
			asked = true
		case <-done:
			asked, done = true, nil
		case <-leaving:
			leaving = nil
		case <-late:
			return stuck(o, was)
		}
		if late == nil {
			late = time.After(stuckAfter)
			go program.Send(leaveMsg{}) // blocks where the terminal does
		}
	}
}

// verdict is nil for every way to leave on purpose. A terminal that went away
// takes its reader with it: no news after a signal.
func verdict(err error, asked bool) error {
	if err == nil || asked {
		return nil
	}
	return fmt.Errorf("the screen broke off, the run goes on: %w", err)
}

// stuck restores the terminal of a program that can't: it still waits inside
// a write, and asking it to end would wait with it.
func stuck(o Options, was *term.State) error {
	err := term.Restore(o.In.Fd(), was)
	write(o.Out, giveBack)
	return errors.Join(ErrStuck, err)
}
