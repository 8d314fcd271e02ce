package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"runbook/runbook"
	"runbook/runbook/journal"
	"runbook/runbook/practice"
	"runbook/steps"
)

func newResume() *cobra.Command {
	var inLines, taking bool
	cmd := &cobra.Command{
		Use:   "resume [RUN]",
		Short: "go on with an open run",
		Args:  atMostOne,
		Long: "With --take-over whoever drives the run is asked to let go: that screen only reads along then. Your key signs that you\n" +
			"take over, from which session and at which head, and the log of who let go holds it. One that does not\n" +
			"answer in 3 s, since it was stopped or its terminal hangs, is ended. What the run's commands do goes on.",
		RunE: func(cmd *cobra.Command, args []string) error {
			h, err := home()
			if err != nil {
				return err
			}
			_ = h.BringHome() // what finds no room stays where it is, and is found there
			sum, err := named(h, args, false)
			if err != nil {
				return err
			}
			if taking {
				return takeOver(cmd.Context(), h, sum, inLines)
			}
			return resume(cmd.Context(), h, sum, inLines, false)
		},
	}
	cmd.Flags().BoolVar(&taking, "take-over", false, "have whoever drives it let go")
	cmd.Flags().BoolVar(&inLines, "plain", false, "the session in lines")
	return cmd
}

// named finds the run of a command line: a prefix, or the only open one, or
// the newest.
func named(h runbook.Home, args []string, newest bool) (runbook.Summary, error) {
	prefix := ""
	if len(args) == 1 {
		prefix = args[0]
	}
	return h.FindRun(prefix, newest)
}

// resume drives an open run from its own copies.
func resume(ctx context.Context, h runbook.Home, sum runbook.Summary, inLines, rehearse bool) error {
	s, err := reopen(ctx, h, sum, rehearse)
	if err != nil {
		return err
	}
	return drive(ctx, h, s, inLines)
}

// reopen makes the session of an open run.
func reopen(ctx context.Context, h runbook.Home, sum runbook.Summary, rehearse bool) (*runbook.Session, error) {
	o, err := openable(ctx, h, sum)
	if err != nil {
		return nil, err
	}
	return o.session(ctx, rehearse, "")
}

// opening is what the session of an open run is made with.
type opening struct {
	home  runbook.Home
	sum   runbook.Summary
	world *steps.World
	signs *practice.World // nil on a real target
	journal.Options
}

// openable finds out what is needed to go on with a run, or why it can't be.
func openable(ctx context.Context, h runbook.Home, sum runbook.Summary) (*opening, error) {
	if sum.Err != nil && !errors.Is(sum.Err, journal.ErrTorn) && !errors.Is(sum.Err, runbook.ErrSlots) {
		return nil, fmt.Errorf("run %s can't be gone on with: %w", sum.Short, sum.Err)
	}
	if !sum.Open() {
		return nil, &usageError{fmt.Errorf("run %s ended %s: %s; `runbook log show %s` reads it",
			sum.Short, sum.Ended.UTC().Format("2006-01-02 15:04Z"), sum.Outcome, sum.Short)}
	}
	_, t, err := runbook.ReadCopies(sum.Dir)
	if err != nil {
		return nil, err
	}
	world, signs, err := worldOf(ctx, h, sum, t)
	if err != nil {
		return nil, err
	}
	log, err := logOptions(h, signs, true)
	return &opening{h, sum, world, signs, log}, err
}

// session begins it; before is what became of whoever drove the run, for the log.
func (o *opening) session(ctx context.Context, rehearse bool, before string) (*runbook.Session, error) {
	if before != "" {
		o.Claims["before"] = before
	}
	s, err := runbook.Resume(ctx, o.sum.Dir, o.world, o.Options, rehearse)
	if err != nil {
		return nil, busy(o.sum, err)
	}
	s.Signs(keys(o.home, o.signs))
	return s, nil
}
