package main

import (
	"bufio"
	"errors"
	"os"

	"github.com/spf13/cobra"

	"runbook/runbook"
	"runbook/runbook/journal"
	"runbook/runbook/report"
)

func newReport() *cobra.Command {
	var format string
	var files against
	cmd := &cobra.Command{
		Use: "report [RUN|DIR]", Short: "what was done, by whom, with which evidence: for the change ticket", Args: atMostOne,
		Long: "Writes the whole report of a run to stdout, the newest one if none is named: what did not simply pass, who signed, every step\n" +
			"with its evidence, every command with its exit code. The HTML is one file that fetches nothing and prints well. Nothing of it\n" +
			"depends on when it is made. Exit codes: 0, 1 if the log or what lies beside it is not what was recorded, 2 usage.",
		Example: "  runbook report 7f3a --format html > CHG-4711.html",
		RunE: func(cmd *cobra.Command, args []string) error {
			h, err := home()
			if err != nil {
				return err
			}
			dir, err := logDir(h, args)
			if err != nil {
				return &usageError{err}
			}
			policy, err := files.policy(h, dir)
			if err != nil {
				return &usageError{err}
			}
			f, err := report.ParseFormat(format)
			if err != nil {
				return &usageError{err}
			}
			return writeReport(cmd, dir, f, policy)
		},
	}
	cmd.Flags().StringVar(&format, "format", "md", "`FORMAT`: md, html or json")
	cmd.Flags().StringVar(&files.signers, "signers", "", "allowed_signers `FILE`, as log verify takes it")
	return cmd
}

func writeReport(cmd *cobra.Command, dir string, f report.Format, policy journal.Policy) error {
	a, err := report.Whole(cmd.Context(), dir, runbook.Verify(dir, policy))
	if err != nil {
		return err
	}
	out := bufio.NewWriter(os.Stdout)
	if err := errors.Join(a.Write(out, f), out.Flush()); err != nil {
		return err
	}
	if !a.Intact() {
		return &toldError{exitFailed} // the report begins with it
	}
	return nil
}
