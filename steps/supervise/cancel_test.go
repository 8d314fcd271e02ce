package supervise_test

import (
	"fmt"
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

// TestCancelLeavesNobodyWhoEscaped has processes that left the session, closed
// the output and lost their parents before anybody asked for the end, one of
// which starts another whenever it can.
func TestCancelLeavesNobodyWhoEscaped(t *testing.T) {
	t.Parallel()
	o := script(t, `for i in 1 2 3; do
	(setsid bash -c 'trap "" INT TERM HUP; echo $$ >>escaped; exec >/dev/null 2>&1 </dev/null; (trap "" INT TERM; while :; do sleep 0.05; done) & while :; do sleep 0.05; done' &)
done
until [ "$(cat escaped 2>/dev/null | wc -l)" = 3 ]; do sleep 0.01; done
exec >/dev/null 2>&1
echo $$ >pid; exec sleep 1000`) // a bash in a loop takes no SIGINT that its sleep has not died of
	p := start(t, o)
	pidOf(t, o, "pid")
	data, err := os.ReadFile(filepath.Join(o.Dir, "escaped"))
	if err != nil {
		t.Fatal(err)
	}
	cancel(t, p)
	got := p.End().Outcome
	for _, word := range strings.Fields(string(data)) {
		pid, err := strconv.Atoi(word)
		if err != nil {
			t.Fatal(err)
		}
		if !gone(pid) || !slices.Contains(got.Leftovers, word+" bash (killed)") {
			t.Errorf("%d: gone %v, %q", pid, gone(pid), got.Leftovers)
		}
	}
	if got.Signal != "SIGINT" || !got.Cancelled {
		t.Errorf("%+v", got)
	}
}

// TestEscapedIsNamed has one that left nothing to know it by but its parent.
func TestEscapedIsNamed(t *testing.T) {
	t.Parallel()
	o := script(t, `(setsid bash -c 'echo $$ >left; exec >/dev/null 2>&1 </dev/null; exec sleep 1000' &); until [ -s left ]; do sleep 0.01; done; exit 3`)
	p := start(t, o)
	got := p.End().Outcome
	left := pidOf(t, o, "left")
	t.Cleanup(func() { _ = syscall.Kill(left, syscall.SIGKILL) })
	if got.Exit != 3 || len(got.Leftovers) != 1 || !strings.HasPrefix(got.Leftovers[0], strconv.Itoa(left)+" ") || gone(left) {
		t.Errorf("%+v, want %d named", got, left)
	}
}

// TestManyLeftovers has more of them than a verdict has room for.
func TestManyLeftovers(t *testing.T) {
	t.Parallel()
	o := script(t, `for i in {1..70}; do sleep 1000 & done; exit 3`)
	p := start(t, o)
	got := p.End().Outcome
	t.Cleanup(func() { _ = syscall.Kill(-p.Status().PID, syscall.SIGKILL) })
	if n := len(got.Leftovers); got.Exit != 3 || n != 51 || got.Leftovers[50] != "and 20 more" {
		t.Errorf("%d named: %+v", n, got)
	}
}

func TestKillAfterWithNobodyThere(t *testing.T) {
	t.Parallel()
	o := script(t, `trap '' INT; echo $$ >pid; while :; do sleep 0.01; done`)
	o.KillAfter, o.Grace = 300*time.Millisecond, 10*time.Millisecond
	cmd := drive(t, o)
	pid := pidOf(t, o, "pid")
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	if gone(pid) {
		t.Log("it ended before its driver did")
	}
	end := supervise.Attach(o.Files, keyOf(o)).End()
	if got := end.Outcome; end.Class != supervise.Exited || !got.Cancelled || got.Signal != "SIGTERM" || !gone(pid) {
		t.Errorf("%+v", end)
	}
}

// TestCancelAtTheEnd asks for the end of commands that end by themselves: each
// request is heard or comes too late, and none is an error.
func TestCancelAtTheEnd(t *testing.T) {
	t.Parallel()
	cancelAtTheEnd(t, 8)
}

func cancelAtTheEnd(t *testing.T, rounds int) (cancelled int) {
	t.Helper()
	r := recorder(t)
	for i := range rounds {
		// A request is looked for every 50 ms.
		o := order(t, "bash", "-c", fmt.Sprintf(`trap 'exit 9' INT; sleep 0.0%02d; exit 7`, 7*i%60))
		p := startBy(t, r, o)
		cancel(t, p)
		cancel(t, p)
		end := p.End()
		got := end.Outcome
		if got.Cancelled {
			cancelled++
		}
		ok := got.Exit == 7 || got.Cancelled && (got.Exit == 9 || got.Signal == "SIGINT" || got.Signal == "SIGTERM")
		if end.Class != supervise.Exited || !ok || got.Warn != "" || got.Unseen != "" || len(got.Leftovers) > 0 {
			t.Errorf("round %d: %+v", i, end)
		}
		cancel(t, p)
	}
	t.Logf("%d of %d were cancelled", cancelled, rounds)
	return cancelled
}
