package supervise_test

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"runbook/steps/supervise"
)

// pidOf waits until a script has written a pid to a file in its directory.
func pidOf(t *testing.T, o supervise.Order, name string) int {
	t.Helper()
	pid := 0
	await(t, name, func() bool {
		data, err := os.ReadFile(filepath.Join(o.Dir, name))
		if err != nil || !strings.HasSuffix(string(data), "\n") {
			return false
		}
		pid, err = strconv.Atoi(strings.TrimSpace(string(data)))
		return err == nil
	})
	return pid
}

func cancel(t *testing.T, p *supervise.Process) {
	t.Helper()
	if err := p.Cancel(); err != nil {
		t.Error(err)
	}
}

// gone reports whether no process executes under pid; a zombie does not.
func gone(pid int) bool {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return syscall.Kill(pid, 0) != nil
	}
	_, rest, _ := strings.Cut(string(data), ") ")
	return strings.HasPrefix(rest, "Z")
}

// seen reports whether a script has written this to the file seen.
func seen(o supervise.Order, want string) func() bool {
	return func() bool {
		data, err := os.ReadFile(filepath.Join(o.Dir, "seen"))
		return err == nil && string(data) == want
	}
}

func TestCancelEndsWithTheFirstSignal(t *testing.T) {
	t.Parallel()
	o := script(t, `trap 'echo tidy; exit 9' INT; echo $$ >pid; while :; do sleep 0.01; done`)
	p := start(t, o)
	pidOf(t, o, "pid")
	cancel(t, p)
	got := p.End().Outcome
	if got.Exit != 9 || !got.Cancelled || !slices.Equal(got.Sent, []string{"SIGINT"}) || output(t, o) != "tidy\n" {
		t.Errorf("%+v: %q", got, output(t, o))
	}
	cancel(t, p) // after the end it is nothing
}

// trapper ignores what can be ignored, and so does a process it put into a
// session of its own.
const trapper = `trap '' INT TERM
setsid bash -c 'trap "" INT TERM; echo $$ >escaped; while :; do sleep 0.05; done' >/dev/null 2>&1 &
echo $$ >pid
while :; do sleep 0.05; done`

func TestCancelEscalatesAndLeavesNobody(t *testing.T) {
	t.Parallel()
	o := script(t, trapper)
	o.Grace = 50 * time.Millisecond
	p := start(t, o)
	pid, escaped := pidOf(t, o, "pid"), pidOf(t, o, "escaped")
	if pid != p.Status().PID {
		t.Errorf("pid %d, process says %d", pid, p.Status().PID)
	}
	cancel(t, p)
	got := p.End().Outcome
	if got.Signal != "SIGKILL" || !got.Cancelled || !slices.Equal(got.Sent, []string{"SIGINT", "SIGTERM", "SIGKILL"}) {
		t.Errorf("%+v", got)
	}
	if !gone(pid) || !gone(escaped) {
		t.Errorf("survived: program %v, escaped %v", !gone(pid), !gone(escaped))
	}
	if !slices.Contains(got.Leftovers, strconv.Itoa(escaped)+" bash (killed)") {
		t.Errorf("%d is not named: %q", escaped, got.Leftovers)
	}
}

func TestCancelAgainEscalatesAtOnce(t *testing.T) {
	t.Parallel()
	o := script(t, `trap 'echo int >>seen' INT; trap 'echo term >>seen' TERM; echo $$ >pid; while :; do sleep 0.01 || :; done`)
	o.Grace = time.Hour
	p := start(t, o)
	pidOf(t, o, "pid")
	cancel(t, p)
	await(t, "SIGINT", seen(o, "int\n"))
	cancel(t, p)
	await(t, "SIGTERM", seen(o, "int\nterm\n"))
	cancel(t, p)
	if got := p.End().Outcome; got.Signal != "SIGKILL" || len(got.Sent) != 3 {
		t.Errorf("%+v", got)
	}
}

func TestLeftoverIsNamedAndDelaysNothing(t *testing.T) {
	t.Parallel()
	o := script(t, `(setsid bash -c 'echo $$ >left; while :; do echo noise; sleep 0.01; done' &); until [ -s left ]; do sleep 0.01; done; exit 3`)
	p := start(t, o)
	got := p.End().Outcome
	left := pidOf(t, o, "left")
	t.Cleanup(func() {
		if err := syscall.Kill(left, syscall.SIGKILL); err != nil {
			t.Error(err)
		}
	})
	if got.Exit != 3 || !slices.Contains(got.Leftovers, strconv.Itoa(left)+" bash") {
		t.Errorf("%+v, want %d named", got, left)
	}
	if gone(left) {
		t.Error("the leftover was killed without a cancel")
	}
	if _, err := os.Stat(filepath.Join(o.Files, "out")); !os.IsNotExist(err) {
		t.Errorf("raw output: %v", err)
	}
}
