package supervise_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"runbook/steps"
	"runbook/steps/supervise"
)

func TestOutcomes(t *testing.T) {
	t.Parallel()
	cases := []struct {
		sh     string
		exit   int
		signal string
	}{
		{"exit 0", 0, ""},
		{"exit 1", 1, ""},
		{"exit 126", 126, ""},
		{"exit 127", 127, ""},
		{"exit 255", 255, ""},
		{"no-such-program", 127, ""},
		{"false; true", 1, ""},
		{"echo $NOT_SET", 1, ""},
		{"false | true", 1, ""},
		{"kill -HUP $$", -1, "SIGHUP"},
		{"kill -TERM $$", -1, "SIGTERM"},
		{"kill -SEGV $$", -1, "SIGSEGV"},
		{"kill -KILL $$", -1, "SIGKILL"},
		{"kill -PIPE $$", -1, "SIGPIPE"},
	}
	for _, c := range cases {
		o := script(t, c.sh)
		got := finish(t, o)
		if got.Exit != c.exit || got.Signal != c.signal || got.Err != "" || got.Warn != "" || got.Cancelled {
			t.Errorf("%s: %+v", c.sh, got)
		}
		kept := classify(o)
		if kept.Class != supervise.Exited || !reflect.DeepEqual(kept.Outcome, got) || got.Source != "supervisor" {
			t.Errorf("%s: classified %+v, was %+v", c.sh, kept, got)
		}
	}
}

func TestOutputIsRecorded(t *testing.T) {
	t.Parallel()
	o := script(t, "pwd; echo error >&2; printf end")
	got := finish(t, o)
	want := o.Dir + "\nerror\nend"
	sum := sha256.Sum256([]byte(want))
	if output(t, o) != want || got.Bytes != int64(len(want)) || got.SHA256 != hex.EncodeToString(sum[:]) {
		t.Errorf("output %q, outcome %+v", output(t, o), got)
	}
	entries, err := os.ReadDir(o.Files)
	if err != nil {
		t.Fatal(err)
	}
	names := []string{}
	for _, e := range entries {
		names = append(names, e.Name())
		if info, err := e.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v, %v", e.Name(), info.Mode(), err)
		}
	}
	if !slices.Equal(names, []string{"lock", "out.red", "pid", "started", "verdict"}) {
		t.Errorf("files left: %v", names)
	}
	tail, next, err := supervise.Tail(filepath.Join(o.Files, supervise.OutputFile), 3)
	if string(tail) != "end" || next != got.Bytes || err != nil {
		t.Errorf("tail %q, %d, %v", tail, next, err)
	}
}

func TestProgramThatCannotBeExecuted(t *testing.T) {
	t.Parallel()
	o := order(t, "true")
	o.Path = filepath.Join(t.TempDir(), "broken")
	if err := os.WriteFile(o.Path, []byte("\x7fELF no more"), 0o700); err != nil {
		t.Fatal(err)
	}
	p := start(t, o)
	got := p.End().Outcome
	if got.Exit != -1 || !strings.Contains(got.Err, "exec format error") || p.Status().PID != 0 {
		t.Errorf("outcome %+v, pid %d", got, p.Status().PID)
	}
	if class := classify(o).Class; class != supervise.Exited {
		t.Errorf("class %v", class)
	}
}

func TestOneIntentForksOnce(t *testing.T) {
	t.Parallel()
	o := script(t, "echo once >>count")
	if class := classify(o).Class; class != supervise.NeverStarted {
		t.Errorf("before: %v", class)
	}
	type result struct {
		p   *supervise.Process
		err error
	}
	results := make(chan result)
	recorders := []*supervise.Recorder{recorder(t), recorder(t)}
	for i := range 16 {
		go func() {
			s, err := supervise.Seal(o)
			if err != nil {
				results <- result{nil, err}
				return
			}
			p, err := recorders[i%2].Start(s)
			results <- result{p, err}
		}()
	}
	refused := 0
	for range 16 {
		switch r := <-results; {
		case errors.Is(r.err, supervise.ErrStarted):
			refused++
		case r.err != nil:
			t.Error(r.err)
		default:
			r.p.End()
		}
	}
	if _, err := recorders[0].Start(seal(t, o)); !errors.Is(err, supervise.ErrStarted) || refused != 15 {
		t.Errorf("%d refused, after the end: %v", refused, err)
	}
	data, err := os.ReadFile(filepath.Join(o.Dir, "count"))
	if string(data) != "once\n" {
		t.Errorf("forked: %q, %v", data, err)
	}
}

func TestEnvironmentIsBuilt(t *testing.T) {
	for i := range 33 {
		t.Setenv(fmt.Sprintf("POISON_%d", i), "x")
	}
	for _, name := range []string{"BASH_ENV", "ENV", "LD_LIBRARY_PATH", "PGOPTIONS", "SSH_AUTH_SOCK", "http_proxy", "NODE_OPTIONS"} {
		t.Setenv(name, "/nowhere")
	}
	for _, env := range [][]string{nil, {"PATH=/usr/bin:/bin", "A=1 2\n3", "EMPTY="}} {
		o := order(t, "env", "-0")
		o.Env = env
		finish(t, o)
		got := strings.Split(strings.TrimSuffix(output(t, o), "\x00"), "\x00")
		if len(env) == 0 {
			env = []string{""}
		}
		if !slices.Equal(got, env) {
			t.Errorf("environment %q, want %q", got, env)
		}
	}
}

func TestNoTerminal(t *testing.T) {
	t.Parallel()
	o := script(t, `cat; if read -r x </dev/tty; then echo asked; else echo none; fi`)
	began := time.Now()
	finish(t, o)
	if out := output(t, o); !strings.HasSuffix(out, "none\n") || time.Since(began) > 5*time.Second {
		t.Errorf("%v: %q", time.Since(began), out)
	}
}

func TestSecretsNeverReachTheOutput(t *testing.T) {
	t.Parallel()
	const secret = "s3cret-Canary/42"
	text := ""
	for cut := range len(secret) + 1 {
		text += fmt.Sprintf("printf %%s 'a%s'; wait; printf %%s '%sb\n'\n", secret[:cut], secret[cut:])
	}
	text += `printf %s "$CANARY" | base64; printf %s "x$CANARY" | base64; printf %s "$CANARY" | od -An -tx1 | tr -d ' \n'; echo "$CANARY" >&2; printf %s "${CANARY%??}"`
	o := script(t, text)
	o.Env = append(o.Env, "CANARY="+secret)
	o.Secrets = []steps.Secret{steps.NewSecret(secret)}
	got := finish(t, o)
	out := output(t, o)
	if got.Exit != 0 || strings.Count(out, "a[redacted]b\n") != len(secret)+1 {
		t.Errorf("%+v: %q", got, out)
	}
	for _, leak := range []string{secret, "czNjcmV0", "733363726574"} {
		if strings.Contains(out, leak) {
			t.Errorf("leaked %q: %q", leak, out)
		}
	}
	if !strings.HasSuffix(out, "[redacted]\n"+secret[:len(secret)-2]) {
		t.Errorf("the held tail is missing: %q", out)
	}
}

func TestLastOutput(t *testing.T) {
	t.Parallel()
	o := script(t, `echo ready; until [ -e go ]; do sleep 0.01; done; echo done`)
	p := start(t, o)
	await(t, "live output", func() bool { return output(t, o) == "ready\n" })
	first := p.LastOutput()
	if err := os.WriteFile(filepath.Join(o.Dir, "go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if p.End(); !p.LastOutput().After(first) || output(t, o) != "ready\ndone\n" {
		t.Errorf("last output %v, before %v", p.LastOutput(), first)
	}
}
