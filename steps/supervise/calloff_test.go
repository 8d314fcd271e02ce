package supervise_test

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"runbook/steps/supervise"
)

// calledOff is a script that something else ends: text is read by sh in its
// directory.
func calledOff(t *testing.T, sh, text string) supervise.Order {
	t.Helper()
	o := script(t, sh)
	off := order(t, "sh", "-s")
	off.Dir, off.Stdin = o.Dir, []byte(text)
	o.CallOff = &off
	return o
}

func TestCallOffComesInsteadOfSignals(t *testing.T) {
	t.Parallel()
	o := calledOff(t, `trap 'echo signal' INT TERM; echo $$ >pid; until [ -e off ]; do sleep 0.01; done; exit 6`, "echo off >>off\n")
	p := start(t, o)
	pidOf(t, o, "pid")
	cancel(t, p)
	got := p.End().Outcome
	if got.Exit != 6 || !got.Cancelled || len(got.Sent) > 0 || output(t, o) != "" || got.Warn != "" || len(got.Leftovers) > 0 {
		t.Errorf("%+v: %q", got, output(t, o))
	}
}

func TestCallOffForEachRequest(t *testing.T) {
	t.Parallel()
	o := calledOff(t, `echo $$ >pid; until [ "$(cat off)" = "xx" ]; do sleep 0.01; done 2>/dev/null; exit 6`,
		"echo $$ >>callers\nprintf x >>off\nexec sleep 1000\n")
	o.Grace = 50 * time.Millisecond
	p := start(t, o)
	pidOf(t, o, "pid")
	cancel(t, p)
	await(t, "the first", func() bool {
		data, err := os.ReadFile(filepath.Join(o.Dir, "off"))
		return err == nil && string(data) == "x"
	})
	cancel(t, p)
	if got := p.End().Outcome; got.Exit != 6 || len(got.Sent) > 0 {
		t.Errorf("%+v", got)
	}
	data, err := os.ReadFile(filepath.Join(o.Dir, "callers"))
	callers := strings.Fields(string(data))
	if err != nil || len(callers) != 2 {
		t.Errorf("%q called, %v", callers, err)
	}
	for _, word := range callers {
		pid, err := strconv.Atoi(word)
		if err != nil {
			t.Fatal(err)
		}
		await(t, "the caller's end", func() bool { return gone(pid) })
	}
}

func TestSignalsComeWhereCallOffEndsNothing(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{"fails": "echo off >>off; exit 1", "does not exist": ""} {
		o := calledOff(t, `echo $$ >pid; while :; do sleep 0.01; done`, text)
		o.Grace = 50 * time.Millisecond
		if text == "" {
			o.CallOff.Path = "/nonexistent/sh"
		}
		p := start(t, o)
		pidOf(t, o, "pid")
		cancel(t, p)
		if text != "" {
			await(t, "the call", func() bool { _, err := os.Stat(filepath.Join(o.Dir, "off")); return err == nil })
		}
		cancel(t, p) // nothing more is waited for
		got := p.End().Outcome
		if got.Signal == "" || !slices.Contains(got.Sent, "SIGINT") {
			t.Errorf("%s: %+v", name, got)
		}
		if (text == "") != strings.Contains(got.Warn, "/nonexistent/sh") {
			t.Errorf("%s: warns %q", name, got.Warn)
		}
	}
}

func TestUnread(t *testing.T) {
	t.Parallel()
	for sh, unread := range map[string]bool{"true": true, "read -r x": false, "cat": false, "cat | cat": false} {
		o := script(t, sh)
		o.Stdin = []byte("a\nb\n")
		if got := finish(t, o); got.Unread != unread || got.Exit != 0 {
			t.Errorf("%s: %+v", sh, got)
		}
	}
	if got := finish(t, script(t, "true")); got.Unread {
		t.Errorf("without input: %+v", got)
	}
}
