package runbook

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"runbook/runbook/journal"
	"runbook/steps"
)

// Usual is how long a command took when it ended well: the median of past runs
// of the same book on the same target. Without such runs it is zero.
type Usual struct {
	Median time.Duration
	Runs   int // of which it is the median
}

// How far back usual looks, and up to which size of a log, in bytes: it is a
// number beside the clock.
const (
	usualRuns = 20
	usualLog  = 4 << 20
)

// Usual is how long a step's command usually takes. The logs of past runs are
// read once in a session.
func (s *Session) Usual(step string) Usual { return usualOf(s.past()[step]) }

// Usually is how long the commands of the run in dir took in the runs before
// it, by step.
func Usually(ctx context.Context, dir string, r *Run) map[string]Usual {
	usual := map[string]Usual{}
	for step, took := range pastDurations(ctx, dir, r.Book, r.Target) {
		usual[step] = usualOf(took)
	}
	return usual
}

func usualOf(took []time.Duration) Usual {
	if len(took) == 0 {
		return Usual{}
	}
	slices.Sort(took)
	mid := len(took) / 2
	median := took[mid]
	if len(took)%2 == 0 {
		median = (took[mid-1] + took[mid]) / 2
	}
	return Usual{Median: median, Runs: len(took)}
}

// pastDurations are those of the commands that ended well, by step, in the
// newest runs that began before the one in dir, or with it.
func pastDurations(ctx context.Context, dir, bookName, target string) map[string][]time.Duration {
	all, err := os.ReadDir(filepath.Dir(dir))
	if err != nil {
		return nil
	}
	took := map[string][]time.Duration{}
	began, _, _ := strings.Cut(filepath.Base(dir), "-")
	read := 0
	for _, d := range slices.Backward(all) { // by name, which begins with the time
		name := d.Name()
		if start, _, _ := strings.Cut(name, "-"); start > began || name == filepath.Base(dir) || !ofBook(name, bookName) {
			continue
		}
		if read++; read > usualRuns || ctx.Err() != nil {
			break
		}
		if past := filepath.Join(filepath.Dir(dir), name); logSize(past) <= usualLog {
			entries, _ := journal.Read(past) // as far as it is good
			collect(took, entries, target)
		}
	}
	return took
}

// logSize is how many bytes a run's log has.
func logSize(dir string) (size int64) {
	segments, err := filepath.Glob(filepath.Join(dir, "*.jsonl"))
	if err != nil {
		return 0
	}
	for _, path := range segments {
		if info, err := os.Stat(path); err == nil {
			size += info.Size()
		}
	}
	return size
}

// ofBook reports whether a run's directory, <start>-<book>-<run8>, is of that
// book.
func ofBook(name, bookName string) bool {
	_, rest, _ := strings.Cut(name, "-")
	at := strings.LastIndex(rest, "-")
	return at >= 0 && rest[:at] == bookName
}

func collect(took map[string][]time.Duration, entries []journal.Entry, target string) {
	for _, e := range entries {
		switch e.Kind {
		case kindRunStart:
			if body, err := decode[runStartBody](e); err != nil || body.Target != target {
				return
			}
		case kindRunResult:
			body, err := decode[runResultBody](e)
			if err == nil && body.Outcome == "exited" && (body.Verdict == steps.Pass || body.Verdict == steps.Warn) {
				took[body.Step] = append(took[body.Step], time.Duration(body.TookUS)*time.Microsecond)
			}
		}
	}
}
