package plain

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"runbook/steps/run/loopback"
)

const there = `
schema = 1
name = "there"
[[phase]]
id = "act"
  [[phase.step]]
  id = "up"
  on = ["a", "b"]
  undo = "none: a test"
  verify = "is-up"
  run.command = { sh = 'echo "up on $PWD"; touch up; until [ -e go ]; do sleep 0.01; done; echo over' }
  [[phase.step]]
  id = "is-up"
  on = ["a", "b"]
  check.command = { argv = ["test", "-e", "up"] }
`

func TestCommandOnHosts(t *testing.T) {
	t.Parallel()
	servers := map[string]*loopback.Server{"a": loopback.Start(t), "b": loopback.Start(t)}
	hosts := ""
	for name, s := range servers {
		hosts += fmt.Sprintf("[host.%s]\nvia = [\"%s\"]\ndir = %q\n", name, strings.Join(s.Host(name).Via, `", "`), s.Dir)
	}
	f := beginAt(t, there, hosts)
	answers, answer := io.Pipe()
	driven := make(chan error, 1)
	go func() { driven <- Run(t.Context(), f.s, Options{In: answers, Out: &f.out}) }()
	prints(t, &f.out, "answers: ")
	for _, text := range []string{
		"on a, b, in this order, to the first that fails\n", "a:" + servers["a"].Dir + " $ bash", "over /usr/bin/ssh -F ", "b:" + servers["b"].Dir + " $ the same\n",
		"it goes on there when the connection is lost; the host keeps how it ended",
	} {
		prints(t, &f.out, text)
	}
	if _, err := io.WriteString(answer, "run up\n"); err != nil {
		t.Fatal(err)
	}
	prints(t, &f.out, "a | up on "+servers["a"].Dir+"\n")
	if servers["a"].Cut() == 0 {
		t.Fatal("there was no connection to cut")
	}
	prints(t, &f.out, "  ● a  the connection is lost: a is asked what became of it\n")
	for _, name := range []string{"a", "b"} {
		prints(t, &f.out, name+" | up on "+servers[name].Dir+"\n")
		if err := os.WriteFile(filepath.Join(servers[name].Dir, "go"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		prints(t, &f.out, name+" | over\n")
		prints(t, &f.out, "  ✓ "+name+"  exit code 0\n")
	}
	prints(t, &f.out, "✓ passed         up ")
	prints(t, &f.out, "✓ passed         is-up ")
	if err := answer.Close(); err != nil {
		t.Error(err)
	}
	<-driven
}
