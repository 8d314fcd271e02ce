package runbook

import (
	"errors"
	"fmt"
	"time"

	"runbook/runbook/book"
)

// Errors that a caller decides on.
var (
	// ErrStale says that the step moved since the person saw it.
	ErrStale = errors.New("the step has moved since you saw it: look again")

	// ErrNotNow says that the intent is not among those that may be done.
	ErrNotNow = errors.New("not now")

	// ErrEnded says that the run is closed.
	ErrEnded = errors.New("this run has ended")

	// ErrNoRun says that no run matches.
	ErrNoRun = errors.New("no such run")

	// ErrSlots says that what timers measured is damaged. The run can be gone on
	// with: the log is not.
	ErrSlots = errors.New("the slots of timers are damaged")

	// ErrWorldGone says that the practice world of a run is no more.
	ErrWorldGone = errors.New("the practice world of this run is gone")
)

// OpenRunError says that the book already has an open run on the target.
type OpenRunError struct{ Run Summary }

func (e *OpenRunError) Error() string {
	return fmt.Sprintf("run %s of %s on %s is open since %s: `runbook resume %s` goes on with it, --new starts another",
		e.Run.Short, e.Run.Book, e.Run.Target, e.Run.Started.UTC().Format("2006-01-02 15:04Z"), e.Run.Short)
}

// DemandError says that a run lacks what its target demands of each, or was
// given what does not do.
type DemandError struct {
	Target string
	Demand book.Demand
	Value  string
}

func (e *DemandError) Error() string {
	return fmt.Sprintf("target %s demands %s: %v; give --var %s=…", e.Target, e.Demand.Name, e.Demand.Check(e.Value), e.Demand.Name)
}

// ReadsError says that this session only reads the run along.
type ReadsError struct {
	Run    string // for people
	Driver string // empty if nobody drives
	Err    error  // what is wrong with the log as far as it was read
}

func (e *ReadsError) Error() string {
	if e.Driver == "" {
		return fmt.Sprintf("you only read along, and nobody drives: `runbook resume %s` does", e.Run)
	}
	return fmt.Sprintf("you only read along: %s drives; `runbook resume %s --take-over` takes over", e.Driver, e.Run)
}

// WaitError says that nothing is to be done now: only time is missing.
type WaitError struct{ Until time.Time }

func (e *WaitError) Error() string {
	return "nothing to do before " + e.Until.UTC().Format("2006-01-02 15:04:05Z")
}
