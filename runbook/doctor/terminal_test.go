package doctor

import (
	"bytes"
	"os"
	"testing"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"runbook/steps"
)

// openTerminal is a pseudo terminal and the side that a person sits at.
func openTerminal(t *testing.T, cols, rows uint16) (person *os.File, h Host) {
	t.Helper()
	person, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = person.Close(), tty.Close() })
	if err := pty.Setsize(person, &pty.Winsize{Cols: cols, Rows: rows}); err != nil {
		t.Fatal(err)
	}
	h = host(t, "TERM", "xterm-256color", "LANG", "de_DE.UTF-8", "TMUX", "/tmp/x", "NO_COLOR", "1")
	h.Terminal = tty.Name()
	return person, h
}

// answers reports the cursor whenever it is asked, behind a key that was typed
// before.
func answers(person *os.File) {
	buf := make([]byte, 256)
	for {
		n, err := person.Read(buf)
		if err != nil {
			return
		}
		if bytes.Contains(buf[:n], []byte("\x1b[6n")) {
			_, _ = person.WriteString("x\x1b[12;40R")
		}
	}
}

func TestTerminal(t *testing.T) {
	t.Parallel()
	person, h := openTerminal(t, 80, 24)
	before := modes(t, h.Terminal)
	go answers(person)
	found := h.terminal(t.Context())
	want(t, found, "terminal", steps.Pass, "xterm-256color in tmux, without colours")
	want(t, found, "screen", steps.Pass, "80x24", "at least 40x20")
	want(t, found, "locale", steps.Pass, "de_DE.UTF-8")
	want(t, found, "cursor report", steps.Pass, "came within")
	if modes(t, h.Terminal) != before {
		t.Error("the terminal is not as it was")
	}
}

func TestPoorTerminal(t *testing.T) {
	t.Parallel()
	person, h := openTerminal(t, 39, 20)
	h.Getenv = environ("TERM", "dumb", "LANG", "C", "LC_ALL", "de_DE@euro")
	before := modes(t, h.Terminal)
	found := h.terminal(t.Context())
	want(t, found, "terminal", steps.Warn, "--plain")
	want(t, found, "screen", steps.Warn, "39x20")
	want(t, found, "locale", steps.Warn, "de_DE@euro")
	want(t, found, "cursor report", steps.Warn, "none came")
	buf := make([]byte, 16)
	if n, err := person.Read(buf); err != nil || string(buf[:n]) != "\x1b[6n" {
		t.Errorf("it was not asked: %q, %v", buf[:n], err)
	}
	if modes(t, h.Terminal) != before {
		t.Error("the terminal is not as it was")
	}
	if found := host(t).terminal(t.Context()); len(found) != 1 || found[0].Verdict != steps.Warn {
		t.Errorf("without a terminal: %v", found)
	}
}

// modes are those that a shell would miss.
func modes(t *testing.T, tty string) unix.Termios {
	t.Helper()
	f, err := os.OpenFile(tty, os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	now, err := unix.IoctlGetTermios(int(f.Fd()), getTermios)
	if err != nil {
		t.Fatal(err)
	}
	return *now
}

func TestClock(t *testing.T) {
	t.Parallel()
	h := host(t, "TZ", "Nowhere/Land")
	found := h.clock(t.Context())
	want(t, found, "TZ", steps.Warn, "Nowhere/Land")
	if found[0].What != "clock" || found[0].Verdict == steps.Fail {
		t.Errorf("%v", found)
	}
}
