package plain

import (
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"runbook/runbook"
	"runbook/runbook/journal"
	"runbook/steps"
)

var bob = map[string]string{"user": "bob", "tty": "pts/5"}

// prints waits until a text was printed.
func prints(t *testing.T, out *screen, text string) {
	t.Helper()
	late := time.After(20 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !strings.Contains(out.String(), text) {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("%q was not printed:\n%s", text, out.String())
		}
	}
}

// TestFollow reads a session along that is driven in lines.
func TestFollow(t *testing.T) {
	t.Parallel()
	f := begin(t, small)
	f.write("marker")
	s, err := runbook.Follow(f.s.State().Dir, steps.SystemClock{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	out, read := new(screen), make(chan struct{})
	in, typed := io.Pipe()
	go func() { defer close(read); Follow(t.Context(), s, Options{In: in, Out: out, Terminal: true}) }()
	prints(t, out, "you follow")
	answers, answer := io.Pipe()
	driven := make(chan error, 1)
	go func() { driven <- Run(t.Context(), f.s, Options{In: answers, Out: &f.out}) }()
	for _, line := range []string{"decide choose a", "confirm sure it is", "run make"} {
		if _, err := io.WriteString(answer, line+"\n"); err != nil {
			t.Fatal(err)
		}
	}
	prints(t, out, "exit 0")
	for _, text := range []string{"confirmed      choose", "== ", "| one", "| two", "passed         make"} {
		prints(t, out, text)
	}
	if strings.Contains(out.String(), "\x1b") || strings.Contains(out.String(), "\x07") {
		t.Errorf("what the command printed came through: %q", out.String())
	}
	if _, err := io.WriteString(typed, "tell news\n"); err != nil {
		t.Fatal(err)
	}
	prints(t, out, "? you only read along")
	if _, err := io.WriteString(typed, "q\n"); err != nil {
		t.Fatal(err)
	}
	<-read
	if err := answer.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-driven; !errors.Is(err, ErrDetached) {
		t.Errorf("the driver left with %v", err)
	}
}

// TestTakenOverInLines is waiting for an answer, or printing a command's
// output, when somebody takes the run over.
func TestTakenOverInLines(t *testing.T) {
	t.Parallel()
	for _, lines := range []string{"", "decide choose a\nconfirm sure it is\nrun make\n"} {
		f := begin(t, strings.Replace(small, "test ! -e broken", "while test -e marker && test ! -e go; do sleep 0.02; done", 1))
		t.Cleanup(func() { f.write("go") })
		f.write("marker")
		answers, answer := io.Pipe()
		t.Cleanup(func() { _ = answer.Close() })
		driven := make(chan error, 1)
		go func() { driven <- Run(t.Context(), f.s, Options{In: answers, Out: &f.out}) }()
		go func() { _, _ = io.WriteString(answer, lines) }()
		wants := "choose"
		if lines != "" {
			wants = "| two"
		}
		prints(t, &f.out, wants)
		dir := f.s.State().Dir
		if _, err := runbook.TakeOver(t.Context(), dir, runbook.Taker{Claims: bob}); err != nil {
			t.Fatal(err)
		}
		var reads *runbook.ReadsError
		if err := <-driven; !errors.As(err, &reads) {
			t.Errorf("the old driver left with %v", err)
		}
		prints(t, &f.out, "-- taken over: bob on pts/5 drives; you are detached --")
		other, err := runbook.Resume(t.Context(), dir, f.s.World(), journal.Options{Claims: bob}, false)
		if err != nil {
			t.Fatal(err)
		}
		if st := other.State().Steps["make"]; lines != "" && st.State != runbook.Running {
			t.Errorf("the command is %s", st.State)
		}
		if err := other.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
