package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"runbook/runbook"
)

const exitHelp = `
Exit codes of deploy, rollback and resume:
  0  finished, signed      3  only time is missing (prints when)
  1  failed, stopped       4  somebody else drives this run
     or rolled back        5  a person is needed: detached, end of input, or not signed
  2  usage, or an invalid or untrusted book
Exit codes of check and watch --once: 0 pass, 1 warn, 2 fail, 3 unknown or usage.
Exit codes of log verify: 0 ok, 1 tampered, 2 usage, 3 incomplete, 4 identity unverified.`

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "runbook",
		Short: "walk a deployment, decide what a machine can, and keep a signed log of all of it",
		Long: "runbook takes you through a deployment checklist: a machine runs and decides what a machine can,\n" +
			"you confirm the rest, and every result goes to a signed log that a stranger can verify.\n\n" +
			"First look, in a practice world: runbook deploy users-module -t practice\n" + exitHelp,
		Args:              noArgs,
		SilenceErrors:     true,
		SilenceUsage:      true,
		RunE:              resumeOnly,
		DisableAutoGenTag: true,
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return &usageError{fmt.Errorf("%w; see `%s --help`", err, cmd.CommandPath())}
	})
	root.AddCommand(
		newDeploy(), newRollback(), newResume(), newFollow(), newStatus(), newReport(), newSign(), newRuns(), newDue(), newCheck(), newWatch(),
		newList(), newShow(), newLint(), newTrust(), newLog(), newPractice(), newDoctor(), newVersion(), newWorld(),
	)
	return root
}

// noArgs, oneArg and maxArgs are cobra's, as usage errors.
func noArgs(cmd *cobra.Command, args []string) error { return asUsage(cobra.NoArgs(cmd, args), cmd) }

func oneArg(cmd *cobra.Command, args []string) error {
	return asUsage(cobra.ExactArgs(1)(cmd, args), cmd)
}

func atMostOne(cmd *cobra.Command, args []string) error {
	return asUsage(cobra.MaximumNArgs(1)(cmd, args), cmd)
}

func atLeastOne(cmd *cobra.Command, args []string) error {
	return asUsage(cobra.MinimumNArgs(1)(cmd, args), cmd)
}

func asUsage(err error, cmd *cobra.Command) error {
	if err == nil {
		return nil
	}
	return &usageError{fmt.Errorf("%w; see `%s --help`", err, cmd.CommandPath())}
}

func home() (runbook.Home, error) {
	h, err := runbook.FindHome(os.Getenv)
	if err != nil {
		return h, &usageError{err}
	}
	return h, nil
}

// atTerminal reports whether a person sits in front of us.
func atTerminal() bool {
	return term.IsTerminal(int(os.Stdin.Fd())) && term.IsTerminal(int(os.Stdout.Fd()))
}

// resumeOnly is `runbook` alone: the open runs; with one, resume it.
func resumeOnly(cmd *cobra.Command, _ []string) error {
	h, err := home()
	if err != nil {
		return err
	}
	all, err := h.List()
	if err != nil {
		return err
	}
	var open []runbook.Summary
	for _, sum := range all {
		if sum.Open() {
			open = append(open, sum)
		}
	}
	switch {
	case len(open) == 0:
		return cmd.Help()
	case len(open) == 1 && atTerminal():
		return resume(cmd.Context(), h, open[0], false, false)
	}
	printRuns(open)
	return nil
}
