package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"runbook/runbook"
	"runbook/runbook/journal"
	"runbook/steps/safetext"
)

func newLogShred() *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: "shred RUN STEP --reason TEXT", Short: "take away what a step printed, and say so in the log", Args: twoArgs,
		Long: "For output that should not have been printed. The log keeps its hash, and says that it was taken away, when and why;\n" +
			"`log verify` says it too. What stands in the log itself can't be taken away, and a host whose end of the command was never\n" +
			"settled keeps its own copy. Exit codes: 0, 1 failed, 2 usage.",
		RunE: func(cmd *cobra.Command, args []string) error {
			if reason == "" {
				return &usageError{errors.New("--reason TEXT says why: it stays in the log")}
			}
			h, err := home()
			if err != nil {
				return err
			}
			sum, err := named(h, args[:1], false)
			if err != nil {
				return err
			}
			return shred(cmd.Context(), h, sum, args[1], reason)
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why it goes, in a line that stays")
	return cmd
}

func twoArgs(cmd *cobra.Command, args []string) error {
	return asUsage(cobra.ExactArgs(2)(cmd, args), cmd)
}

// shred asks for the step once more: what goes does not come back.
func shred(ctx context.Context, h runbook.Home, sum runbook.Summary, step, reason string) error {
	if !sum.Practice && !term.IsTerminal(int(os.Stdin.Fd())) {
		return &usageError{errors.New("what a step of a real target printed is taken away at a terminal")}
	}
	if err := whole(h, sum); err != nil {
		return err
	}
	fmt.Printf("all that %s printed in run %s of %s on %s goes, for good\ntype %s to take it away: ",
		safetext.Line(step), sum.Short, safetext.Line(sum.Book), safetext.Line(sum.Target), safetext.Line(step))
	if typed(ctx) != step {
		fmt.Println("nothing was taken away")
		return &toldError{exitFailed}
	}
	files, err := runbook.Shred(ctx, sum.Dir, step, reason, journal.Options{Tool: "runbook " + version(), Claims: claims()})
	for _, file := range files {
		fmt.Println("taken away: " + safetext.Line(file))
	}
	if errors.Is(err, journal.ErrBusy) {
		return fmt.Errorf("%w: whoever drives leaves first", err)
	}
	return err
}
