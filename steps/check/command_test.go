package check_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"runbook/steps"
	"runbook/steps/check"
)

func TestCommand(t *testing.T) {
	t.Parallel()
	w := world(t, map[string]map[string]string{"secrets": {"api_token": "c0rrect-h0rse"}})
	w.Env = append(w.Env, "API_TOKEN=c0rrect-h0rse")
	for name, c := range map[string]struct {
		check   check.Command
		verdict steps.Verdict
		reason  string
	}{
		"argv":             {check.Command{Argv: []string{"true"}}, steps.Pass, ""},
		"exit code":        {check.Command{Sh: "echo broken >&2; exit 3"}, steps.Fail, "exit 3, wanted 0: broken"},
		"wanted exit code": {check.Command{Sh: "exit 3", Exit: []int{0, 3}}, steps.Pass, ""},
		"signal":           {check.Command{Sh: "kill -TERM $$"}, steps.Fail, "ended by signal terminated"},
		"pipe fails":       {check.Command{Sh: "false | cat"}, steps.Fail, "exit 1"},
		"unset variable":   {check.Command{Sh: "echo $NOWHERE"}, steps.Fail, "NOWHERE"},
		"stdout":           {check.Command{Sh: "echo ready", Stdout: "^ready"}, steps.Pass, ""},
		"no match":         {check.Command{Sh: "echo ready", Stdout: "^done"}, steps.Fail, "stdout does not match ^done"},
		"unwanted":         {check.Command{Sh: "echo warn >&2", NotStderr: "warn"}, steps.Fail, "stderr matches"},
		"flood":            {check.Command{Sh: "head -c 3000000 /dev/zero | tr '\\0' x; echo end", Stdout: "end"}, steps.Unknown, "does not match"},
		"flood, unwanted":  {check.Command{Sh: "head -c 3000000 /dev/zero | tr '\\0' x", NotStdout: "end"}, steps.Unknown, "over 64 KiB"},
		"no such program":  {check.Command{Argv: []string{"no-such-program"}}, steps.Unknown, "not in the target's path"},
		"no such path":     {check.Command{Argv: []string{"/no/such"}}, steps.Unknown, "could not be started"},
		"no input":         {check.Command{Sh: "read -r line || echo none", Stdout: "none"}, steps.Pass, ""},
		"secret":           {check.Command{Sh: "echo token is $API_TOKEN; exit 1", Secrets: []string{"api_token"}}, steps.Fail, "token is [redacted]"},
		"lost secret":      {check.Command{Sh: "echo $API_TOKEN", Secrets: []string{"gone"}}, steps.Pass, ""},
		"hostile output":   {check.Command{Sh: `printf '\033]0;owned\007\033[2Jx\n'; exit 1`}, steps.Fail, "exit 1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := do(t, &c.check, w)
			want(t, r, c.verdict, c.reason)
			never(t, r, "c0rrect", "\x1b", "\x07")
		})
	}
}

func TestCommandEnvironmentIsTheWorlds(t *testing.T) {
	t.Setenv("RUNBOOK_CANARY", "leaked")
	t.Setenv("BASH_ENV", "/nonexistent/canary")
	w := world(t, nil)
	r := do(t, &check.Command{Sh: "env -0 | tr '\\0' ' '; pwd", Stdout: "^(?:(?:PATH|LANG|PWD|SHLVL|OLDPWD|_)=\\S+ )+" + w.Dir}, w)
	want(t, r, steps.Pass, "")
	w.Env = []string{"PATH=:."}
	if err := os.WriteFile(filepath.Join(w.Dir, "true"), []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	want(t, do(t, &check.Command{Argv: []string{"true"}}, w), steps.Unknown, "not in the target's path")
}

// TestCommandIsKilledWhole has a child of the script write its pid, hold the
// output and ignore everything that can be ignored.
func TestCommandIsKilledWhole(t *testing.T) {
	t.Parallel()
	w := world(t, nil)
	pipe := filepath.Join(w.Dir, "alive")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	script := "(trap '' TERM INT HUP; exec 9>alive; sleep 300; sleep 300) & "
	// A reader sees the end of the pipe when the last process that holds it is
	// gone, and not before.
	gone := make(chan error, 1)
	watch := func() { _, err := os.ReadFile(pipe); gone <- err }
	go watch()
	want(t, do(t, &check.Command{Sh: script + "wait", Timeout: short(300 * time.Millisecond)}, w), steps.Fail, "not done within 300ms, killed")
	if err := <-gone; err != nil {
		t.Fatal(err)
	}
	go watch()
	want(t, do(t, &check.Command{Sh: script + "while ! [ -e /proc/$!/fd/9 ]; do :; done; echo done"}, w), steps.Pass, "")
	if err := <-gone; err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() { watch(); cancel() }()
	interrupted := (&check.Command{Sh: "exec 9>alive; exec 9>&-; sleep 300"}).Do(ctx, w)
	want(t, interrupted, steps.Unknown, "interrupted")
	if interrupted.Took > 10*time.Second || strings.Contains(interrupted.Where, "sleep") {
		t.Errorf("interrupted after %s in %q", interrupted.Took, interrupted.Where)
	}
}
