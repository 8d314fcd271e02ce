package tui

import (
	"time"

	"runbook/runbook"
	"runbook/runbook/book"
	"runbook/steps/supervise"
)

// snapshotMsg is the state as it was at one moment; n counts them, so that a
// late one never replaces a newer.
type snapshotMsg struct {
	n     uint64
	run   *runbook.Run
	next  []runbook.Intent
	world time.Time // the clock of waits
	head  string    // code of the log's last entry

	reads *runbook.ReadsError // somebody else drives; nil if we do

	command *book.Step // the one that runs, nil if none does

	live map[string]runbook.Live // beside the commands that run or whose end is open
}

// changedMsg says that the state moved: snap is the state since.
type changedMsg struct{ snap snapshotMsg }

// doneMsg is the end of an intent.
type doneMsg struct {
	intent runbook.Intent
	err    error
}

// orderMsg is what a command would execute, or why that can't be told.
type orderMsg struct {
	step  string
	order runbook.Order
	err   error
}

// tailMsg is the end of a running command's output.
type tailMsg struct {
	step  string
	lines []string
	size  int64
	last  time.Time // when it last printed something
}

// frameMsg says that it is time to look at an output again.
type frameMsg struct{ screen *outputScreen }

// outputMsg is what a look at an output saw.
type outputMsg struct {
	screen *outputScreen
	gen    int
	aim    aim
	sight
}

// huntMsg is how far a search has come.
type huntMsg struct {
	hunt  *hunt // the one that went on
	now   hunt
	hit   supervise.Match
	found bool
	over  bool
	err   error
}

// tickMsg moves the clock of the header.
type tickMsg time.Time

// slotMsg says that the clock of waits reached the next slot.
type slotMsg struct{ gen int }

// restMsg says that the selection rests: the detail may follow it.
type restMsg struct{ gen int }

// settleMsg ends a window in which single keys were collected.
type settleMsg struct{ gen int }

// quietMsg says that no key came for a while.
type quietMsg struct{ gen int }

// shownMsg says that the frame of a question was written by now.
type shownMsg struct{ gen int }

// openMsg opens a question on a terminal that answers no cursor report.
type openMsg struct{ gen int }

// leaveMsg asks the program to leave: a signal, or the caller.
type leaveMsg struct{}
