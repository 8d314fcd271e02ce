package supervise_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"runbook/steps/supervise"
)

// keys remembers the key of each order's verdict, as a log does, by its
// directory of files.
var keys sync.Map

// order is of a program on our own PATH, for a fresh directory.
func order(tb testing.TB, argv ...string) supervise.Order {
	tb.Helper()
	path, err := exec.LookPath(argv[0])
	if err != nil {
		tb.Fatal(err)
	}
	return supervise.Order{
		Argv: argv, Path: path, Dir: tb.TempDir(), Env: []string{"PATH=/usr/bin:/bin"},
		Files: filepath.Join(quickDir(tb), "steps", "x.1"),
	}
}

// quickDir is a fresh directory in memory, where there is one: what is made
// durable does not wait for the disk.
func quickDir(tb testing.TB) string {
	tb.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "supervise-")
	if err != nil {
		return tb.TempDir()
	}
	tb.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			tb.Error(err)
		}
	})
	return dir
}

// script is the order of a script as a book's sh becomes one.
func script(tb testing.TB, sh string) supervise.Order {
	tb.Helper()
	return order(tb, "bash", "-euo", "pipefail", "-c", sh)
}

// recorder is one that goes with the test.
func recorder(tb testing.TB) *supervise.Recorder {
	tb.Helper()
	r := new(supervise.Recorder)
	tb.Cleanup(func() {
		if err := r.Close(); err != nil {
			tb.Error(err)
		}
	})
	return r
}

func start(tb testing.TB, o supervise.Order) *supervise.Process {
	tb.Helper()
	return startBy(tb, recorder(tb), o)
}

func startBy(tb testing.TB, r *supervise.Recorder, o supervise.Order) *supervise.Process {
	tb.Helper()
	p, err := r.Start(seal(tb, o))
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

func seal(tb testing.TB, o supervise.Order) *supervise.Sealed {
	tb.Helper()
	s, err := supervise.Seal(o)
	if err != nil {
		tb.Fatal(err)
	}
	keys.Store(o.Files, s.Key)
	return s
}

// finish starts an order and waits for its end.
func finish(tb testing.TB, o supervise.Order) supervise.Outcome {
	tb.Helper()
	return start(tb, o).End().Outcome
}

// classify is what the directory says, with the key that was sealed last.
func classify(o supervise.Order) supervise.Status {
	key, _ := keys.Load(o.Files)
	text, _ := key.(string)
	return supervise.Classify(o.Files, text)
}

// taking is one who takes part in an execution, as its file pid has it.
type taking struct {
	PID   int    `json:"pid"`
	Start string `json:"start"`
	Boot  string `json:"boot"`
}

// crew is the file pid of an execution.
type crew struct {
	Program    taking `json:"program"`
	Supervisor taking `json:"supervisor"`
	Recorder   taking `json:"recorder"`
}

// crewOf is who takes part in an order's execution.
func crewOf(tb testing.TB, o supervise.Order) (c crew) {
	tb.Helper()
	data, err := os.ReadFile(filepath.Join(o.Files, "pid"))
	if err != nil {
		tb.Fatal(err)
	}
	if err := json.Unmarshal(data, &c); err != nil || c.Supervisor.PID == 0 || c.Recorder.PID == 0 {
		tb.Fatalf("%s: %v", data, err)
	}
	return c
}

// output is what readers see of an order.
func output(tb testing.TB, o supervise.Order) string {
	tb.Helper()
	data, err := os.ReadFile(filepath.Join(o.Files, supervise.OutputFile))
	if err != nil {
		tb.Fatal(err)
	}
	return string(data)
}

// patience is how long a fact is waited for: only a test that fails waits so
// long.
var patience = 20 * time.Second

// await waits for a visible fact.
func await(tb testing.TB, what string, fact func() bool) {
	tb.Helper()
	deadline := time.NewTimer(patience)
	tick := time.NewTicker(2 * time.Millisecond)
	defer deadline.Stop()
	defer tick.Stop()
	for !fact() {
		select {
		case <-deadline.C:
			tb.Fatalf("waited %v for %s", patience, what)
		case <-tick.C:
		}
	}
}
