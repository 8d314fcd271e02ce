package main

import (
	"context"
	"errors"
	"syscall"

	"runbook/runbook"
	"runbook/runbook/book"
	"runbook/runbook/journal"
	"runbook/tui/plain"
)

// The exit codes of what drives a run. `check` and `log verify` have tables of
// their own, and say their code with codeError.
const (
	exitOK     = 0
	exitFailed = 1 // failed, stopped, or rolled back
	exitUsage  = 2 // usage, or an invalid or untrusted book
	exitWait   = 3 // nothing to do now, only time is missing
	exitBusy   = 4 // somebody else drives this run
	exitPerson = 5 // a person is needed, or a command runs or is unknown

	exitPipe = 128 + int(syscall.SIGPIPE) // whoever read our output has gone
)

// usageError is a mistake on the command line.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

// toldError carries a code for an end that has been told on stdout.
type toldError struct{ code int }

func (e *toldError) Error() string { return "" }

// rest is what was not told: an error joined to this one.
func (e *toldError) rest(whole error) error {
	joined, ok := whole.(interface{ Unwrap() []error })
	if !ok {
		return nil
	}
	var rest []error
	for _, one := range joined.Unwrap() {
		if !errors.Is(one, e) {
			rest = append(rest, one)
		}
	}
	return errors.Join(rest...)
}

// codeError is an error with a code of its command's own table.
type codeError struct {
	code int
	err  error
}

func (e *codeError) Error() string { return e.err.Error() }
func (e *codeError) Unwrap() error { return e.err }

// exitCode is the one place where errors become exit codes.
func exitCode(err error) int {
	var (
		told     *toldError
		coded    *codeError
		usage    *usageError
		problems *book.Problems
		open     *runbook.OpenRunError
		several  *runbook.AmbiguousError
		wait     *runbook.WaitError
		reads    *runbook.ReadsError
		demand   *runbook.DemandError
	)
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, syscall.EPIPE):
		return exitPipe
	case errors.As(err, &told):
		return told.code
	case errors.As(err, &coded):
		return coded.code
	case errors.As(err, &wait):
		return exitWait
	case errors.Is(err, journal.ErrBusy), errors.As(err, &reads):
		return exitBusy
	case errors.Is(err, plain.ErrDetached), errors.Is(err, plain.ErrGibberish),
		errors.Is(err, runbook.ErrPerson), errors.Is(err, context.Canceled):
		return exitPerson
	case errors.As(err, &usage), errors.As(err, &problems), errors.As(err, &open), errors.As(err, &several), errors.As(err, &demand),
		errors.Is(err, book.ErrUntrusted), errors.Is(err, book.ErrNotFound), errors.Is(err, runbook.ErrNoRun):
		return exitUsage
	}
	return exitFailed
}
