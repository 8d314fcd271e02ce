package runbook

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"runbook/runbook/book"
	"runbook/runbook/journal"
)

// tiny is a book that looks, asks, acts and undoes with files in the target's
// directory.
const tiny = `
schema = 1
name = "tiny"
[vars]
platform = { title = "where it runs" }
word = { default = "hello", match = '^[a-z]+$' }
token = { secret = true }
[[phase]]
id = "look"
  [[phase.step]]
  id = "marker-there"
  check.file = { path = "marker" }
  [[phase.step]]
  id = "readme-there"
  critical = true
  check.file = { path = "readme" }
  [[phase.step]]
  id = "choose"
  ask.decide = { var = "platform", choices = ["a", "b"] }
  [[phase.step]]
  id = "only-a"
  when = { platform = "a" }
  check.file = { path = "readme" }
[[phase]]
id = "act"
style = "read-do"
  [[phase.step]]
  id = "make"
  undo = "unmake"
  verify = "made"
  run.command = { sh = 'echo "$WORD $TOKEN" > made; echo "token is $TOKEN"; test ! -e broken', secrets = ["token"] }
  [[phase.step]]
  id = "made"
  check.file = { path = "made" }
  [[phase.step]]
  id = "sure"
  ask.confirm = { question = "is it?", evidence = ["made"] }
  [[phase.step]]
  id = "news"
  tell.message = { to = "#ops", text = "made ${word}" }
[[plan]]
id = "back"
  [[plan.step]]
  id = "unmake"
  undo = "none: it is the way back"
  verify = "unmade"
  run.command = { argv = ["rm", "-f", "made"] }
  [[plan.step]]
  id = "unmade"
  check.file = { path = "made", exists = false }
`

// fixture is a session of tiny on a real target in a directory of its own.
type fixture struct {
	*Session
	t    *testing.T
	dir  string
	runs string
	more string // of the target, behind its name
}

func begin(t *testing.T, toml string) *fixture {
	t.Helper()
	return beginIn(t, toml, filepath.Join(t.TempDir(), "runs"))
}

func beginIn(t *testing.T, toml, runs string) *fixture {
	t.Helper()
	b, err := book.Read([]byte(toml), "tiny.toml")
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{t: t, dir: t.TempDir(), runs: runs}
	if err := f.startRun(b, ModeDeploy, nil); err != nil {
		t.Fatal(err)
	}
	return f
}

// startRun begins a run with these vars beside those of the target.
func (f *fixture) startRun(b *book.Book, mode string, given map[string]string) error {
	f.t.Helper()
	target := f.target()
	w, err := NewWorld(target)
	if err != nil {
		f.t.Fatal(err)
	}
	vars, err := b.On(target).Resolve(given, target.Values())
	if err != nil {
		f.t.Fatal(err)
	}
	s, err := Start(f.t.Context(), StartOptions{Runs: f.runs, Book: b, Target: target, World: w, Vars: vars, Mode: mode})
	if err != nil {
		return err
	}
	f.Session = s
	f.t.Cleanup(func() { _ = s.Close() })
	return nil
}

func (f *fixture) target() *book.Target {
	f.t.Helper()
	secret := filepath.Join(f.dir, "token")
	f.write("token", "s3cret-token-value")
	toml := fmt.Sprintf("name = \"here\"\ndir = %q\npath = \"/usr/bin:/bin\"\n%s[secret.token]\nfile = %q\n", f.dir, f.more, secret)
	target, err := book.ReadTarget([]byte(toml), "here.toml")
	if err != nil {
		f.t.Fatal(err)
	}
	return target
}

func (f *fixture) write(name, text string) {
	f.t.Helper()
	if err := os.WriteFile(filepath.Join(f.dir, name), []byte(text), 0o600); err != nil {
		f.t.Fatal(err)
	}
}

// do carries out an intent as somebody would who looks at the state now.
func (f *fixture) do(kind, step string, text ...string) {
	f.t.Helper()
	if err := f.try(kind, step, text...); err != nil {
		f.t.Fatalf("%s %s: %v", kind, step, err)
	}
}

func (f *fixture) try(kind, step string, text ...string) error {
	i := Intent{Kind: kind, Step: step, Text: strings.Join(text, " ")}
	if st := f.State().Steps[step]; st != nil {
		i.Seen = st.Seen
	}
	return f.Do(f.t.Context(), i)
}

func (f *fixture) want(step string, state State) {
	f.t.Helper()
	r := f.State()
	if got := r.Step(f.Book().Step(step)); got.State != state {
		f.t.Fatalf("%s is %s (%s), want %s", step, got.State, got.Reason, state)
	}
}

// reopen goes on with the run as another process would.
func (f *fixture) reopen() {
	f.t.Helper()
	if err := f.Close(); err != nil {
		f.t.Fatal(err)
	}
	s, err := Resume(f.t.Context(), f.run.Dir, f.world, journal.Options{}, false)
	if err != nil {
		f.t.Fatal(err)
	}
	f.Session = s
}

func (f *fixture) toAct() {
	f.t.Helper()
	f.write("marker", "")
	f.write("readme", "")
	f.do(Check, "")
	f.do(Decide, "choose", "a")
	f.do(Check, "")
	f.do(Close, "look")
}

// waitFor waits for a visible fact.
func waitFor(t *testing.T, fact func() bool) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !fact() {
		select {
		case <-deadline:
			t.Fatal("it did not come to be")
		case <-tick.C:
		}
	}
}

// beside names the first of what lies beside a run's log that is not what the
// log recorded.
func beside(dir string) error {
	entries, err := journal.Read(dir)
	c := newCopies(dir)
	for _, e := range entries {
		c.look(e)
	}
	return errors.Join(err, c.err)
}
