package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"runbook/runbook"
	"runbook/runbook/practice"
	"runbook/steps/safetext"
)

func newDue() *cobra.Command {
	var brief bool
	cmd := &cobra.Command{
		Use: "due", Short: "what is due in the runs of this home, or will be", Args: noArgs,
		Long: "Slots of watches, what waits for a person, sign-offs that are missing, and rejects; with the command to go on.\n" +
			"A practice run whose world is gone waits for nothing. With --brief one line, for a prompt or at login: nothing while nothing is due,\n" +
			"and nothing of practice. Of a run that somebody drives it tells only the sign-offs whose turn it is: the rest its driver sees.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			h, err := home()
			if err != nil {
				return err
			}
			now := time.Now()
			all, err := h.Due(now)
			if brief {
				if line := briefly(all, now); line != "" {
					fmt.Println(line)
				}
				return err
			}
			all = living(cmd.Context(), h, all)
			for _, d := range all {
				fmt.Println(dueLine(d, now))
			}
			if len(all) == 0 && err == nil {
				fmt.Println("nothing is due")
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&brief, "brief", false, "one line if something is due, else nothing")
	return cmd
}

// living leaves out the practice runs that nobody can go on with.
func living(ctx context.Context, h runbook.Home, all []runbook.Due) []runbook.Due {
	if !slices.ContainsFunc(all, func(d runbook.Due) bool { return d.Run.Practice }) {
		return all
	}
	w, err := practice.Find(ctx, h.Dir)
	if err != nil && !errors.Is(err, practice.ErrNone) && !errors.Is(err, practice.ErrDead) {
		return all // whether it lives is not known
	}
	return slices.DeleteFunc(all, func(d runbook.Due) bool { return d.Run.Practice && (err != nil || d.Run.World != w.ID()) })
}

// dueLine is one thing in one line: when, whose, what, and how to go on.
func dueLine(d runbook.Due, now time.Time) string {
	place := d.Run.Target
	if d.Run.Practice {
		place = "PRACTICE " + place
	}
	whose := d.Operator
	if d.Run.Driven {
		whose += ", driven now"
	}
	return fmt.Sprintf("%-26s  %s  %s on %s (%s)  %s  ->  %s",
		when(d, now), d.Run.Short, safetext.Line(d.Run.Book), safetext.Line(place), safetext.Line(whose), safetext.Line(d.What), safetext.Line(d.Command))
}

func when(d runbook.Due, now time.Time) string {
	switch {
	case d.At.IsZero():
		return "now"
	case d.Now(now):
		return "overdue for " + about(now.Sub(d.At))
	}
	return d.At.UTC().Format("2006-01-02 15:04Z") + " in " + about(d.At.Sub(now))
}

// about is a time to wait as people say it.
func about(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", d/time.Minute)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", d/time.Hour)
	}
	return fmt.Sprintf("%d d", d/(24*time.Hour))
}

// briefly is what is due now of real runs, in one line: of one that is driven only
// the sign-offs, since whoever gives them need not be at its screen.
func briefly(all []runbook.Due, now time.Time) string {
	line, more := "", 0
	for _, d := range all {
		switch {
		case d.Run.Practice, d.Run.Driven && !d.Unsigned, !d.Now(now):
		case line == "":
			overdue := ""
			if !d.At.IsZero() {
				overdue = ", " + when(d, now)
			}
			line = fmt.Sprintf("runbook: %s %s on %s: %s%s: %s", d.Run.Short, safetext.Line(d.Run.Book), safetext.Line(d.Run.Target),
				safetext.Line(d.What), overdue, safetext.Line(d.Command))
		default:
			more++
		}
	}
	if more > 0 {
		line += fmt.Sprintf(" (and %d more: runbook due)", more)
	}
	return line
}
