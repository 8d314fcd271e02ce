package plain

import (
	"io"
	"strings"
	"testing"

	"runbook/runbook"
)

const talking = `
schema = 1
name = "talking"
[[phase]]
id = "act"
style = "read-do"
  [[phase.step]]
  id = "ask"
  effect = "none"
  run.command = { sh = 'printf "name? "; read -r name; echo "hello $name"; cat; test "$name" = ana', interactive = true }
`

func TestLinesReachAnInteractiveCommand(t *testing.T) {
	t.Parallel()
	f := begin(t, talking)
	in, keyboard := io.Pipe()
	done := make(chan error, 1)
	go func() { done <- Run(t.Context(), f.s, Options{In: in, Out: &f.out}) }()
	_, _ = io.WriteString(keyboard, "run ask\n")
	waitFor(t, func() bool { return strings.Contains(f.out.String(), "| name?") }) // a prompt has no line end
	_, _ = io.WriteString(keyboard, "ana\n")
	waitFor(t, func() bool { return strings.Contains(f.out.String(), "| hello ana") })
	if err := keyboard.Close(); err != nil { // the end of input is the command's too
		t.Fatal(err)
	}
	<-done
	f.shows("exit 0")
	if st := f.s.State().Step(f.s.Book().Step("ask")); st.State != runbook.Passed {
		t.Errorf("it is %s: %s", st.State, st.Reason)
	}
}
