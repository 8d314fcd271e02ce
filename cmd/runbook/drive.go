package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/term"

	"runbook/runbook"
	"runbook/runbook/journal"
	"runbook/runbook/report"
	"runbook/steps/safetext"
	"runbook/tui"
	"runbook/tui/plain"
)

// drive walks a session on the screen or in lines, and answers how the run
// stands when it is left.
func drive(ctx context.Context, h runbook.Home, s *runbook.Session, inLines bool) error {
	return driveHome(ctx, h, s, inLines, screen(h, s))
}

// driveHome drives, and moves home what had to be kept elsewhere if there is
// room when it is left.
func driveHome(ctx context.Context, h runbook.Home, s *runbook.Session, inLines bool, o tui.Options) error {
	err := driveOn(ctx, s, inLines, o)
	if s.State().Away() != "" {
		if moved := h.BringHome(); moved != nil && !errors.Is(moved, syscall.ENOSPC) { // that was said
			fmt.Fprintln(os.Stderr, "runbook: "+safetext.Line(moved.Error()))
		}
	}
	return err
}

// driveOn drives with other options for the screen.
func driveOn(ctx context.Context, s *runbook.Session, inLines bool, o tui.Options) (err error) {
	defer func() { err = errors.Join(err, s.Close()) }()
	s.Sized(func() (rows, cols uint16) {
		w, h, err := term.GetSize(int(os.Stdin.Fd()))
		if err != nil {
			return 0, 0
		}
		return uint16(h), uint16(w) //nolint:gosec // G115: a terminal's size
	})
	if lines(inLines) {
		for _, line := range safe(givenLines(s.Book(), s.Target(), s.State().Vars)) {
			fmt.Println(line)
		}
		err = plain.Run(ctx, s, plain.Options{In: answers(s), Out: os.Stdout, Terminal: term.IsTerminal(int(os.Stdin.Fd()))})
	} else {
		err = tui.Run(ctx, s, o)
	}
	if errors.Is(err, tui.ErrStuck) {
		return err // the terminal takes nothing: printing would hang
	}
	farewell(s)
	return leave(s, s.State(), err)
}

// lines reports whether a session is driven in lines: asked for, or all that
// this terminal can do.
func lines(asked bool) bool {
	kind := os.Getenv("TERM")
	return asked || !atTerminal() || kind == "dumb" || kind == ""
}

// screen is what the full screen needs of us.
func screen(h runbook.Home, s *runbook.Session) tui.Options {
	o := terminal()
	o.Head, o.Report, o.Undoes = head(s), report.Bytes, takenBack(h, s.State())
	o.Start = append(slices.Clone(o.Undoes), startLines(h, s)...)
	return o
}

// terminal is this process's terminal, for a screen.
func terminal() tui.Options {
	program, err := os.Executable()
	if err != nil {
		program = "" // the screen goes without its watchdog
	}
	return tui.Options{In: os.Stdin, Out: os.Stdout, Env: os.Environ(), Watchdog: program}
}

// leave turns the way a session was left into the way the run stands.
func leave(s *runbook.Session, r *runbook.Run, err error) error {
	standing := runbook.Standing(s.Book(), r)
	var ended *runbook.NotFinishedError
	var wait *runbook.WaitError
	var unsigned *runbook.UnsignedError
	reads := s.Reads()
	switch {
	case err != nil && !errors.Is(err, plain.ErrDetached) && !errors.As(err, new(*runbook.ReadsError)):
		return err
	case reads != nil && r.Ended.IsZero():
		fmt.Println(safetext.Line(reads.Error()))
		return &toldError{exitBusy}
	case errors.As(standing, &ended):
		return &toldError{exitFailed}
	case errors.As(standing, &wait):
		fmt.Println(wait.Error())
		return &toldError{exitWait}
	case errors.As(standing, &unsigned):
		fmt.Println(safetext.Line(unsigned.Error() + ":"))
		for _, name := range unsigned.Missing {
			role, scope, _ := strings.Cut(name, " ")
			scope = cmp.Or(scope, journal.ScopeRun)
			fmt.Println("  runbook sign " + r.Short() + " --role " + role + " --scope " + scope + " --decision approve")
		}
		return &toldError{exitPerson}
	case standing != nil:
		return &toldError{exitPerson}
	}
	return nil
}

// answers is where a plain session may take answers from: on a real target
// only from a terminal.
func answers(s *runbook.Session) io.Reader {
	if s.World().Practice == nil && !term.IsTerminal(int(os.Stdin.Fd())) {
		fmt.Fprintln(os.Stderr, "runbook: answers on a real target come only from a terminal; looking as far as nobody is needed")
		return nil
	}
	return os.Stdin
}

func head(s *runbook.Session) func() (uint64, string) {
	return func() (uint64, string) {
		n, code := s.Head()
		return n, journal.HeadCode(n, code)
	}
}
