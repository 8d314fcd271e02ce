package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"runbook/runbook"
	"runbook/runbook/book"
	"runbook/runbook/durable"
	"runbook/runbook/journal"
	"runbook/steps/safetext"
)

// takeOver goes on with a run, and has whoever drives it let go first. At a
// real target a person says so here, after being shown who that is.
func takeOver(ctx context.Context, home runbook.Home, sum runbook.Summary, inLines bool) error {
	o, err := openable(ctx, home, sum)
	if err != nil {
		return err
	}
	s, err := o.session(ctx, false, "")
	if err == nil {
		return drive(ctx, home, s, inLines)
	}
	if !errors.Is(err, journal.ErrBusy) {
		return err
	}
	h, known := runbook.Driver(sum.Dir)
	if !known { // they have left, or it can't be told who they are
		if s, err = o.session(ctx, false, ""); err != nil {
			return err
		}
		return drive(ctx, home, s, inLines)
	}
	ask, err := journal.AskHandOver(sum.Dir, time.Now())
	if err != nil {
		return err
	}
	if err := agree(ctx, o, h, ask); err != nil {
		return err
	}
	did, err := runbook.TakeOver(ctx, sum.Dir, runbook.Taker{Claims: o.Claims, Signed: signTaking(o, ask), From: &h.Process})
	if err != nil {
		return busy(sum, err)
	}
	if did != "" {
		fmt.Println(did)
	}
	if s, err = o.session(ctx, false, did); err != nil {
		return err
	}
	shown := screen(home, s)
	if did != "" {
		shown.Start = append([]string{"before  " + did}, shown.Start...)
	}
	return driveOn(ctx, s, inLines, shown)
}

// signTaking has the person sign what they were shown. A key that does not sign
// costs nobody the run in an incident.
func signTaking(o *opening, ask journal.HandOver) journal.SignedHandOver {
	if o.Identity == nil {
		return journal.SignedHandOver{}
	}
	signed, err := ask.Sign(o.Identity)
	if err != nil {
		fmt.Fprintln(os.Stderr, "runbook: "+safetext.Line(err.Error())+"; it is taken over without")
	}
	return signed
}

// agree shows who drives a run on a real target, what runs, and what whoever
// takes it over signs, and asks.
func agree(ctx context.Context, o *opening, h durable.Holder, ask journal.HandOver) error {
	sum := o.sum
	if sum.Practice {
		return nil
	}
	if !atTerminal() {
		return &usageError{errors.New("a run on a real target is taken over at a terminal, where somebody sees whose it is")}
	}
	r, b, err := runbook.Load(sum.Dir)
	if r == nil {
		return err
	}
	fmt.Printf("run %s of %s on %s\n", r.Short(), safetext.Line(r.Book), safetext.Line(r.Target))
	fmt.Printf("%s drives (pid %d), since %s\n", safetext.Line(h.Who), h.PID, h.Since.UTC().Format("2006-01-02 15:04:05Z"))
	fmt.Println(running(b, r))
	if o.Identity == nil {
		fmt.Printf("nobody signs that you take over: %s\n", safetext.Line(o.NoIdentity))
	} else {
		fmt.Printf("you sign that you take over, with %s:\n  %s\n", safetext.Line(o.Identity.Source()),
			strings.ReplaceAll(strings.TrimSpace(ask.Text()), "\n", "\n  "))
	}
	fmt.Print("They are asked first; without an answer in 3 s that process is ended.\nCommands go on.\ntake over? y, or anything else to leave: ")
	if typed(ctx) != "y" {
		fmt.Println("left as it is")
		return &toldError{exitBusy}
	}
	return nil
}

// running says what runs in a run.
func running(b *book.Book, r *runbook.Run) string {
	for _, s := range b.All() {
		_, isRun := s.Verb.(book.Run)
		if st := r.Step(s); isRun && st.State == runbook.Running {
			return fmt.Sprintf("%s runs, since %s: it goes on", safetext.Line(s.ID), st.At.UTC().Format("15:04:05Z"))
		}
	}
	return "no command runs"
}

// busy says of a run that somebody else drives what one can do.
func busy(sum runbook.Summary, err error) error {
	if !errors.Is(err, journal.ErrBusy) {
		return err
	}
	return fmt.Errorf("%w; `runbook follow %s` reads along, `runbook resume %s --take-over` takes over", err, sum.Short, sum.Short)
}
