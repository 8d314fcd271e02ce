package run_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"runbook/steps"
	"runbook/steps/run"
	"runbook/steps/supervise"
)

func world(t *testing.T) *steps.World {
	t.Helper()
	return &steps.World{Name: "test", Dir: t.TempDir(), Env: []string{"PATH=/usr/bin:/bin"}}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	for _, c := range []run.Command{
		{},
		{Sh: " \n"},
		{Argv: []string{"true"}, Sh: "true"},
		{Argv: []string{"", "x"}},
		{Sh: "true", KillAfter: 1},
		{Sh: "true", Exit: []int{256}},
	} {
		if c.Validate() == nil {
			t.Errorf("%+v: accepted", c)
		}
	}
	for _, c := range []run.Command{{Argv: []string{"true", ""}}, {Sh: "true", KillAfter: 1, Why: "holds a lock"}} {
		if err := c.Validate(); err != nil {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

func TestResolve(t *testing.T) {
	t.Parallel()
	w := world(t)
	o, err := run.Command{Sh: "true"}.Resolve(w)
	if err != nil || o.Path != "/usr/bin/bash" || !slices.Equal(o.Argv, run.Command{Sh: "true"}.Line()) {
		t.Errorf("script: %+v, %v", o, err)
	}
	bin := t.TempDir()
	if err := os.Symlink("/bin/sh", filepath.Join(bin, "sh")); err != nil {
		t.Fatal(err)
	}
	w.Env = []string{"PATH=" + bin}
	o, err = run.Command{Sh: "true"}.Resolve(w)
	if err != nil || !slices.Equal(o.Argv, []string{"sh", "-eu", "-c", "true"}) {
		t.Errorf("script without bash: %+v, %v", o, err)
	}
	_, err = run.Command{Argv: []string{"bash"}}.Resolve(w)
	if !errors.Is(err, run.ErrNotFound) || !strings.Contains(err.Error(), bin) {
		t.Errorf("missing program: %v", err)
	}
	for _, path := range []string{"", ":/usr/bin", "bin:/usr/bin", "/usr/bin:"} {
		w.Env = []string{"PATH=" + path}
		for _, name := range []string{"true", "/usr/bin/true"} {
			if _, err := (run.Command{Argv: []string{name}}).Resolve(w); err == nil || errors.Is(err, run.ErrNotFound) {
				t.Errorf("PATH %q: %s gives %v", path, name, err)
			}
		}
	}
}

func TestResolveRefusesWhatOthersCanChange(t *testing.T) {
	t.Parallel()
	w := world(t)
	file := filepath.Join(w.Dir, "tool")
	if err := os.WriteFile(file, []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	w.Env = []string{"PATH=" + w.Dir}
	behind := world(t)
	behind.Env = []string{"PATH=/usr/bin:" + t.TempDir() + ":" + behind.Dir}
	if err := os.Chmod(behind.Dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := (run.Command{Argv: []string{"true"}}).Resolve(behind); err == nil {
		t.Error("a directory open to all behind the program's own: accepted")
	}
	modes := []struct {
		dir, file os.FileMode
		ok        bool
	}{{0o755, 0o755, true}, {0o755, 0o775, false}, {0o777, 0o755, false}, {0o777 | os.ModeSticky, 0o755, true}}
	for _, m := range modes {
		if err := errors.Join(os.Chmod(w.Dir, m.dir), os.Chmod(file, m.file)); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"tool", "./tool", file} {
			if _, err := (run.Command{Argv: []string{name}}).Resolve(w); (err == nil) != m.ok {
				t.Errorf("%s in %v, file %v: %v", name, m.dir, m.file, err)
			}
		}
	}
}

func TestAgentIsOnlyForThoseWhoAskForIt(t *testing.T) {
	t.Setenv("SSH_AUTH_SOCK", "/run/agent.sock")
	w := world(t)
	w.Env = append(w.Env, "SSH_AUTH_SOCK=/somewhere/else")
	for agent, want := range map[bool]string{false: "", true: "SSH_AUTH_SOCK=/run/agent.sock"} {
		o, err := run.Command{Argv: []string{"true"}, Agent: agent}.Resolve(w)
		if err != nil {
			t.Fatal(err)
		}
		got := slices.DeleteFunc(o.Env, func(kv string) bool { return !strings.HasPrefix(kv, "SSH_") })
		if strings.Join(got, " ") != want {
			t.Errorf("agent %v: environment has %q", agent, got)
		}
	}
	w.Practice = &steps.Practice{}
	o, err := run.Command{Argv: []string{"true"}, Agent: true}.Resolve(w)
	if err != nil || strings.Contains(strings.Join(o.Env, " "), "SSH_AUTH_SOCK") {
		t.Errorf("practice: %v, %v", o.Env, err)
	}
}

func TestSuccess(t *testing.T) {
	t.Parallel()
	cases := []struct {
		exit []int
		o    supervise.Outcome
		want bool
	}{
		{nil, supervise.Outcome{}, true},
		{nil, supervise.Outcome{Exit: 1}, false},
		{[]int{0, 3}, supervise.Outcome{Exit: 3}, true},
		{[]int{3}, supervise.Outcome{}, false},
		{nil, supervise.Outcome{Exit: -1, Signal: "SIGTERM"}, false},
		{nil, supervise.Outcome{Cancelled: true}, false},
		{nil, supervise.Outcome{Err: "program not executed"}, false},
	}
	for _, c := range cases {
		if got := (run.Command{Exit: c.exit}).Success(c.o); got != c.want {
			t.Errorf("exit %v, outcome %+v: %v", c.exit, c.o, got)
		}
	}
}
