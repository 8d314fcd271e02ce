package plain

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"runbook/runbook"
	"runbook/runbook/book"
)

const small = `
schema = 1
name = "small"
[vars]
platform = { title = "where it runs" }
[[phase]]
id = "look"
  [[phase.step]]
  id = "marker"
  check.file = { path = "marker" }
  [[phase.step]]
  id = "choose"
  ask.decide = { var = "platform", choices = ["a", "b"] }
  [[phase.step]]
  id = "sure"
  ask.confirm = { question = "is it?", evidence = ["marker"], value = "it is" }
[[phase]]
id = "act"
style = "read-do"
  [[phase.step]]
  id = "make"
  critical = true
  undo = "unmake"
  verify = "made"
  run.command = { sh = 'printf "one\n\033]0;title\007two\n"; touch made; test ! -e broken' }
  [[phase.step]]
  id = "made"
  check.file = { path = "made" }
  [[phase.step]]
  id = "news"
  tell.message = { to = "#ops", text = "it is made" }
[[plan]]
id = "back"
situation = "it is wrong"
  [[plan.step]]
  id = "unmake"
  verify = "unmade"
  run.command = { argv = ["rm", "-f", "made"] }
  [[plan.step]]
  id = "unmade"
  check.file = { path = "made", exists = false }
[[hint]]
match = "marker"
issue = "no marker"
say = "make one"
`

// screen collects what a session prints, and may be read while it does.
type screen struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.Write(p)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.String()
}

type fixture struct {
	t   *testing.T
	dir string
	s   *runbook.Session
	out screen
}

func begin(t *testing.T, toml string) *fixture {
	t.Helper()
	return beginAt(t, toml, "")
}

// beginAt is begin at a target with more lines than it needs.
func beginAt(t *testing.T, toml, more string) *fixture {
	t.Helper()
	f := &fixture{t: t, dir: t.TempDir()}
	b, err := book.Read([]byte(toml), "small.toml")
	if err != nil {
		t.Fatal(err)
	}
	target, err := book.ReadTarget(fmt.Appendf(nil, "name = \"here\"\ndir = %q\npath = \"/usr/bin:/bin\"\n%s", f.dir, more), "here.toml")
	if err != nil {
		t.Fatal(err)
	}
	w, err := runbook.NewWorld(target)
	if err != nil {
		t.Fatal(err)
	}
	f.s, err = runbook.Start(t.Context(), runbook.StartOptions{
		Runs: t.TempDir(), Book: b, Target: target, World: w, Vars: map[string]string{}, Mode: runbook.ModeDeploy,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.s.Close() })
	return f
}

func (f *fixture) write(name string) {
	f.t.Helper()
	if err := os.WriteFile(filepath.Join(f.dir, name), nil, 0o600); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) walk(lines ...string) error {
	return Run(f.t.Context(), f.s, Options{In: strings.NewReader(strings.Join(lines, "\n") + "\n"), Out: &f.out})
}

func (f *fixture) shows(wanted ...string) {
	f.t.Helper()
	for _, want := range wanted {
		if !strings.Contains(f.out.String(), want) {
			f.t.Errorf("it does not show %q:\n%s", want, f.out.String())
		}
	}
}

func TestWholeSessionByAnswers(t *testing.T) {
	t.Parallel()
	f := begin(t, small)
	f.write("marker")
	err := f.walk("decide choose a", "confirm sure it is", "memo half way", "run make", "tell news")
	if err != nil {
		t.Fatalf("%v\n%s", err, f.out.String())
	}
	if r := f.s.State(); r.Outcome != runbook.Finished || len(r.Notes) != 1 {
		t.Errorf("outcome %q, memos %v", r.Outcome, r.Notes)
	}
	f.shows("LOOK  1 passed  2 confirmed", "| one\n| two\nexit 0\n", "answers: run make · by-hand make WHO", "copy this to #ops")
	if strings.ContainsAny(f.out.String(), "\x1b\x07") {
		t.Errorf("a command's escape reached the terminal: %q", f.out.String())
	}
}

func TestNothingActsByItself(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{"y": "y", "empty": "", "yes": "yes", "bare run": "run"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := begin(t, small)
			f.write("marker")
			lines := append([]string{"decide choose a", "confirm sure it is"}, strings.Split(strings.Repeat(answer+"\n", 30), "\n")...)
			if err := f.walk(lines...); !errors.Is(err, ErrGibberish) {
				t.Errorf("left with %v", err)
			}
			if n := strings.Count(f.out.String(), "that is no answer") + strings.Count(f.out.String(), "no step is called"); n != unusable {
				t.Errorf("%d lines were refused, want %d", n, unusable)
			}
			if st := f.s.State().Step(f.s.Book().Step("make")); st.State != runbook.Pending {
				t.Errorf("make is %s", st.State)
			}
		})
	}
}

func TestEndOfInputDetaches(t *testing.T) {
	t.Parallel()
	f := begin(t, small)
	if err := f.walk("decide choose a"); !errors.Is(err, ErrDetached) {
		t.Errorf("left with %v", err)
	}
	if err := Run(t.Context(), f.s, Options{Out: io.Discard}); !errors.Is(err, ErrDetached) {
		t.Errorf("with nobody there: %v", err)
	}
}

func TestFailureIsShownWithItsHintAndAccepted(t *testing.T) {
	t.Parallel()
	f := begin(t, small)
	err := f.walk("decide choose b", "confirm sure it is", "why marker", "accept marker", "accept marker it comes later", "detach")
	if !errors.Is(err, ErrDetached) {
		t.Fatal(err)
	}
	f.shows("✗ failed", "hint: no marker: make one", "wants a reason", "~ accepted", "LOOK  2 confirmed  1 accepted", "== PRODUCTION here")
}

func TestValueMustBeWhatIsAskedFor(t *testing.T) {
	t.Parallel()
	f := begin(t, small)
	f.write("marker")
	_ = f.walk("decide choose c", "decide choose a", "confirm sure perhaps", "detach")
	f.shows("choose takes one of: a, b", `confirmed with the value it asks for: "it is"`)
	if st := f.s.State().Step(f.s.Book().Step("sure")); st.State != runbook.Pending {
		t.Errorf("sure is %s", st.State)
	}
}

func TestRollbackByAnswers(t *testing.T) {
	t.Parallel()
	f := begin(t, small)
	f.write("marker")
	f.write("broken")
	err := f.walk("decide choose a", "confirm sure it is", "run make", "rollback", "rollback back", "run unmake")
	if err != nil {
		t.Fatalf("%v\n%s", err, f.out.String())
	}
	f.shows("exit 1", "rollback back", "when it is wrong", "BACK  2 passed")
	if r := f.s.State(); r.Outcome != runbook.RolledBack {
		t.Errorf("outcome %q", r.Outcome)
	}
}

func TestCancelWhileItRuns(t *testing.T) {
	t.Parallel()
	f := begin(t, strings.Replace(small, "test ! -e broken", "echo started; exec sleep 600", 1))
	f.write("marker")
	in, keyboard := io.Pipe()
	done := make(chan error, 1)
	go func() { done <- Run(t.Context(), f.s, Options{In: in, Out: &f.out}) }()
	_, _ = io.WriteString(keyboard, "decide choose a\nconfirm sure it is\nrun make\n")
	waitFor(t, func() bool { return strings.Contains(f.out.String(), "| started") })
	_, _ = io.WriteString(keyboard, "tell news\ncancel make\n") // the first is kept until the command has ended
	waitFor(t, func() bool { return strings.Contains(f.out.String(), "unknown") })
	_, _ = io.WriteString(keyboard, "recheck make\n")
	if err := <-done; err != nil {
		t.Errorf("left with %v", err)
	}
	f.shows("make is asked to end: SIGINT,", "by its verify, it was cancelled and ended by SIGINT", "cancelled: how far it came is not known", "told #ops", "ACT  2 passed  1 confirmed")
}

func TestTypedBeforeItWasKnownIsNoAnswer(t *testing.T) {
	t.Parallel()
	f := begin(t, strings.Replace(small, "touch made; test ! -e broken", "echo ran >> ran; echo up; while test ! -e go; do sleep 0.02; done; exit 4", 1))
	t.Cleanup(func() { f.write("go") })
	f.write("marker")
	in, keyboard := io.Pipe()
	done := make(chan error, 1)
	go func() { done <- Run(t.Context(), f.s, Options{In: in, Out: &f.out, Terminal: true}) }()
	_, _ = io.WriteString(keyboard, "decide choose a\nconfirm sure it is\nrun make\n")
	waitFor(t, func() bool { return strings.Contains(f.out.String(), "| up") })
	_, _ = io.WriteString(keyboard, "run make\naccept make blind\ndecide choose b\n")
	f.write("go")
	waitFor(t, func() bool { return strings.Count(f.out.String(), "has moved since you saw it") == 2 })
	_, _ = io.WriteString(keyboard, "accept make exit 4 is known\ndetach\n")
	if err := <-done; !errors.Is(err, ErrDetached) {
		t.Errorf("left with %v", err)
	}
	ran, err := os.ReadFile(filepath.Join(f.dir, "ran"))
	if err != nil || string(ran) != "ran\n" {
		t.Errorf("it ran %q times, %v", ran, err)
	}
	if st := f.s.State().Step(f.s.Book().Step("make")); st.State != runbook.Accepted || st.Reason != "exit 4 is known" {
		t.Errorf("make is %s: %s", st.State, st.Reason)
	}
}

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
