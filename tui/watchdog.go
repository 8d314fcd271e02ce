package tui

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"syscall"
	"time"

	"github.com/charmbracelet/x/term"
	"golang.org/x/sys/unix"
)

// watchdogWord after the program's name makes it the watchdog of a screen.
const watchdogWord = "_watchdog"

// goodbye is what a screen that leaves by itself tells its watchdog.
var goodbye = []byte("bye")

// Watchdog is what a program calls first that runs a screen with
// Options.Watchdog: args are its arguments. A screen that is killed can't give
// its terminal back; a process beside it notices its end, does that, and says
// how to go on. ours reports that this process was one, and has ended with code.
func Watchdog(args []string) (code int, ours bool) {
	if len(args) != 2 || args[0] != watchdogWord {
		return 0, false
	}
	said, err := io.ReadAll(os.Stdin) // until the screen has ended, however it did
	if err != nil || bytes.HasSuffix(said, goodbye) {
		return 0, true
	}
	tty := os.NewFile(fdTerminal, "terminal")
	calm(tty.Fd(), said)
	write(tty, giveBack+"the screen died; the run goes on: "+args[1]+"\r\n")
	return 0, true
}

// fdTerminal is where a watchdog finds the terminal.
const fdTerminal = 3

// calm takes back the raw mode, if it is still there: a shell that is quicker
// has set its own.
func calm(fd uintptr, said []byte) {
	now, err := term.GetState(fd)
	if err != nil || now.Lflag&(unix.ICANON|unix.ISIG) != 0 || now.Oflag&unix.OPOST != 0 {
		return
	}
	was := *now
	if json.Unmarshal(said, &was.Termios) == nil {
		_ = term.Restore(fd, &was) // the terminal may have gone too
	}
}

// write writes to a terminal that may never take it.
func write(tty *os.File, text string) {
	written := make(chan struct{})
	go func() {
		defer close(written)
		_, _ = tty.WriteString(text)
	}()
	select {
	case <-written:
	case <-time.After(frozenWait):
	}
}

// frozenWait is how long a terminal may take to take a line.
const frozenWait = 100 * time.Millisecond

// watchdog is the process beside a screen.
type watchdog struct {
	line    *os.File // its end, without a goodbye, is the screen's
	process *os.Process
}

// guarded starts the watchdog behind the first frame, which it must not delay.
// The answer is called when the screen leaves by itself.
func guarded(o Options, was *term.State, m *model) (leave func()) {
	left, dog := make(chan struct{}), make(chan *watchdog, 1)
	go func() {
		select {
		case <-m.drawn:
			dog <- unleash(o, was, m.back())
		case <-left:
			dog <- nil
		}
	}()
	return func() {
		close(left)
		(<-dog).leave()
	}
}

// unleash starts the watchdog; nil if there is none. It has a session of its
// own, so what ends the screen does not end it, and an opening of the terminal
// that is its own.
func unleash(o Options, was *term.State, back string) *watchdog {
	if o.Watchdog == "" {
		return nil
	}
	tty, err := os.OpenFile(o.Out.Name(), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		tty = o.Out // another account's terminal, as after su
	} else {
		defer func() { _ = tty.Close() }() // it has its own
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return nil
	}
	defer func() { _ = null.Close() }() // nothing to lose
	in, out, err := os.Pipe()
	if err != nil {
		return nil
	}
	defer func() { _ = in.Close() }() // it has its own
	state, err := json.Marshal(was.Termios)
	if err == nil {
		_, err = out.Write(state)
	}
	w := &watchdog{line: out}
	if err == nil {
		w.process, err = os.StartProcess(o.Watchdog, []string{o.Watchdog, watchdogWord, back}, &os.ProcAttr{
			Dir: "/", Env: []string{}, Files: []*os.File{in, null, null, tty}, Sys: &syscall.SysProcAttr{Setsid: true},
		})
	}
	if err != nil {
		_ = out.Close() // the screen goes without
		return nil
	}
	return w
}

// leave tells the watchdog that the screen leaves by itself, and waits until
// it no longer has the terminal open: an ssh connection would wait for that.
func (w *watchdog) leave() {
	if w == nil {
		return
	}
	_, _ = w.line.Write(goodbye) // it may have been killed
	_ = w.line.Close()
	ended := make(chan struct{})
	go func() { defer close(ended); _, _ = w.process.Wait() }()
	select {
	case <-ended:
	case <-time.After(closeWait): // stopped, by whoever does such things
		_ = w.process.Kill()
	}
}
