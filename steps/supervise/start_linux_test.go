package supervise_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"runbook/steps/supervise"
)

// TestReadersStopNoStart has readers look on all the time while commands are
// started and end.
func TestReadersStopNoStart(t *testing.T) {
	t.Parallel()
	var orders []supervise.Order
	for range 20 {
		orders = append(orders, script(t, quick))
		seal(t, orders[len(orders)-1]) // for its key
	}
	var done atomic.Bool
	var probes atomic.Int64
	var readers, starters sync.WaitGroup
	for range 3 {
		readers.Go(func() {
			for !done.Load() {
				for _, o := range orders {
					if s := classify(o); s.Class == supervise.Unknown || s.Class == supervise.Orphan {
						t.Errorf("seen: %+v", s)
					}
					probes.Add(1)
				}
			}
		})
	}
	r := recorder(t)
	for part := range 2 {
		starters.Go(func() {
			for i := part; i < len(orders); i += 2 {
				p, err := r.Start(seal(t, orders[i]))
				if err != nil {
					t.Error(err)
					continue
				}
				if end := p.End(); end.Class != supervise.Exited || end.Outcome.Exit != 42 {
					t.Errorf("%+v", end)
				}
			}
		})
	}
	starters.Wait()
	for probes.Load() < 2000 {
	}
	done.Store(true)
	readers.Wait()
}

// TestOneIntentOfManyProcesses starts one intent from several processes, each
// with a recorder of its own, and once more after its end.
func TestOneIntentOfManyProcesses(t *testing.T) {
	t.Parallel()
	o := script(t, quick)
	var drivers sync.WaitGroup
	var started atomic.Int32
	for range 6 {
		cmd := exec.CommandContext(t.Context(), self(t))
		out := launch(t, cmd, o, "s3cret-Canary")
		drivers.Go(func() {
			line, err := out.ReadString('\n')
			if line == "started\n" {
				started.Add(1)
			} else if !strings.HasPrefix(line, "refused already started") {
				t.Errorf("driver said %q, %v", line, err)
			}
			_ = cmd.Wait() // one that was refused says so
		})
	}
	drivers.Wait()
	if _, err := recorder(t).Start(seal(t, o)); !errors.Is(err, supervise.ErrStarted) {
		t.Errorf("after its end: %v", err)
	}
	if started.Load() != 1 || ran(t, o) != 1 || output(t, o) != "first [redacted]\nlast [redacted]\n" {
		t.Errorf("%d started, executed %d times: %q", started.Load(), ran(t, o), output(t, o))
	}
}

// TestSecondStartSpoilsNothing kills the supervisor of a second start before it
// has found out that it is one.
func TestSecondStartSpoilsNothing(t *testing.T) {
	t.Parallel()
	o := script(t, quick)
	finish(t, o)
	key, killed := keyOf(o), 0
	for k := 1; k < 5; k++ {
		r := newRig(t)
		r.settled(t, aSupervisor, fmt.Sprintf("openat:signal=SIGKILL:when=%d", k), o)
		if s := supervise.Classify(o.Files, key); s.Class != supervise.Exited || s.Outcome.Exit != 42 || ran(t, o) != 1 {
			t.Errorf("killed at open %d: %+v", k, s)
		}
		if strings.Contains(r.traced(t, aSupervisor), "killed by SIGKILL") {
			killed++
		}
	}
	if killed == 0 { // which of its threads opens what is chance, and each counts for itself
		t.Error("nothing was killed")
	}
}

func TestStartOfAClosedOrder(t *testing.T) {
	t.Parallel()
	o := script(t, quick)
	s := seal(t, o)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	r := recorder(t)
	if _, err := r.Start(s); err == nil || ran(t, o) > 0 || classify(o).Class != supervise.NeverStarted {
		t.Errorf("%v, %+v", err, classify(o))
	}
	if got := startBy(t, r, o).End().Outcome; got.Exit != 42 {
		t.Errorf("another: %+v", got)
	}
}

func TestRecorderThatCannotLive(t *testing.T) {
	t.Parallel()
	r, o := newRig(t), script(t, quick)
	said := r.settled(t, aRecorder, "prctl:error=EPERM:when=1", o)
	if n := strings.Count(r.traced(t, aRecorder), "INJECTED"); n == 0 || !strings.HasPrefix(said, "refused") || ran(t, o) > 0 || classify(o).Class != supervise.NeverStarted {
		t.Errorf("%d refused, driver said %q, %+v", n, said, classify(o))
	}
}

// TestErrorsKeepNoFile counts the files of this process while starts fail. It
// is not parallel: other tests open files too.
func TestErrorsKeepNoFile(t *testing.T) {
	count := func() int {
		list, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	r := recorder(t)
	o := script(t, quick)
	startBy(t, r, o).End()
	s := seal(t, o)
	relative, none, closed := script(t, quick), script(t, quick), script(t, quick)
	relative.Files, none.Files = "x.1", "/proc/x.1"
	fail := func() {
		for _, s := range []*supervise.Sealed{s, seal(t, relative), seal(t, none), seal(t, closed)} {
			if s.Files == closed.Files {
				_ = s.Close() // memory
			}
			if _, err := r.Start(s); err == nil {
				t.Errorf("started in %s", s.Files)
			}
			if s.Files != o.Files {
				_ = s.Close() // memory
			}
		}
	}
	fail()
	before := count()
	for range 10 {
		fail()
	}
	if after := count(); after > before {
		t.Errorf("%d files more", after-before)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// TestNothingIsLeft looks for processes and files after a recorder is closed.
func TestNothingIsLeft(t *testing.T) {
	t.Parallel()
	r, o := newRig(t), script(t, quick)
	if said := r.drive(t, exec.CommandContext(t.Context(), r.self), o); said != "started" {
		t.Fatalf("driver said %q", said)
	}
	r.idle(t)
	list, err := os.ReadDir(o.Files)
	if err != nil || len(list) != 5 {
		t.Errorf("%v, %v", list, err)
	}
	wantTruth(t, "no fault", o, "started")
}

// TestNoZombies has a command double-fork many short processes, and then a
// daemon that does so after its command has ended.
func TestNoZombies(t *testing.T) {
	t.Parallel()
	r := recorder(t)
	o := script(t, `for ((i = 0; i < 400; i++)); do (: &); done; echo $$ >pid; read -r _ <gate
(setsid bash -c 'echo $$ >left; read -r _ <more; for ((i = 0; i < 50; i++)); do (: &); done; echo $$ >made; exec sleep 1000' >/dev/null 2>&1 &)
until [ -s left ]; do sleep 0.01; done`)
	open := gate(t, o)
	more := filepath.Join(o.Dir, "more")
	if err := syscall.Mkfifo(more, 0o600); err != nil {
		t.Fatal(err)
	}
	p := startBy(t, r, o)
	pidOf(t, o, "pid")
	w := crewOf(t, o)
	none := func(parent int) func() bool { return func() bool { return zombies(t, parent) == 0 } }
	await(t, "a supervisor without zombies", none(w.Supervisor.PID))
	open()
	p.End()
	left := pidOf(t, o, "left")
	await(t, "a recorder without zombies", none(w.Recorder.PID))
	if err := os.WriteFile(more, []byte("\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	pidOf(t, o, "made")
	await(t, "a recorder without zombies of a daemon", none(w.Recorder.PID))
	shoot(t, left, syscall.SIGKILL)
	await(t, "a recorder without the daemon", func() bool { return syscall.Kill(left, 0) != nil })
	if got := startBy(t, r, script(t, quick)).End().Outcome; got.Exit != 42 {
		t.Errorf("afterwards: %+v", got)
	}
	await(t, "no zombie of the last", none(w.Recorder.PID))
}

// zombies counts those of a parent.
func zombies(t *testing.T, parent int) (n int) {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range all {
		data, err := os.ReadFile(path)
		_, rest, _ := strings.Cut(string(data), ") ")
		if err == nil && strings.HasPrefix(rest, fmt.Sprintf("Z %d ", parent)) {
			n++
		}
	}
	return n
}

// TestWhereOthersAreHidden runs a driver as an ordinary user where /proc shows
// it nothing of others, and kills its supervisor.
func TestWhereOthersAreHidden(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root can mount another /proc")
	}
	r := newRig(t)
	o := script(t, `(setsid bash -c 'echo $$ >left; exec sleep 1000' &); until [ -s left ]; do sleep 0.01; done; `+rows)
	open := gate(t, o)
	r.open(t, &o)
	if err := os.Chmod(filepath.Join(o.Dir, "gate"), 0o666); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "unshare", "-m", "sh", "-c",
		`mount -t proc -o hidepid=2 proc /proc && exec setpriv --reuid=65534 --regid=65534 --clear-groups "$0"`, r.self)
	driveWith(t, cmd, o, "s3cret-Canary")
	pidOf(t, o, "pid")
	shoot(t, crewOf(t, o).Supervisor.PID, syscall.SIGKILL)
	open()
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	left := pidOf(t, o, "left")
	shoot(t, left, syscall.SIGKILL)
	r.idle(t)
	end := classify(o)
	wantRows(t, o, end, "recorder")
	if want := []string{fmt.Sprintf("%d sleep", left)}; len(end.Outcome.Leftovers) != 1 || end.Outcome.Leftovers[0] != want[0] {
		t.Errorf("left %q, want %q", end.Outcome.Leftovers, want)
	}
}
