package main

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"runbook/runbook"
	"runbook/runbook/journal"
	"runbook/runbook/practice"
	"runbook/steps"
	"runbook/steps/safetext"
	"runbook/tui"
	"runbook/tui/plain"
)

func newFollow() *cobra.Command {
	var inLines bool
	cmd := &cobra.Command{
		Use: "follow [RUN]", Short: "read a run along while somebody drives it", Args: atMostOne,
		Long: "It writes and locks nothing, and ends with the run or with q.\n" +
			"Exit codes: 0 you left, or the run finished; 1 it was stopped or rolled back, or its log is damaged; 2 usage.",
		RunE: func(cmd *cobra.Command, args []string) error {
			h, err := home()
			if err != nil {
				return err
			}
			sum, err := named(h, args, false)
			if err != nil {
				return err
			}
			return follow(cmd.Context(), h, sum, inLines)
		},
	}
	cmd.Flags().BoolVar(&inLines, "plain", false, "in lines, as they come")
	return cmd
}

// follow reads a run along on the screen or in lines.
func follow(ctx context.Context, h runbook.Home, sum runbook.Summary, inLines bool) error {
	s, err := h.Follow(sum.Dir, clockOf(ctx, h, sum))
	if err != nil {
		return fmt.Errorf("follow run %s: %w", sum.Short, err)
	}
	defer s.Close() //nolint:errcheck // it only read
	if lines(inLines) {
		o := plain.Options{Out: os.Stdout, Terminal: true}
		if term.IsTerminal(int(os.Stdin.Fd())) {
			o.In = os.Stdin
		}
		plain.Follow(ctx, s, o)
	} else {
		o := terminal()
		o.Head = head(s)
		err = tui.Run(ctx, s, o)
	}
	if err != nil {
		return err
	}
	farewell(s)
	r := s.State()
	if s.Reads().Err != nil || !r.Ended.IsZero() && r.Outcome != runbook.Finished {
		return &toldError{exitFailed}
	}
	return nil
}

// farewell prints how a run stands when it is left.
func farewell(s *runbook.Session) {
	n, code := s.Head()
	fmt.Println()
	for _, line := range plain.Farewell(s.Book(), s.State(), n, journal.HeadCode(n, code)) {
		fmt.Println(safetext.Line(line))
	}
}

// clockOf is the clock of a run's waits. That of a practice world is its own,
// as far as this account may ask it.
func clockOf(ctx context.Context, h runbook.Home, sum runbook.Summary) steps.Clock {
	if !sum.Practice {
		return steps.SystemClock{}
	}
	w, err := practice.Find(ctx, h.Dir)
	if err != nil || w.ID() != sum.World {
		return steps.SystemClock{}
	}
	return w.Steps().Clock
}
