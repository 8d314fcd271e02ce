package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"runbook/runbook"
	"runbook/runbook/journal"
)

func newResume() *cobra.Command {
	var inLines bool
	cmd := &cobra.Command{
		Use:   "resume [RUN]",
		Short: "go on with an open run",
		Args:  atMostOne,
		RunE: func(cmd *cobra.Command, args []string) error {
			h, err := home()
			if err != nil {
				return err
			}
			sum, err := named(h, args, false)
			if err != nil {
				return err
			}
			return resume(cmd.Context(), h, sum, inLines, false)
		},
	}
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

func reopen(ctx context.Context, h runbook.Home, sum runbook.Summary, rehearse bool) (*runbook.Session, error) {
	if sum.Err != nil && !errors.Is(sum.Err, journal.ErrTorn) {
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
	world, key, err := worldOf(ctx, h, sum, t)
	if err != nil {
		return nil, err
	}
	o, err := logOptions(h, key, true)
	if err != nil {
		return nil, err
	}
	s, err := runbook.Resume(ctx, sum.Dir, world, o, rehearse)
	if errors.Is(err, journal.ErrBusy) {
		err = fmt.Errorf("%w; leave it there with q first, or end that process: a step's command goes on, and nothing of the log is lost", err)
	}
	return s, err
}
