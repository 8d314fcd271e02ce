package tui

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"runbook/runbook"
	"runbook/runbook/book"
	"runbook/runbook/journal"
)

var update = flag.Bool("update", false, "write the golden files anew")

// small is a book with every verb: files are looked at, commands are harmless.
const small = `
schema = 1
name = "small"
[vars]
image_tag = { default = "1.8.2" }
platform = { title = "where it runs" }
[[phase]]
id = "pre"
title = "Pre-checks"
  [[phase.step]]
  id = "readme"
  title = "README is there"
  check.file = { path = "readme" }
  [[phase.step]]
  id = "jwt"
  title = "JWT_SECRET strong"
  critical = true
  note = "Rotate it in the vault, then recheck."
  check.file = { path = "jwt", min_size = "32B" }
  [[phase.step]]
  id = "dump"
  title = "Dump is fresh"
  check.file = { path = "dump" }
[[phase]]
id = "go"
title = "Deploy"
style = "read-do"
  [[phase.step]]
  id = "migrate"
  title = "Run migrations"
  undo = "revert"
  verify = "migrated"
  run.command = { argv = ["./migrate"], ask_after = "10m" }
  [[phase.step]]
  id = "migrated"
  title = "Nothing is pending"
  check.file = { path = "migrated" }
  [[phase.step]]
  id = "drop"
  title = "Drop the old column"
  undo = "none: the data is gone"
  verify = "migrated"
  run.command = { argv = ["touch", "dropped"] }
  [[phase.step]]
  id = "where"
  title = "Which platform?"
  ask.decide = { question = "Where does it run?", var = "platform", choices = ["docker", "node"] }
  [[phase.step]]
  id = "quiet"
  title = "Logs are quiet"
  ask.confirm = { question = "Are the logs quiet?", evidence = ["migrated"] }
  [[phase.step]]
  id = "count"
  title = "Users before"
  ask.confirm = { question = "How many users were there?", value = "412" }
  [[phase.step]]
  id = "lead"
  title = "QA approves"
  ask.approve = { role = "qa", question = "Did QA approve ${image_tag}?" }
  [[phase.step]]
  id = "news"
  title = "Tell the channel"
  tell.message = { to = "#deploys", text = "small ${image_tag} goes out" }
[[phase]]
id = "day"
title = "First 24 hours"
  [[phase.step]]
  id = "errors"
  title = "Error rate"
  watch = { every = "15m", for = "24h", failures = 1, check.file = { path = "readme" } }
[[plan]]
id = "back"
title = "Image back, migrations reverted"
situation = "the old image works on the old schema"
loses = "column locale"
takes = "6 minutes"
  [[plan.step]]
  id = "revert"
  undo = "none: it is the way back"
  verify = "reverted"
  run.command = { argv = ["rm", "-f", "migrated"] }
  [[plan.step]]
  id = "reverted"
  check.file = { path = "migrated", exists = false }
[[hint]]
match = "jwt"
issue = "JWT secret too short"
say = "rotate vault kv/prod"
[[contact]]
level = "L2"
name = "eve"
reach = "+49 30 1"
response = "15 min"
`

// bench is a model over a real session, with the part of the program that
// executes commands.
type bench struct {
	*model
	t    *testing.T
	dir  string
	msgs chan tea.Msg
	deaf bool // the terminal answers no report

	quit context.CancelFunc // of the screen that is open
}

// target's directory has a name of fixed length, so that what is shown of it
// is cut at the same place every time.
func targetDir(t *testing.T) string {
	t.Helper()
	var salt [4]byte
	_, _ = rand.Read(salt[:])
	dir := filepath.Join("/tmp", "rbtui-"+hex.EncodeToString(salt[:]))
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func put(t *testing.T, dir, name, text string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

// startSession begins a run of toml in dir.
func startSession(ctx context.Context, toml, dir, runs string) (*runbook.Session, error) {
	return startOn(ctx, toml, dir, runs, "", nil)
}

// startOn begins one on a target that says more, with these vars.
func startOn(ctx context.Context, toml, dir, runs, more string, given map[string]string) (*runbook.Session, error) {
	b, err := book.Read([]byte(toml), "small.toml")
	if err != nil {
		return nil, err
	}
	text := fmt.Sprintf("name = \"tickr-prod\"\ndir = %q\npath = \"/usr/bin:/bin\"\n%s", dir, more)
	target, err := book.ReadTarget([]byte(text), "tickr-prod.toml")
	if err != nil {
		return nil, err
	}
	w, err := runbook.NewWorld(target)
	if err != nil {
		return nil, err
	}
	vars, err := b.On(target).Resolve(given, target.Values())
	if err != nil {
		return nil, err
	}
	return runbook.Start(ctx, runbook.StartOptions{
		Runs: runs, Book: b, Target: target, World: w, Vars: vars, Mode: runbook.ModeDeploy,
		Log: journal.Options{Run: "7f3a" + strings.Repeat("0", 28), NoIdentity: "a test", Claims: map[string]string{"user": "ana"}},
	})
}

func begin(t *testing.T, toml string, w, h int) *bench {
	t.Helper()
	return beginOn(t, toml, "", nil, w, h)
}

func beginOn(t *testing.T, toml, more string, given map[string]string, w, h int) *bench {
	t.Helper()
	dir := targetDir(t)
	put(t, dir, "readme", "hi", 0o600)
	put(t, dir, "jwt", "short", 0o600)
	put(t, dir, "migrate", "#!/bin/sh\ntouch migrated\n", 0o700)
	s, err := startOn(t.Context(), toml, dir, filepath.Join(t.TempDir(), "runs"), more, given)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	b := &bench{t: t, dir: dir}
	b.open(s, Options{}, w, h)
	return b
}

// open puts a new screen on a session; one that was there is left.
func (b *bench) open(s *runbook.Session, o Options, w, h int) {
	b.t.Helper()
	if b.quit != nil {
		b.quit()
	}
	// Before any entry: every age is zero, and no frame depends on when.
	o.Now = func() time.Time { return time.Date(2020, 1, 1, 14, 2, 48, 0, time.UTC) }
	ctx, stop := context.WithCancel(context.Background())
	b.model, b.msgs, b.quit = newModel(ctx, s, o), make(chan tea.Msg, 64), stop
	done := b.deedsDone
	b.t.Cleanup(func() { stop(); done.Wait() })
	b.send(tea.WindowSizeMsg{Width: w, Height: h})
	b.exec(b.Init())
}

// exec runs a command as the program does: beside the model.
func (b *bench) exec(cmd tea.Cmd) { execute(cmd, b.msgs, b.ctx.Done()) }

func execute(cmd tea.Cmd, msgs chan<- tea.Msg, gone <-chan struct{}) {
	if cmd == nil {
		return
	}
	go func() {
		msg := cmd()
		if batch, ok := msg.(tea.BatchMsg); ok {
			for _, c := range batch {
				execute(c, msgs, gone)
			}
			return
		}
		select {
		case msgs <- msg:
		case <-gone:
		}
	}()
}

// send updates the model with one message, and draws.
func (b *bench) send(msg tea.Msg) {
	_, cmd := b.Update(msg)
	_ = b.View()
	if _, ok := msg.(tickMsg); !ok { // the clock of a test stands still
		b.exec(cmd)
	}
	if _, ok := msg.(shownMsg); ok && !b.deaf {
		b.send(tea.CursorPositionMsg{})
	}
}

// until handles messages until cond holds.
func (b *bench) until(what string, cond func() bool) {
	b.t.Helper()
	late := time.After(time.Minute)
	for !cond() {
		select {
		case msg := <-b.msgs:
			if msg != nil {
				b.send(msg)
			}
		case <-late:
			b.t.Fatalf("%s did not come:\n%s", what, b.screen())
		}
	}
}

// ready waits until nothing is on its way, and the question can be answered.
func (b *bench) ready() {
	b.t.Helper()
	b.until("rest", func() bool {
		return b.snap.run != nil && b.idle() && !b.looks() && b.snap.run.Entries == b.session.State().Entries && b.guard.counted == 0 && !b.guard.bursting && (!b.top().gated || b.gate.open || b.deaf)
	})
}

// looks reports whether checks are about to start by themselves.
func (b *bench) looks() bool {
	return len(b.snap.next) > 0 && b.snap.next[0].Kind == runbook.Check && b.snap.next[0].Step == "" && !b.acting()
}

// press types keys one at a time, as a person does.
func (b *bench) press(keys ...string) {
	b.t.Helper()
	for _, k := range keys {
		b.ready()
		b.send(keyOf(k))
		b.until("the end of the key's window", func() bool { return b.guard.counted == 0 })
	}
	b.ready()
}

// text types a word into a text field.
func (b *bench) text(word string) {
	b.t.Helper()
	b.press(strings.Split(word, "")...)
}

func keyOf(k string) tea.KeyPressMsg {
	codes := map[string]rune{
		"enter": tea.KeyEnter, "esc": tea.KeyEscape, "up": tea.KeyUp, "down": tea.KeyDown,
		"pgup": tea.KeyPgUp, "pgdn": tea.KeyPgDown, "home": tea.KeyHome, "end": tea.KeyEnd,
	}
	if code, ok := codes[k]; ok {
		return tea.KeyPressMsg{Code: code}
	}
	return tea.KeyPressMsg{Code: []rune(k)[0], Text: k}
}

// screen is the frame without colours.
func (b *bench) screen() string { return ansi.Strip(b.View().Content) }

// state is what has become of a step, as the screen knows it.
func (b *bench) state(id string) runbook.State {
	if b.snap.run == nil {
		return runbook.Pending
	}
	return b.snap.run.Step(b.book.Step(id)).State
}

func (b *bench) shows(text string) {
	b.t.Helper()
	if !strings.Contains(b.screen(), text) {
		b.t.Fatalf("the screen does not show %q:\n%s", text, b.screen())
	}
}

var (
	someDir  = regexp.MustCompile(`rbtui-[0-9a-f]{1,8}`)
	someHead = regexp.MustCompile(`head \d+(-[A-Z2-7]{4}){6}`)
	someTook = regexp.MustCompile(`\b\d\.\ds\b`)
	someTime = regexp.MustCompile(`20\d\d-\d\d-\d\d \d\d:\d\d:\d\dZ`)
)

// golden holds the screen against a file.
func (b *bench) golden(name string) {
	b.t.Helper()
	got := someDir.ReplaceAllStringFunc(b.screen(), func(s string) string { return "rbtui-00000000"[:len(s)] })
	got = someTook.ReplaceAllString(got, "0.0s")
	got = someTime.ReplaceAllString(got, "2020-01-01 00:00:00Z")
	got = someHead.ReplaceAllString(got, "head 0-AAAA-AAAA-AAAA-AAAA-AAAA-AAAA")
	var lines []string
	for line := range strings.SplitSeq(got, "\n") {
		lines = append(lines, strings.TrimRight(line, " "))
	}
	got = strings.Join(lines, "\n") + "\n"
	file := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.MkdirAll("testdata", 0o750); err != nil {
			b.t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			b.t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		b.t.Fatal(err)
	}
	if got != string(want) {
		b.t.Errorf("%s differs (write it anew with -update):\n%s\nwanted:\n%s", file, got, want)
	}
}
