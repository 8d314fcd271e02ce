package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"runbook/runbook"
	"runbook/runbook/journal"
	"runbook/runbook/report"
)

func newLog() *cobra.Command {
	cmd := &cobra.Command{
		Use: "log", Short: "the signed log of a run", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newLogShow(), newLogHead(), newLogVerify(), newLogExport(), newLogImport(), newLogShred())
	return cmd
}

// logDir is the run that is named: a directory, a prefix, or the newest. A plain
// name may be both of the first: then it says neither.
func logDir(h runbook.Home, args []string) (string, error) {
	if len(args) == 1 {
		if strings.ContainsRune(args[0], filepath.Separator) { // a prefix never holds one
			info, err := os.Stat(args[0])
			if err == nil && !info.IsDir() {
				err = fmt.Errorf("%s is no directory of a run", args[0])
			}
			return args[0], err
		}
	}
	sum, err := named(h, args, true)
	if len(args) == 0 {
		return sum.Dir, err
	}
	info, notHere := os.Stat(args[0])
	if notHere != nil || !info.IsDir() {
		return sum.Dir, err
	}
	var several *runbook.AmbiguousError
	switch {
	case errors.Is(err, runbook.ErrNoRun):
		return args[0], nil
	case err == nil:
		return "", &usageError{fmt.Errorf("%s is a directory here, and run %s in %s: ./%s names the first, %s the second", args[0], sum.Short, sum.Dir, args[0], sum.ID)}
	case errors.As(err, &several):
		return "", &usageError{fmt.Errorf("%s is a directory here, which ./%s names, and %w", args[0], args[0], err)}
	}
	return "", err
}

// dirOf is where the log lies of the run that is named.
func dirOf(args []string) (string, error) {
	h, err := home()
	if err != nil {
		return "", err
	}
	return logDir(h, args)
}

func newLogShow() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "show [RUN]", Short: "every entry, one a line", Args: atMostOne,
		RunE: func(_ *cobra.Command, args []string) error {
			dir, err := dirOf(args)
			if err != nil {
				return err
			}
			entries, err := journal.Read(dir)
			for _, e := range entries {
				if asJSON {
					_, _ = os.Stdout.Write(e.Line()) // as signed: it holds no control characters
					continue
				}
				fmt.Println(report.Entry(e))
			}
			return errors.Join(err, showSlots(dir, asJSON))
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "the signed lines themselves")
	return cmd
}

// showSlots shows what timers measured, which stands in a file of its own.
func showSlots(dir string, asJSON bool) error {
	slots, err := journal.ReadWatch(dir)
	if asJSON {
		return err // the lines of another chain
	}
	if len(slots) > 0 {
		fmt.Println("slots that a timer measured (" + journal.WatchFile + "):")
	}
	for _, e := range slots {
		fmt.Println(report.Entry(e))
	}
	return err
}

func newLogHead() *cobra.Command {
	return &cobra.Command{
		Use: "head [RUN]", Short: "the head code: number and hash of the last entry, to read out or to post", Args: atMostOne,
		RunE: func(_ *cobra.Command, args []string) error {
			dir, err := dirOf(args)
			if err != nil {
				return err
			}
			entries, err := journal.Read(dir) // as far as it is good
			if len(entries) > 0 {
				last := entries[len(entries)-1]
				fmt.Println(journal.HeadLine(last.Run, last.N, last.Head)) // as `log verify --anchor` finds it
			}
			return err
		},
	}
}
