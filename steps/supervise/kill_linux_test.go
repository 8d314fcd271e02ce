package supervise_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"runbook/steps"
	"runbook/steps/supervise"
)

// rows prints 30 rows, waits for its gate, prints 30 more and exits with 42.
const rows = `for i in {1..30}; do echo "row $i s3cret-Canary"; done; echo $$ >pid; read -r _ <gate; for i in {31..60}; do echo "row $i s3cret-Canary"; done; exit 42`

// gate makes a fifo in the order's directory, on which a script waits with
// `read -r _ <gate` until the returned function is called.
func gate(t *testing.T, o supervise.Order) (open func()) {
	t.Helper()
	path := filepath.Join(o.Dir, "gate")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0) // never waits for a reader
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return func() {
		if _, err := f.WriteString("\n"); err != nil {
			t.Error(err)
		}
	}
}

// migration is an order of rows with a secret, and the key to its gate.
func migration(t *testing.T) (o supervise.Order, open func()) {
	t.Helper()
	o = script(t, rows)
	o.Secrets = []steps.Secret{steps.NewSecret("s3cret-Canary")}
	return o, gate(t, o)
}

// shoot kills a process and sees it gone with all its threads: the last of
// them gives its locks back.
func shoot(t *testing.T, pid int, sig syscall.Signal) {
	t.Helper()
	if pid <= 1 {
		t.Fatalf("no process to kill: %d", pid)
	}
	fd, err := unix.PidfdOpen(pid, 0)
	if err == nil {
		err = unix.PidfdSendSignal(fd, sig, nil, 0)
	}
	if err != nil {
		t.Fatalf("kill %d: %v", pid, err)
	}
	await(t, fmt.Sprintf("%d to be gone", pid), func() bool {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
		return n == 1 && err == nil
	})
	if err := unix.Close(fd); err != nil {
		t.Error(err)
	}
}

// wantRows checks that an order of rows ended as it did, with all it printed.
func wantRows(t *testing.T, o supervise.Order, end supervise.Status, source string) {
	t.Helper()
	if end.Class != supervise.Exited || end.Outcome.Exit != 42 || end.Outcome.Source != source || end.Outcome.Warn != "" || end.Outcome.Unseen != "" {
		t.Errorf("%+v", end)
	}
	wantAllRows(t, o)
}

func wantAllRows(t *testing.T, o supervise.Order) {
	t.Helper()
	want := ""
	for i := range 60 {
		want += fmt.Sprintf("row %d [redacted]\n", i+1)
	}
	if got := output(t, o); got != want {
		t.Errorf("output %q", got)
	}
	for _, name := range []string{"out", "cancel"} {
		if _, err := os.Lstat(filepath.Join(o.Files, name)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is left: %v", name, err)
		}
	}
}

func TestKilledSupervisorLeavesTheCommandToTheRecorder(t *testing.T) {
	t.Parallel()
	for _, sig := range []syscall.Signal{syscall.SIGKILL, syscall.SIGABRT, syscall.SIGSEGV} {
		t.Run(sig.String(), func(t *testing.T) {
			t.Parallel()
			o, open := migration(t)
			p := start(t, o)
			pid := pidOf(t, o, "pid")
			shoot(t, crewOf(t, o).Supervisor.PID, sig)
			if s := p.Status(); s.Class != supervise.Running || s.PID != pid || gone(pid) {
				t.Errorf("supervisor killed: %+v", s)
			}
			open()
			wantRows(t, o, p.End(), "recorder")
		})
	}
}

func TestKilledSupervisorWithNobodyAttached(t *testing.T) {
	t.Parallel()
	o, open := migration(t)
	cmd := drive(t, o, "s3cret-Canary")
	pidOf(t, o, "pid")
	shoot(t, cmd.Process.Pid, syscall.SIGKILL)
	_ = cmd.Wait() // it was killed
	shoot(t, crewOf(t, o).Supervisor.PID, syscall.SIGKILL)
	open()
	await(t, "a verdict", func() bool { return classify(o).Class == supervise.Exited })
	await(t, "the recorder's end", func() bool { return gone(crewOf(t, o).Recorder.PID) })
	wantRows(t, o, classify(o), "recorder")
}

func TestKilledSupervisorWhileOutputFlows(t *testing.T) {
	t.Parallel()
	o := script(t, `for ((i = 0; i < 20000; i++)); do echo "line $i s3cret-Canary"; done; exit 42`)
	o.Secrets = []steps.Secret{steps.NewSecret("s3cret-Canary")}
	p := start(t, o)
	await(t, "output", func() bool { return len(output(t, o)) > 1000 })
	pid := crewOf(t, o).Supervisor.PID
	shoot(t, pid, syscall.SIGKILL)
	end := p.End()
	if end.Class != supervise.Exited || end.Outcome.Exit != 42 || end.Outcome.Warn != "" {
		t.Errorf("%+v", end)
	}
	out := output(t, o)
	for i := range 20000 {
		line, rest, _ := strings.Cut(out, "\n")
		if line != fmt.Sprintf("line %d [redacted]", i) {
			t.Fatalf("line %d is %q", i, line)
		}
		out = rest
	}
	if out != "" || end.Outcome.Source != "recorder" {
		t.Errorf("source %q, then %q", end.Outcome.Source, out)
	}
}

func TestKilledSupervisorWhileItCancels(t *testing.T) {
	t.Parallel()
	o := script(t, `trap 'echo int >>seen' INT; trap 'echo term >>seen; exit 9' TERM; (setsid bash -c 'echo $$ >left; trap "" INT TERM; exec sleep 1000' &); until [ -s left ]; do sleep 0.01; done; echo $$ >pid; while :; do sleep 0.01 || :; done`)
	o.Grace = time.Hour
	p := start(t, o)
	pidOf(t, o, "pid")
	left := pidOf(t, o, "left")
	cancel(t, p)
	await(t, "SIGINT", seen(o, "int\n"))
	shoot(t, crewOf(t, o).Supervisor.PID, syscall.SIGKILL)
	await(t, "SIGINT of the recorder", seen(o, "int\nint\n")) // it can't know how far the other came
	cancel(t, p)
	got := p.End().Outcome
	if got.Exit != 9 || !got.Cancelled || got.Source != "recorder" || got.Sent[len(got.Sent)-1] != "SIGTERM" {
		t.Errorf("%+v", got)
	}
	if !gone(left) {
		t.Errorf("%d survived: %+v", left, got)
	}
}

// TestKilledSupervisorAmongOthers kills one of several under one recorder, and
// then another.
func TestKilledSupervisorAmongOthers(t *testing.T) {
	t.Parallel()
	r := recorder(t)
	var orders []supervise.Order
	var opens []func()
	var running []*supervise.Process
	for range 4 {
		o, open := migration(t)
		orders, opens, running = append(orders, o), append(opens, open), append(running, startBy(t, r, o))
		pidOf(t, o, "pid")
	}
	shoot(t, crewOf(t, orders[1]).Supervisor.PID, syscall.SIGKILL)
	opens[0]()
	wantRows(t, orders[0], running[0].End(), "supervisor")
	shoot(t, crewOf(t, orders[3]).Supervisor.PID, syscall.SIGKILL)
	for i, open := range opens[1:] {
		open()
		source := "supervisor"
		if i != 1 {
			source = "recorder"
		}
		wantRows(t, orders[i+1], running[i+1].End(), source)
	}
	if got := startBy(t, r, script(t, "exit 7")).End().Outcome.Exit; got != 7 {
		t.Errorf("a command after all that ended with %d", got)
	}
}

func TestKilledRecorderIsNotMissed(t *testing.T) {
	t.Parallel()
	r := recorder(t)
	o, open := migration(t)
	p := startBy(t, r, o)
	pidOf(t, o, "pid")
	first := crewOf(t, o).Recorder.PID
	shoot(t, first, syscall.SIGKILL)
	if s := p.Status(); s.Class != supervise.Running {
		t.Errorf("recorder killed: %+v", s)
	}
	next, nextOpen := migration(t)
	q := startBy(t, r, next)
	if second := crewOf(t, next).Recorder.PID; second == first {
		t.Errorf("the recorder is %d still", second)
	}
	open()
	nextOpen()
	wantRows(t, o, p.End(), "supervisor")
	wantRows(t, next, q.End(), "supervisor")
}

// TestKilledBoth leaves an orphan, whose end nobody sees.
func TestKilledBoth(t *testing.T) {
	t.Parallel()
	for _, recorderFirst := range []bool{false, true} {
		t.Run(fmt.Sprint(recorderFirst), func(t *testing.T) {
			t.Parallel()
			o, open := migration(t)
			p := start(t, o)
			pid := pidOf(t, o, "pid")
			w := crewOf(t, o)
			if recorderFirst {
				shoot(t, w.Recorder.PID, syscall.SIGKILL)
				shoot(t, w.Supervisor.PID, syscall.SIGKILL)
			} else {
				shoot(t, w.Supervisor.PID, syscall.SIGKILL)
				shoot(t, w.Recorder.PID, syscall.SIGKILL)
			}
			if s := p.Status(); s.Class != supervise.Orphan || s.PID != pid || s.Withheld == 0 && output(t, o) == "" {
				t.Errorf("both killed: %+v", s)
			}
			open()
			end := p.End()
			if end.Class != supervise.Unknown || end.Source != "neither verdict nor process" || end.Withheld == 0 || !gone(pid) {
				t.Errorf("after the end: %+v", end)
			}
			if strings.Contains(output(t, o), "s3cret") || strings.Contains(output(t, o), "row 31") {
				t.Errorf("nobody redacted this: %q", output(t, o))
			}
			if err := supervise.Salvage(o.Files, o.Secrets); err != nil {
				t.Error(err)
			}
			if s := classify(o); s.Class != supervise.Unknown || s.Withheld != 0 {
				t.Errorf("salvaged: %+v", s)
			}
			if err := os.Remove(filepath.Join(o.Files, "cancel")); err != nil {
				t.Error(err)
			}
			wantAllRows(t, o)
		})
	}
}

func TestKilledProgramIsNoFault(t *testing.T) {
	t.Parallel()
	o, _ := migration(t)
	p := start(t, o)
	shoot(t, pidOf(t, o, "pid"), syscall.SIGKILL)
	if end := p.End(); end.Class != supervise.Exited || end.Outcome.Signal != "SIGKILL" || end.Outcome.Cancelled || end.Outcome.Source != "supervisor" {
		t.Errorf("%+v", end)
	}
}
