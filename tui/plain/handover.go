package plain

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"runbook/runbook/book"
	"runbook/steps/safetext"
	"runbook/steps/supervise"
)

// giveBackKey takes the terminal back from an interactive command: Ctrl-], as
// telnet has it.
const giveBackKey = 0x1d

// tidy undoes what a program may have switched on and left so: the alternate
// screen, a hidden cursor, mouse and focus reports, bracketed paste, keypad
// modes, insertion, a scrolling region, a character set, a cursor's shape,
// colours; and the title, which keepTitle had kept.
const tidy = "\x1b[?1049l\x1b[?25h\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1004l\x1b[?1006l\x1b[?2004l\x1b[?1l\x1b>\x1b[4l\x1b[?7h" +
	"\x1b7\x1b[r\x1b8\x0f\x1b(B\x1b[0 q\x1b[0m\x1b[23;0t\r\n"

// keepTitle puts the terminal's title where tidy takes it from. A terminal that
// can't does nothing.
const keepTitle = "\x1b[22;0t"

// HandedOver is what an operator reads before the command speaks.
func HandedOver(step *book.Step) string {
	return safetext.Line("your terminal is with " + Title(step.Title, step.ID) + "; Ctrl-] takes it back, and the command goes on")
}

// ErrGivenBack says that the operator took the terminal back with Ctrl-].
var ErrGivenBack = errors.New("the terminal was taken back")

// HandOver gives a terminal to an interactive command until it ends, which is
// nil, or until Ctrl-] is pressed, which is ErrGivenBack, or until the terminal
// dies. The command goes on whatever becomes of the terminal.
func HandOver(screen *supervise.Screen, in, out *os.File) (err error) {
	was, err := term.MakeRaw(int(in.Fd()))
	if err != nil {
		return fmt.Errorf("hand the terminal over: %w", err)
	}
	_, _ = out.WriteString(keepTitle) // what can't be written to is told soon
	copied := make(chan struct{})
	defer func() {
		closed := screen.Close()
		select {
		case <-copied: // what it still drew comes before the tidying
		case <-time.After(time.Second): // a terminal that takes nothing
		}
		_, writeErr := out.WriteString(tidy)
		err = errors.Join(err, closed, writeErr, term.Restore(int(in.Fd()), was))
	}()
	ended := make(chan error, 1)
	go func() {
		defer close(copied)
		_, err := io.Copy(out, screen)
		ended <- err
	}()
	resized := make(chan os.Signal, 1)
	signal.Notify(resized, syscall.SIGWINCH)
	defer signal.Stop(resized)
	resized <- syscall.SIGWINCH // it does not know the size yet
	buf := make([]byte, 4096)
	for {
		select {
		case err := <-ended:
			if errors.Is(err, net.ErrClosed) {
				return nil
			}
			return err
		case <-resized:
			if w, h, err := term.GetSize(int(in.Fd())); err == nil {
				_ = screen.Resize(uint16(h), uint16(w)) //nolint:gosec // G115: a terminal's size; an ended command does not need it
			}
		default:
		}
		n, err := typed(in, buf)
		if err != nil {
			return fmt.Errorf("the terminal went away: %w", err)
		}
		text, _, asked := bytes.Cut(buf[:n], []byte{giveBackKey})
		_, _ = screen.Write(text) // its end is told by ended
		if asked {
			return ErrGivenBack
		}
	}
}

// typed reads what was typed, or nothing: nobody else may wait in a read when
// the terminal is given back.
func typed(in *os.File, buf []byte) (int, error) {
	ready := []unix.PollFd{{Fd: int32(in.Fd()), Events: unix.POLLIN}} //nolint:gosec // G115: a descriptor
	n, err := unix.Poll(ready, int((20 * time.Millisecond).Milliseconds()))
	if n == 0 || errors.Is(err, unix.EINTR) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return in.Read(buf)
}
