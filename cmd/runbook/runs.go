package main

import (
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"runbook/runbook"
	"runbook/runbook/report"
	"runbook/steps/safetext"
)

func newRuns() *cobra.Command {
	return &cobra.Command{
		Use: "runs", Short: "every run of this home, the newest first", Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			h, err := home()
			if err != nil {
				return err
			}
			all, err := h.List()
			if err != nil {
				return err
			}
			if len(all) == 0 {
				fmt.Println("no runs under " + safetext.Line(h.Dir))
			}
			printRuns(all)
			return nil
		},
	}
}

func printRuns(all []runbook.Summary) {
	for _, r := range all {
		if r.Started.IsZero() {
			fmt.Printf("%-8s  can't be read: %s\n", safetext.Line(r.ID), safetext.Line(fmt.Sprint(r.Err)))
			continue
		}
		state := safetext.Line(standsIn(r))
		if r.Signoff != "" {
			state += ", " + safetext.Line(r.Signoff)
		}
		if r.Driven {
			state += ", driven now"
		}
		if r.Err != nil {
			state += ", DAMAGED"
		}
		if r.Away() != "" {
			state += ", NOT RECORDED in the home: lies in " + safetext.Line(r.Away())
		}
		fmt.Printf("%s  %s  %-8s %s on %s  %s\n", r.ID[:8], r.Started.UTC().Format("2006-01-02 15:04Z"), safetext.Line(r.Mode),
			safetext.Line(r.Book), safetext.Line(r.Target), state)
	}
}

// standsIn is how a run ended, or where it stands.
func standsIn(r runbook.Summary) string {
	state := r.Outcome
	switch {
	case !r.Open():
	case r.Phase != "":
		state = "open, in " + r.Phase
	case r.Mode == runbook.ModeRollback && r.Plan == "":
		state = "open"
	default:
		state = "open, every phase is closed"
	}
	if r.Mode == runbook.ModeRollback && r.Plan == "" && r.Outcome != runbook.RolledBack {
		state += ", rollback, no plan chosen"
	}
	return state
}

func newStatus() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "status [RUN]", Short: "how a run stands, in lines to paste", Args: atMostOne,
		RunE: func(_ *cobra.Command, args []string) error {
			h, err := home()
			if err != nil {
				return err
			}
			sum, err := named(h, args, true)
			if err != nil {
				return err
			}
			r, b, err := h.Load(sum.Dir)
			if r == nil {
				return err
			}
			s := report.Of(b, r, sum.Driven, err)
			if asJSON {
				data, err := s.JSON()
				if err == nil {
					_, err = os.Stdout.Write(append(data, '\n'))
				}
				return err
			}
			for _, line := range s.Lines(time.Now()) {
				fmt.Println(line)
			}
			if err != nil {
				return &toldError{exitFailed} // the log is damaged, and the lines say so
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "JSON on stdout and nothing else")
	return cmd
}
