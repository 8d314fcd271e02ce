package tui

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/charmbracelet/x/term"
	"github.com/creack/pty"

	"runbook/steps/supervise"
)

const exitStuck = 4

// childDir makes this test binary the program itself, for a session in that
// directory.
const childDir = "RUNBOOK_TUI_TEST_DIR"

func TestMain(m *testing.M) {
	if code, ours := supervise.Main(os.Args[1:]); ours {
		os.Exit(code)
	}
	if code, ours := Watchdog(os.Args[1:]); ours {
		os.Exit(code)
	}
	if dir := os.Getenv(childDir); dir != "" {
		switch err := child(dir); {
		case errors.Is(err, ErrStuck): // nothing can be written there
			os.Exit(exitStuck)
		case err != nil:
			fmt.Fprintln(os.Stderr, err)
			os.Exit(3)
		}
		fmt.Println("left")
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func child(dir string) error {
	signal.Ignore(syscall.SIGTTOU)
	s, err := startSession(context.Background(), small, dir, filepath.Join(dir, "runs"))
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	program, err := os.Executable()
	if err != nil {
		return err
	}
	return Run(context.Background(), s, Options{In: os.Stdin, Out: os.Stdout, Env: os.Environ(), Watchdog: program})
}

// terminal is a program on a pseudo terminal that answers cursor reports.
type terminal struct {
	t    *testing.T
	pty  *os.File
	tty  *os.File
	cmd  *exec.Cmd
	dir  string
	exit chan error

	mu     sync.Mutex
	got    []byte
	frozen chan struct{} // closed to stop reading
	unread chan struct{} // closed when nobody reads
}

func openTerminal(t *testing.T, w, h uint16, env ...string) *terminal {
	t.Helper()
	dir := targetDir(t)
	put(t, dir, "readme", "hi", 0o600)
	put(t, dir, "jwt", "short", 0o600)
	put(t, dir, "migrate", "#!/bin/sh\necho begun > begun; sleep 1; echo done > migrated\n", 0o700)
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	if err := pty.Setsize(p, &pty.Winsize{Cols: w, Rows: h}); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe, "-test.run=^$")
	cmd.Env = append([]string{childDir + "=" + dir, "TERM=xterm-256color", "SSH_TTY=/dev/pts/0", "PATH=/usr/bin:/bin", "HOME=" + dir}, env...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = tty, tty, tty
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	x := &terminal{t: t, pty: p, tty: tty, cmd: cmd, dir: dir, exit: make(chan error, 1), frozen: make(chan struct{}), unread: make(chan struct{})}
	go x.read()
	go func() { x.exit <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = p.Close()
		_ = tty.Close()
	})
	return x
}

func (x *terminal) read() {
	defer close(x.unread)
	buf := make([]byte, 32<<10)
	for {
		select {
		case <-x.frozen:
			return
		default:
		}
		n, err := x.pty.Read(buf)
		if bytes.Contains(buf[:n], []byte("\x1b[6n")) {
			_, _ = x.pty.WriteString("\x1b[1;1R")
		}
		x.mu.Lock()
		x.got = append(x.got, buf[:n]...)
		x.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (x *terminal) bytes() int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return len(x.got)
}

// wait waits until text came after the first from bytes.
func (x *terminal) wait(from int, text string) {
	x.t.Helper()
	x.until(text, func() bool {
		x.mu.Lock()
		defer x.mu.Unlock()
		return bytes.Contains(x.got[from:], []byte(text))
	})
}

func (x *terminal) until(what string, cond func() bool) {
	x.t.Helper()
	late := time.After(time.Minute)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-late:
			x.mu.Lock()
			defer x.mu.Unlock()
			x.t.Fatalf("%s did not come; got %q", what, x.got)
		}
	}
}

// over counts the bytes that come within a span: that they are few is what is
// measured, so there is nothing to wait for.
func (x *terminal) over(span time.Duration) int {
	was := x.bytes()
	<-time.After(span)
	return x.bytes() - was
}

func (x *terminal) typeKeys(keys string) {
	x.t.Helper()
	if _, err := x.pty.WriteString(keys); err != nil {
		x.t.Fatal(err)
	}
}

func (x *terminal) left() error {
	x.t.Helper()
	select {
	case err := <-x.exit:
		return err
	case <-time.After(10 * time.Second):
		x.t.Fatal("the program did not leave")
		return nil
	}
}

// TestWire measures what goes over the line; the bounds are generous, the
// figures are in the log of the test.
func TestWire(t *testing.T) {
	t.Parallel()
	began := time.Now()
	x := openTerminal(t, 120, 40)
	x.wait(0, "PRODUCTION")
	first := time.Since(began)
	x.wait(0, "FAILED")
	x.over(1500 * time.Millisecond)
	t.Logf("first frame after %v, %d bytes until the checks are drawn", first.Round(time.Millisecond), x.bytes())
	const idleFor = 2
	idle := x.over(idleFor*time.Second) / idleFor
	t.Logf("idle: %d bytes/s", idle)
	var worst, sum int
	const keys = 6
	for i := range keys {
		was := x.bytes()
		x.typeKeys(map[bool]string{true: "\x1b[B", false: "\x1b[A"}[i%2 == 0])
		x.over(restTime + 200*time.Millisecond)
		n := x.bytes() - was
		worst, sum = max(worst, n), sum+n
	}
	t.Logf("cursor key: %d bytes on average, %d at most (detail and clock included)", sum/keys, worst)
	was := x.bytes()
	for i := range 20 {
		x.typeKeys(map[bool]string{true: "\x1b[B", false: "\x1b[A"}[i%2 == 0])
		x.over(40 * time.Millisecond)
	}
	t.Logf("held cursor key: %d bytes each", (x.bytes()-was)/20)
	if idle > 200 || worst > 2000 {
		t.Errorf("idle %d bytes/s, cursor key %d bytes", idle, worst)
	}
	x.typeKeys("q")
	if err := x.left(); err != nil {
		t.Errorf("q: %v", err)
	}
}

// TestSignalsLeaveTidily sends each signal and finds the terminal as it was.
func TestSignalsLeaveTidily(t *testing.T) {
	t.Parallel()
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGHUP, syscall.SIGINT} {
		x := openTerminal(t, 80, 24)
		before, err := term.GetState(x.tty.Fd())
		if err != nil {
			t.Fatal(err)
		}
		x.wait(0, "FAILED")
		from := x.bytes()
		if err := x.cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		if err := x.left(); err != nil {
			t.Errorf("%v: %v", sig, err)
		}
		x.wait(from, "\x1b[?1049l")
		after, err := term.GetState(x.tty.Fd())
		if err != nil {
			t.Fatal(err)
		}
		if before.Lflag != after.Lflag && after.Lflag&syscall.ICANON == 0 {
			t.Errorf("%v left the terminal raw", sig)
		}
	}
}

// TestFrozenTerminal reads nothing any more: the command goes on, and SIGTERM
// gives the terminal back although the program can't.
func TestFrozenTerminal(t *testing.T) {
	t.Parallel()
	x := openTerminal(t, 80, 24)
	x.started()
	x.freeze()
	x.until("the command's end", func() bool { _, err := os.Stat(filepath.Join(x.dir, "migrated")); return err == nil })
	if err := x.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := x.left(); !errors.As(err, &exit) || exit.ExitCode() != exitStuck {
		t.Errorf("a program that can't draw left with %v", err)
	}
	after, err := term.GetState(x.tty.Fd())
	if err != nil || after.Lflag&syscall.ICANON == 0 {
		t.Errorf("the terminal was left raw: %v", err)
	}
}

// started walks a run up to a command that goes on for a second.
func (x *terminal) started() {
	x.t.Helper()
	x.wait(0, "FAILED")
	put(x.t, x.dir, "jwt", "a long secret of more than thirty-two bytes", 0o600)
	put(x.t, x.dir, "dump", "dump", 0o600)
	for _, s := range [][2]string{{"r", "Dump is fresh"}, {"r", "read back"}, {"\r", "AUSE POINT"}, {"\r", "by revert"}, {"\r", "starts it"}} {
		from := x.bytes()
		x.over(150 * time.Millisecond) // keys closer together are a paste
		x.typeKeys(s[0])
		x.wait(from, s[1])
	}
	x.over(400 * time.Millisecond)
	x.typeKeys("\r")
	x.until("the command's start", func() bool { _, err := os.Stat(filepath.Join(x.dir, "begun")); return err == nil })
}

// freeze leaves the terminal unread, and full.
func (x *terminal) freeze() {
	x.t.Helper()
	close(x.frozen)
	full := 0 // the kernel still moves what it took: full is what stays so
	x.until("a terminal that takes nothing", func() bool {
		n, err := stuff(x.tty)
		if err != nil {
			x.t.Fatal(err)
		}
		full++
		if n > 0 {
			full = 0
		}
		return full > 20
	})
	<-x.unread
}

// stuff fills a terminal that nobody reads, and answers how much it took.
func stuff(tty *os.File) (took int, err error) {
	fd := int(tty.Fd())
	if err := syscall.SetNonblock(fd, true); err != nil {
		return 0, err
	}
	line := []byte(strings.Repeat(".", 1024))
	for { // to the last byte
		n, err := syscall.Write(fd, line)
		took += max(0, n)
		switch {
		case errors.Is(err, syscall.EAGAIN) && len(line) == 1:
			return took, syscall.SetNonblock(fd, false)
		case errors.Is(err, syscall.EAGAIN):
			line = line[:1]
		case err != nil:
			return took, err
		}
	}
}
