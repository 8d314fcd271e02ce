package tui

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/charmbracelet/x/term"

	"runbook/runbook"
)

// watchdog waits for the watchdog of the program, and answers its pid.
func (x *terminal) watchdog() (pid string) {
	x.t.Helper()
	if runtime.GOOS != "linux" {
		x.t.Skip("no /proc to find the watchdog in")
	}
	x.until("the watchdog", func() bool {
		lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", x.cmd.Process.Pid))
		for _, list := range lists {
			children, _ := os.ReadFile(list)
			for _, pid = range strings.Fields(string(children)) {
				if said, _ := os.ReadFile("/proc/" + pid + "/cmdline"); bytes.Contains(said, []byte(watchdogWord)) {
					return true
				}
			}
		}
		return false
	})
	return pid
}

func (x *terminal) gone(pid string) {
	x.t.Helper()
	x.until("the watchdog's end", func() bool {
		stat, err := os.ReadFile("/proc/" + pid + "/stat")
		return err != nil || bytes.Contains(stat, []byte(") Z "))
	})
}

// alone closes our own end of the terminal: the other then reads its end, as
// soon as nobody else has it open.
func (x *terminal) alone() {
	x.t.Helper()
	if err := x.tty.Close(); err != nil {
		x.t.Fatal(err)
	}
	<-x.unread
}

// TestKilledScreen kills the screen: its watchdog gives the terminal back.
func TestKilledScreen(t *testing.T) {
	t.Parallel()
	x := openTerminal(t, 80, 24)
	x.wait(0, "FAILED")
	dog := x.watchdog()
	from := x.bytes()
	if err := x.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = x.left()
	x.wait(from, "\x1b[?1049l")
	x.wait(from, "\x1b[?25h")
	x.wait(from, "the screen died; the run goes on: runbook resume 7f3a\r")
	after, err := term.GetState(x.tty.Fd())
	if err != nil || after.Lflag&syscall.ICANON == 0 || after.Lflag&syscall.ECHO == 0 || after.Oflag&syscall.OPOST == 0 {
		t.Errorf("the terminal was left raw: %v", err)
	}
	x.gone(dog)
	x.alone()
}

// TestScreenThatLeavesNeedsNoWatchdog leaves in each tidy way: nothing is
// said, and the terminal is free as soon as the program has left.
func TestScreenThatLeavesNeedsNoWatchdog(t *testing.T) {
	t.Parallel()
	for _, leave := range []func(x *terminal){
		func(x *terminal) { x.typeKeys("q") },
		func(x *terminal) { _ = x.cmd.Process.Signal(syscall.SIGTERM) },
		func(x *terminal) { _ = x.cmd.Process.Signal(syscall.SIGHUP) },
	} {
		x := openTerminal(t, 80, 24)
		x.wait(0, "FAILED")
		dog := x.watchdog()
		leave(x)
		if err := x.left(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat("/proc/" + dog); err == nil {
			t.Error("the watchdog outlives the screen")
		}
		x.alone()
		if bytes.Contains(x.got, []byte("the screen died")) {
			t.Errorf("it was spoken for: %q", x.got)
		}
	}
}

// TestWatchdogOfAFrozenTerminal ends though nothing can be written.
func TestWatchdogOfAFrozenTerminal(t *testing.T) {
	t.Parallel()
	x := openTerminal(t, 80, 24)
	x.wait(0, "FAILED")
	dog := x.watchdog()
	x.freeze()
	if err := x.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = x.left()
	x.gone(dog)
	after, err := term.GetState(x.tty.Fd())
	if err != nil || after.Lflag&syscall.ICANON == 0 {
		t.Errorf("the terminal was left raw: %v", err)
	}
}

// TestWatchdogLeavesTheShellsModeAlone: a shell that took the terminal first
// has set what it needs.
func TestWatchdogLeavesTheShellsModeAlone(t *testing.T) {
	t.Parallel()
	x := openTerminal(t, 80, 24)
	x.wait(0, "FAILED")
	dog := x.watchdog()
	shell, err := term.GetState(x.tty.Fd())
	if err != nil {
		t.Fatal(err)
	}
	shell.Lflag = shell.Lflag&^syscall.ICANON | syscall.ISIG // as line editing has it
	if err := term.Restore(x.tty.Fd(), shell); err != nil {
		t.Fatal(err)
	}
	from := x.bytes()
	if err := x.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	x.wait(from, "the screen died")
	x.gone(dog)
	if after, err := term.GetState(x.tty.Fd()); err != nil || after.Lflag != shell.Lflag || after.Oflag != shell.Oflag {
		t.Errorf("the shell's mode was changed: %v", err)
	}
}

// TestDeadTerminal closes the other end: the screen ends, and the command that
// it started goes on.
func TestDeadTerminal(t *testing.T) {
	t.Parallel()
	x := openTerminal(t, 80, 24)
	x.started()
	dog := x.watchdog()
	if err := x.pty.Close(); err != nil {
		t.Fatal(err)
	}
	_ = x.left()
	x.gone(dog)
	x.until("the command's end", func() bool { _, err := os.Stat(filepath.Join(x.dir, "migrated")); return err == nil })
}

// TestTakeOverOfAFrozenTerminal: what stalls is the screen; its session
// answers who asks.
func TestTakeOverOfAFrozenTerminal(t *testing.T) {
	t.Parallel()
	x := openTerminal(t, 80, 24)
	x.started()
	x.freeze()
	runs, err := filepath.Glob(filepath.Join(x.dir, "runs", "*"))
	if err != nil || len(runs) != 1 {
		t.Fatalf("runs %v, %v", runs, err)
	}
	did, err := runbook.TakeOver(t.Context(), runs[0], runbook.Taker{Claims: map[string]string{"user": "bob"}})
	if err != nil || !strings.Contains(did, "was asked, and only reads along") {
		t.Errorf("%q, %v", did, err)
	}
	if err := x.cmd.Process.Signal(syscall.Signal(0)); err != nil {
		t.Errorf("the frozen screen was ended: %v", err)
	}
	x.until("the command's end", func() bool { _, err := os.Stat(filepath.Join(x.dir, "migrated")); return err == nil })
}
