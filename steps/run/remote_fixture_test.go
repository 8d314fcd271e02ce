package run_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"runbook/steps/run"
	"runbook/steps/run/loopback"
)

// remote is a command on a server, under a key of its own.
type remote struct {
	run.Remote
	*loopback.Server
	key string
}

func on(t *testing.T, s *loopback.Server, c run.Command, vars ...string) remote {
	t.Helper()
	r, err := c.On(s.Host("app"), world(t), vars)
	if err != nil {
		t.Fatal(err)
	}
	r.Local.Grace = time.Second
	_, proof := run.NewNonce()
	return remote{r, s, "test-step-" + proof[:8]}
}

// said is what an ssh printed, how it ended, and the host's word.
type said struct {
	out  string
	code int
	word run.Word
	ok   bool
}

// begin starts an ssh; the function waits for its end.
func (r remote) begin(t *testing.T, do string) (*exec.Cmd, func() said) {
	t.Helper()
	nonce, proof := run.NewNonce()
	o := r.Order(do, r.key, nonce)
	cmd := exec.CommandContext(t.Context(), o.Path)
	var out bytes.Buffer
	cmd.Args, cmd.Dir, cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = o.Argv, o.Dir, o.Env, bytes.NewReader(o.Stdin), &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, func() said {
		_ = cmd.Wait() // its code is in its state
		word, ok := run.ReadWord(out.Bytes(), proof)
		return said{out.String(), cmd.ProcessState.ExitCode(), word, ok}
	}
}

func (r remote) do(t *testing.T, do string) said {
	t.Helper()
	_, wait := r.begin(t, do)
	return wait()
}

// ask is Ask, which must get an answer.
func (r remote) ask(t *testing.T, do string) run.Word {
	t.Helper()
	w, err := r.Ask(t.Context(), do, r.key)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// file waits until a command has written a whole line to a file there.
func (r remote) file(t *testing.T, name string) string {
	t.Helper()
	text := ""
	await(t, name, func() bool {
		data, err := os.ReadFile(filepath.Join(r.Dir, name))
		text = strings.TrimSuffix(string(data), "\n")
		return err == nil && strings.HasSuffix(string(data), "\n")
	})
	return text
}

func await(tb testing.TB, what string, fact func() bool) {
	tb.Helper()
	deadline := time.NewTimer(20 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer deadline.Stop()
	defer tick.Stop()
	for !fact() {
		select {
		case <-deadline.C:
			tb.Fatalf("waited 20 s for %s", what)
		case <-tick.C:
		}
	}
}

func alive(pid string) bool {
	data, err := os.ReadFile("/proc/" + pid + "/stat")
	_, rest, _ := strings.Cut(string(data), ") ")
	return err == nil && !strings.HasPrefix(rest, "Z")
}

// everyByte is all that a variable can hold.
func everyByte() string {
	var all []byte
	for b := 1; b < 256; b++ {
		all = append(all, byte(b))
	}
	return string(all)
}

func write(t *testing.T, s *loopback.Server, name string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(s.Dir, name), nil, 0o600); err != nil {
		t.Fatal(err)
	}
}

// parent is who a process is a child of.
func parent(t *testing.T, pid int) int {
	t.Helper()
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(data), ") ")
	id, err := strconv.Atoi(strings.Fields(rest)[1])
	if err != nil {
		t.Fatal(err)
	}
	return id
}
