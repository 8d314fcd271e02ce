package plain

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/creack/pty"

	"runbook/runbook"
	"runbook/steps/supervise"
)

// TestTitleIsGivenBack hands a terminal to a command that sets its title.
func TestTitleIsGivenBack(t *testing.T) {
	t.Parallel()
	toml := strings.Replace(small, "test ! -e broken", "read -r _", 1)
	f := begin(t, strings.Replace(toml, "run.command = { ", "run.command = { interactive = true, ", 1))
	f.write("marker")
	if err := f.walk("decide choose a", "confirm sure it is", "detach"); !errors.Is(err, ErrDetached) {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	seen := f.s.State().Step(f.s.Book().Step("make")).Seen
	go func() {
		done <- f.s.Do(t.Context(), runbook.Intent{Kind: runbook.RunStep, Step: "make", Seen: seen})
	}()
	var talks *supervise.Screen
	waitFor(t, func() bool {
		var err error
		talks, err = f.s.Screen("make")
		return err == nil
	})
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = errors.Join(master.Close(), slave.Close()) })
	shown := new(screen)
	go shown.from(master)
	over := make(chan error, 1)
	go func() { over <- HandOver(talks, slave, slave) }()
	waitFor(t, func() bool { return strings.Contains(shown.String(), "\x1b]0;title\x07") })
	if _, err := master.WriteString("\r"); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(<-done, <-over); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { return strings.Contains(shown.String(), "\x1b[23;0t") })
	text := shown.String()
	kept, set, back := strings.Index(text, "\x1b[22;0t"), strings.Index(text, "\x1b]0;title\x07"), strings.LastIndex(text, "\x1b[23;0t")
	if kept < 0 || kept > set || back < set {
		t.Errorf("%q", text)
	}
}

// from takes what a terminal is sent.
func (s *screen) from(master *os.File) {
	buf := make([]byte, 4096)
	for {
		n, err := master.Read(buf)
		if _, writeErr := s.Write(buf[:n]); err != nil || writeErr != nil {
			return // closed
		}
	}
}
