package runbook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"runbook/runbook/book"
	"runbook/runbook/journal"
	"runbook/steps/run/loopback"
)

// onHosts is a book of one command on hosts.
func onHosts(on, fields string) string {
	return `
schema = 1
name = "hosts"
[vars]
word = { default = "hello" }
token = { secret = true }
[[phase]]
id = "act"
  [[phase.step]]
  id = "it"
  on = ` + on + `
  undo = "none: a test"
  verify = "done"
  run.command = { ` + fields + ` }
  [[phase.step]]
  id = "done"
  check.file = { path = "done" }
`
}

// beginOn is a session at a target whose hosts are these servers: a, b ...
func beginOn(t *testing.T, toml string, servers ...*loopback.Server) *fixture {
	t.Helper()
	b, err := book.Read([]byte(toml), "hosts.toml")
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{t: t, dir: t.TempDir(), runs: filepath.Join(t.TempDir(), "runs")}
	text := string(f.target().Raw)
	for i, server := range servers {
		h := server.Host("")
		via := `"` + strings.Join(h.Via, `", "`) + `"`
		text += fmt.Sprintf("[host.%c]\nvia = [%s]\ndir = %q\n", 'a'+i, via, h.Dir)
	}
	target, err := book.ReadTarget([]byte(text), "here.toml")
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Fits(target); err != nil {
		t.Fatal(err)
	}
	w, err := NewWorld(target)
	if err != nil {
		t.Fatal(err)
	}
	vars, err := b.Resolve(nil, target.Vars)
	if err != nil {
		t.Fatal(err)
	}
	f.Session, err = Start(t.Context(), StartOptions{Runs: f.runs, Book: b, Target: target, World: w, Vars: vars, Mode: ModeDeploy})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func (f *fixture) step() StepState {
	r := f.State()
	return r.Step(f.Book().Step("it"))
}

// there waits until a command has made a file in a server's directory.
func there(t *testing.T, s *loopback.Server, name string) {
	t.Helper()
	waitFor(t, func() bool { _, err := os.Stat(filepath.Join(s.Dir, name)); return err == nil })
}

func touch(t *testing.T, s *loopback.Server, name string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(s.Dir, name), nil, 0o600); err != nil {
		t.Fatal(err)
	}
}

func kill(t *testing.T, pid string) {
	t.Helper()
	n, err := strconv.Atoi(pid)
	if err = errors.Join(err, syscall.Kill(n, syscall.SIGKILL)); err != nil {
		t.Error(err)
	}
}

func output(t *testing.T, f *fixture) string {
	t.Helper()
	data, err := os.ReadFile(f.State().Output(f.Book().Step("it")))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestCommandOnAHost(t *testing.T) {
	t.Parallel()
	s := loopback.Start(t)
	f := beginOn(t, onHosts(`"a"`, `sh = 'pwd; echo "$WORD $TOKEN"; exit 3', secrets = ["token"], exit = [3]`), s)
	order, err := f.Order(t.Context(), f.Book().Step("it"))
	if err != nil || len(order.Hosts) != 1 || order.Hosts[0].Host.Name != "a" {
		t.Fatalf("%+v, %v", order, err)
	}
	f.do(RunStep, "it", Digest(order))
	st := f.step()
	if st.State != Passed || st.Exit == nil || *st.Exit != 3 || st.Result.Where != "on a" || len(st.Hosts) != 1 {
		t.Errorf("%+v", st)
	}
	if out := output(t, f); !strings.HasPrefix(out, s.Dir+"\nhello [redacted]\n-- a: exit 3 -- ") {
		t.Errorf("printed %q", out)
	}
	entries, err := journal.Read(f.run.Dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Kind != kindRunIntent {
			continue
		}
		body, err := decode[runIntentBody](e)
		if err != nil || body.Host != "a" || body.Dir != s.Dir || !slices.Contains(body.Env, "TOKEN") || body.Program != "/usr/bin/ssh" || body.Argv[0] != "bash" || body.Proof == "" {
			t.Errorf("intent %+v, %v", body, err)
		}
		if strings.Contains(string(e.Body), "s3cret") {
			t.Errorf("the log holds %s", e.Body)
		}
	}
	if err := beside(f.run.Dir); err != nil {
		t.Error(err)
	}
	waitFor(t, func() bool { return len(s.Kept()) == 0 })
}

func TestEndsOfCommandsOnHosts(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fields string
		spoil  func(t *testing.T, s *loopback.Server)
		state  State
		reason string
	}{
		"fails":       {`sh = "exit 3"`, nil, Failed, "exit 3"},
		"exits 255":   {`sh = "exit 255"`, nil, Failed, "exit 255"},
		"signal":      {`sh = "kill -TERM $$"`, nil, Failed, "exit 143"},
		"leftovers":   {`sh = "sleep 600 & echo $! >left"`, nil, Passed, "left processes running"},
		"no program":  {`argv = ["no-such-program"]`, nil, Failed, "not started: no-such-program is not on the path of a"},
		"down":        {`argv = ["true"]`, func(_ *testing.T, s *loopback.Server) { s.Down() }, Failed, "not started: a was not reached: ssh: connect to host"},
		"unknown key": {`argv = ["true"]`, func(_ *testing.T, s *loopback.Server) { s.Known("stranger") }, Failed, "not started: a was not reached: Host key verification failed."},
		"kill_after":  {`sh = "while :; do sleep 0.1; done", kill_after = "300ms", why = "a test"`, nil, Unknown, "cancelled"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := loopback.Start(t)
			if test.spoil != nil {
				test.spoil(t, s)
			}
			f := beginOn(t, onHosts(`"a"`, test.fields), s)
			f.do(RunStep, "it")
			if st := f.step(); st.State != test.state || !strings.Contains(st.Reason, test.reason) {
				t.Errorf("%s (%s), want %s (%s)\n%s", st.State, st.Reason, test.state, test.reason, output(t, f))
			}
			if data, err := os.ReadFile(filepath.Join(s.Dir, "left")); err == nil {
				kill(t, strings.TrimSpace(string(data)))
			}
		})
	}
}

func TestHostsInOrderStopAtTheFirstThatFails(t *testing.T) {
	t.Parallel()
	a, b := loopback.Start(t), loopback.Start(t)
	f := beginOn(t, onHosts(`["a", "b"]`, `sh = "echo x >>runs; test -e good"`), a, b)
	f.do(RunStep, "it")
	st := f.step()
	if st.State != Failed || st.Reason != "a: exit 1; b: not started" || b.Served() != 0 {
		t.Fatalf("%s (%s), b was connected to %d times", st.State, st.Reason, b.Served())
	}
	touch(t, a, "good")
	f.do(RunStep, "it")
	if st := f.step(); st.State != Failed || st.Reason != "b: exit 1" || len(st.Hosts) != 2 {
		t.Fatalf("%s (%s)", st.State, st.Reason)
	}
	order, err := f.Order(t.Context(), f.Book().Step("it"))
	if err != nil || len(order.Hosts) != 1 || order.Hosts[0].Host.Name != "b" {
		t.Errorf("shown for approval: %+v, %v", order.Hosts, err)
	}
	touch(t, b, "good")
	f.do(RunStep, "it")
	st = f.step()
	if st.State != Passed || st.Attempt != 3 || len(st.Result.Evidence) != 2 || st.Result.Evidence[0].Label != "a" {
		t.Errorf("%+v, %+v", st, st.Result)
	}
	for server, want := range map[*loopback.Server]string{a: "x\nx\n", b: "x\nx\n"} {
		if data, err := os.ReadFile(filepath.Join(server.Dir, "runs")); string(data) != want {
			t.Errorf("ran %q, %v", data, err)
		}
	}
	f.reopen()
	if again := f.step(); again.State != Passed || len(again.Hosts) != 2 {
		t.Errorf("read again: %+v", again)
	}
}

func TestHostsAtOnce(t *testing.T) {
	t.Parallel()
	a, b := loopback.Start(t), loopback.Start(t)
	// Each waits for what a person only makes once both run.
	f := beginOn(t, strings.Replace(onHosts(`["a", "b"]`, `sh = "touch up; until [ -e go ]; do sleep 0.01; done; test -e good"`), "undo", "parallel = true\n  undo", 1), a, b)
	done := make(chan error, 1)
	go func() { done <- f.try(RunStep, "it") }()
	there(t, a, "up")
	there(t, b, "up")
	f.want("it", Running)
	touch(t, a, "good")
	touch(t, a, "go")
	touch(t, b, "go")
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if st := f.step(); st.State != Failed || st.Reason != "b: exit 1" || st.host("a").State != Passed {
		t.Errorf("%s (%s)", st.State, st.Reason)
	}
}

func TestCancelReachesTheHosts(t *testing.T) {
	t.Parallel()
	a, b := loopback.Start(t), loopback.Start(t)
	f := beginOn(t, onHosts(`["a", "b"]`, `sh = 'trap "touch tidy; exit 7" INT; touch up; while :; do sleep 0.01; done'`), a, b)
	done := make(chan error, 1)
	go func() { done <- f.try(RunStep, "it") }()
	there(t, a, "up")
	f.do(Cancel, "it")
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	there(t, a, "tidy")
	if st := f.step(); st.State != Unknown || !strings.HasPrefix(st.Reason, "a: cancelled") || st.host("b") != nil || b.Served() != 0 {
		t.Errorf("%s (%s), b was connected to %d times", st.State, st.Reason, b.Served())
	}
}

// What watches over the ssh of here can all be killed; the host knows.
func TestHostKnowsWhatNobodyHereSaw(t *testing.T) {
	t.Parallel()
	s := loopback.Start(t)
	f := beginOn(t, onHosts(`"a"`, `sh = 'echo "before $TOKEN"; touch up; until [ -e go ]; do sleep 0.01; done; exit 8', secrets = ["token"]`), s)
	leave, left := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- f.Do(leave, Intent{Kind: RunStep, Step: "it"}) }()
	there(t, s, "up")
	files := f.State().filesOn("it", 1, "a")
	left()
	<-done
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	var who struct {
		Program, Supervisor, Recorder struct {
			PID int `json:"pid"`
		}
	}
	data, err := os.ReadFile(filepath.Join(files, "pid"))
	if err = errors.Join(err, json.Unmarshal(data, &who)); err != nil {
		t.Fatal(err)
	}
	for _, pid := range []int{who.Recorder.PID, who.Supervisor.PID, who.Program.PID} {
		kill(t, strconv.Itoa(pid))
	}
	touch(t, s, "go")
	f.reopen()
	waitFor(t, func() bool { return f.step().State != Running })
	if st := f.step(); st.State != Failed || st.Reason != "exit 8" {
		t.Errorf("%s (%s)", st.State, st.Reason)
	}
	if out := output(t, f); !strings.HasPrefix(out, "before [redacted]\n-- a: exit 8 -- ") {
		t.Errorf("printed %q", out)
	}
}

// A network that swallows everything ends a connection after a while, and not
// the command.
func TestFrozenConnectionIsGivenUp(t *testing.T) {
	t.Parallel()
	s := loopback.Start(t)
	f := beginOn(t, onHosts(`"a"`, `sh = 'touch up; until [ -e go ]; do sleep 0.01; done; exit 9'`), s)
	h := f.Target().Hosts["a"]
	h.Via = slices.Insert(slices.Clone(h.Via), 1, "-oServerAliveInterval=1", "-oServerAliveCountMax=1")
	f.Target().Hosts["a"] = h
	done := make(chan error, 1)
	go func() { done <- f.try(RunStep, "it") }()
	there(t, s, "up")
	if s.Freeze() == 0 {
		t.Fatal("there was no connection to freeze")
	}
	waitFor(t, func() bool { return s.Served() == 2 })
	touch(t, s, "go")
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if st := f.step(); st.State != Failed || st.Reason != "exit 9" {
		t.Errorf("%s (%s)", st.State, st.Reason)
	}
}

// rowsOf is what a command wrote to the file rows in a server's directory.
func rowsOf(t *testing.T, s *loopback.Server) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(s.Dir, "rows"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return string(data)
}
