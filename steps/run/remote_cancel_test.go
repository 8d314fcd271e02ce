package run_test

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"runbook/steps/run"
	"runbook/steps/run/loopback"
	"runbook/steps/supervise"
)

// trapper ignores what can be ignored, and so does a process it put into a
// session of its own.
const trapper = `trap 'echo int >>seen' INT; trap 'echo term >>seen' TERM
setsid bash -c 'trap "" INT TERM; echo $$ >escaped; while :; do sleep 0.05; done' >/dev/null 2>&1 &
sleep 600 & echo $! >child
echo $$ >pid
while :; do sleep 0.05 || :; done`

func TestCancelOnAHostEscalatesAndLeavesNobody(t *testing.T) {
	t.Parallel()
	s := loopback.Start(t)
	r := on(t, s, run.Command{Sh: trapper})
	_, wait := r.begin(t, run.Start)
	pids := []string{r.file(t, "pid"), r.file(t, "escaped"), r.file(t, "child")}
	if w := r.ask(t, run.Cancel); w.Class != supervise.Exited || w.Exit != 137 || !slices.Equal(w.Sent, []string{"SIGINT", "SIGTERM", "SIGKILL"}) {
		t.Errorf("%+v", w)
	}
	got := wait()
	if got.word.Exit != 137 || !slices.Contains(got.word.Leftovers, pids[1]+" bash (killed)") {
		t.Errorf("%+v", got)
	}
	for _, pid := range pids {
		if alive(pid) {
			t.Errorf("%s survived", pid)
		}
	}
	if text := r.file(t, "seen"); text != "int\nterm" {
		t.Errorf("it saw %q", text)
	}
}

func TestCancelOnAHostEndsWithTheFirstSignal(t *testing.T) {
	t.Parallel()
	s := loopback.Start(t)
	r := on(t, s, run.Command{Sh: `trap 'echo tidy; exit 9' INT; echo $$ >pid; while :; do sleep 0.01; done`})
	_, wait := r.begin(t, run.Start)
	r.file(t, "pid")
	if w := r.ask(t, run.Cancel); w.Exit != 9 || !slices.Equal(w.Sent, []string{"SIGINT"}) {
		t.Errorf("%+v", w)
	}
	if got := wait(); !strings.HasPrefix(got.out, "tidy\n-- app: exit 9 SIGINT -- ") {
		t.Errorf("%+v", got)
	}
	if w := r.ask(t, run.Cancel); w.Exit != 9 || !slices.Equal(w.Sent, []string{"SIGINT"}) {
		t.Errorf("after its end: %+v", w)
	}
}

func TestCancelOnAHostAgainEscalatesAtOnce(t *testing.T) {
	t.Parallel()
	s := loopback.Start(t)
	r := on(t, s, run.Command{Sh: trapper})
	r.Local.Grace = time.Hour
	_, wait := r.begin(t, run.Start)
	r.file(t, "pid")
	var cancels []func() said
	for _, sees := range []string{"int", "int\nterm"} {
		_, cancel := r.begin(t, run.Cancel)
		cancels = append(cancels, cancel)
		await(t, sees, func() bool {
			data, err := os.ReadFile(filepath.Join(s.Dir, "seen"))
			return err == nil && string(data) == sees+"\n"
		})
	}
	_, cancel := r.begin(t, run.Cancel)
	for _, ended := range append(cancels, cancel, wait) {
		if got := ended(); got.word.Exit != 137 || len(got.word.Sent) != 3 {
			t.Errorf("%+v", got)
		}
	}
}

// A cancel that comes before the command keeps it from starting.
func TestCancelOnAHostBeforeTheStart(t *testing.T) {
	t.Parallel()
	s := loopback.Start(t)
	r := on(t, s, run.Command{Sh: "touch ran"})
	if w := r.ask(t, run.Cancel); w.Class != supervise.NeverStarted {
		t.Errorf("%+v", w)
	}
	r.do(t, run.Start)
	if _, err := os.Stat(filepath.Join(s.Dir, "ran")); err == nil {
		t.Error("it ran")
	}
}

func TestLeftoverOnAHostIsNamedAndDelaysNothing(t *testing.T) {
	t.Parallel()
	s := loopback.Start(t)
	r := on(t, s, run.Command{Sh: `(setsid bash -c 'echo $$ >left; while :; do echo noise; sleep 0.01; done' &); until [ -s left ]; do sleep 0.01; done; exit 3`})
	got := r.do(t, run.Start)
	left := r.file(t, "left")
	if got.word.Exit != 3 || !slices.Contains(got.word.Leftovers, left+" bash") || !alive(left) {
		t.Errorf("%+v, want %s named", got, left)
	}
	pid, err := strconv.Atoi(left)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Error(err)
	}
}

// Whoever writes the end down can be killed: then the command goes on, and how
// it ended is not made up.
func TestKilledRecorderOnAHostIsUnknown(t *testing.T) {
	t.Parallel()
	s := loopback.Start(t)
	r := on(t, s, run.Command{Sh: `echo $PPID >recorder; echo $$ >pid; until [ -e go ]; do sleep 0.01; done; exit 5`})
	_, wait := r.begin(t, run.Start)
	pid := r.file(t, "pid")
	recorder, err := strconv.Atoi(r.file(t, "recorder"))
	if err != nil {
		t.Fatal(err)
	}
	s.Cut()
	wait()
	for _, who := range []int{parent(t, recorder), recorder} {
		if err := syscall.Kill(who, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	if w := r.ask(t, run.Look); w.Class != supervise.Running || !alive(pid) {
		t.Errorf("while it runs: %+v", w)
	}
	write(t, s, "go")
	await(t, "its end", func() bool { return !alive(pid) })
	if w := r.ask(t, run.Look); w.Class != supervise.Unknown || !strings.Contains(w.Text, "nobody saw its end") {
		t.Errorf("after its end: %+v", w)
	}
}
