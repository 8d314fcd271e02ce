package tui

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"

	"runbook/runbook"
	"runbook/runbook/book"
	"runbook/runbook/journal"
	"runbook/steps/safetext/hostile"
)

// hostileBook prints payloads, once as a command and once in each check.
const hostileBook = `
schema = 1
name = "hostile"
[vars]
word = {}
[[phase]]
id = "print"
style = "read-do"
  [[phase.step]]
  id = "say"
  undo = "back"
  verify = "said"
  run.command = { argv = ["./say", "${word}"] }
  [[phase.step]]
  id = "said"
  check.file = { path = "said" }
[[phase]]
id = "look"
`

// sayer prints the payloads and then waits to be let go, or for the test's end.
const sayer = "#!/bin/sh\ncat payloads\nfor i in $(seq 600); do if [ -e go ] || [ ! -e payloads ]; then break; fi; sleep 0.05; done\ntouch said\n"

// hostileSession is a run of which every title, note and value is a payload,
// every check says one, and whose command prints them all. With tame they are
// only the harmless part.
func hostileSession(t *testing.T, dir string, tame bool) *runbook.Session {
	t.Helper()
	all := hostile.Payloads()
	text := func(p hostile.Payload) string {
		if tame {
			return p.Kept
		}
		return p.Text
	}
	toml, printed := hostileBook, ""
	for i, p := range all {
		toml += fmt.Sprintf("[[phase.step]]\nid = \"c%d\"\ncheck.command = { sh = \"cat p%d; exit 1\" }\n", i, i)
		put(t, dir, fmt.Sprintf("p%d", i), text(p), 0o600)
		printed += text(p) + "\n"
	}
	toml += "[[plan]]\nid = \"way-back\"\n[[plan.step]]\nid = \"back\"\nrun.command = { argv = [\"rm\", \"said\"] }\n"
	put(t, dir, "payloads", printed, 0o600)
	put(t, dir, "say", sayer, 0o700)
	b, err := book.Read([]byte(toml), "hostile.toml")
	if err != nil {
		t.Fatal(err)
	}
	target, err := book.ReadTarget(fmt.Appendf(nil, "name = \"prod\"\ndir = %q\npath = \"/usr/bin:/bin\"\n", dir), "prod.toml")
	if err != nil {
		t.Fatal(err)
	}
	w, err := runbook.NewWorld(target)
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range b.All() {
		p := text(all[i%len(all)])
		s.Title, s.Note = "title "+p, "note "+p
	}
	for _, p := range b.Phases {
		p.Title = text(all[0])
	}
	s, err := runbook.Start(t.Context(), runbook.StartOptions{
		Runs: filepath.Join(t.TempDir(), "runs"), Book: b, Target: target, World: w, Vars: map[string]string{"word": strings.ReplaceAll(text(all[0])+"\u202e", "\x00", "")},
		Mode: runbook.ModeDeploy, Log: journal.Options{NoIdentity: "a test", Claims: map[string]string{"user": text(all[1])}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// openSession shows a session on a pseudo terminal of its own.
func openSession(t *testing.T, s *runbook.Session, dir string, w, h uint16) *terminal {
	t.Helper()
	p, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	if err := pty.Setsize(p, &pty.Winsize{Cols: w, Rows: h}); err != nil {
		t.Fatal(err)
	}
	x := &terminal{t: t, pty: p, tty: tty, dir: dir, exit: make(chan error, 1), frozen: make(chan struct{}), unread: make(chan struct{})}
	go x.read()
	env := []string{"TERM=xterm-256color", "SSH_TTY=/dev/pts/0", "COLORTERM=truecolor"}
	left := make(chan struct{})
	go func() { x.exit <- Run(t.Context(), s, Options{In: tty, Out: tty, Env: env}); close(left) }()
	t.Cleanup(func() { // t's context has ended
		<-left
		_ = p.Close()
		_ = tty.Close()
	})
	return x
}

// visit walks a session through its screens. It answers what the terminal was
// sent for each of them.
func visit(t *testing.T, tame bool) map[string]string {
	t.Helper()
	dir := targetDir(t)
	run := hostileSession(t, dir, tame)
	x := openSession(t, run, dir, 230, 130)
	all, sent := hostile.Payloads(), map[string]string{}
	from, wide := 0, uint16(230)
	seen := func(screen, word string) {
		t.Helper()
		x.wait(from, word)
		x.over(400 * time.Millisecond) // a question rests, and keys closer together are a paste
		x.mu.Lock()
		defer x.mu.Unlock()
		sent[screen] += string(x.got[from:])
		from = len(x.got)
	}
	// anew makes the screen draw all it shows, until it shows the word: by
	// itself it sends only what differs from the one before.
	anew := func(screen, word string) {
		t.Helper()
		x.until(word, func() bool {
			wide ^= 1
			if err := pty.Setsize(x.pty, &pty.Winsize{Cols: wide, Rows: 130}); err != nil {
				t.Fatal(err)
			}
			if err := syscall.Kill(os.Getpid(), syscall.SIGWINCH); err != nil {
				t.Fatal(err)
			}
			x.over(100 * time.Millisecond)
			x.mu.Lock()
			defer x.mu.Unlock()
			return bytes.Contains(x.got[from:], []byte(word))
		})
		seen(screen, word)
	}
	last := all[len(all)-1].Kept
	anew("the phase", "kept-title.")
	x.typeKeys("\r")
	anew("the approval", "exactly this")
	x.typeKeys("\r")
	anew("the pane", last)
	x.typeKeys("o")
	anew("the output", "follows the end")
	x.typeKeys("\x1b")
	anew("the pane", "RUNNING")
	put(t, dir, "go", "", 0o600)
	x.until("the command's end", func() bool { return run.State().Counts(run.Book().Phases[0])[runbook.Passed] == 2 })
	anew("the pane", "read back")
	x.typeKeys("\r")
	anew("the pause point", "AUSE POINT")
	x.typeKeys("\r")
	x.until("the checks' results", func() bool { return run.State().Counts(run.Book().Phases[1])[runbook.Failed] == len(all) })
	anew("the checks", "wanted 0: "+last)
	x.typeKeys("i")
	anew("the evidence", "exit 1")
	x.typeKeys("\x1b")
	anew("the checks", "wanted 0: "+last)
	x.until("the end", func() bool {
		x.typeKeys("q") // a busy machine takes a key close to another for a paste
		x.over(400 * time.Millisecond)
		return len(x.exit) > 0
	})
	seen("the end", "\x1b[?1049l")
	if err := x.left(); err != nil {
		t.Errorf("q: %v", err)
	}
	return sent
}

// TestHostileBytes looks at what reaches a real terminal: of the payloads only
// what can be read, and no sequence that a session without them has not.
func TestHostileBytes(t *testing.T) {
	t.Parallel()
	var tame strings.Builder
	tame.WriteString("\x1b[?7l\x1b[?7h") // around the last cell of a screen, in whichever frame that changes
	for _, sent := range visit(t, true) {
		tame.WriteString(sent)
	}
	own, sent := hostile.Kinds(tame.String()), visit(t, false)
	for screen, bytes := range sent {
		if bad := hostile.Foreign(bytes, own); bad != "" {
			t.Errorf("%s sent %s: %q", screen, bad, bytes)
		}
	}
	for _, p := range hostile.Payloads() {
		for _, screen := range []string{"the pane", "the output", "the checks"} {
			if !strings.Contains(sent[screen], p.Kept) {
				t.Errorf("%s did not arrive on %s", p.Name, screen)
			}
		}
	}
}
