package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"runbook/runbook"
	"runbook/runbook/practice"
)

func newPractice() *cobra.Command {
	cmd := &cobra.Command{
		Use: "practice", Short: "the practice world: a real service on a real, throwaway PostgreSQL", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	sub := func(use, short string, do func(context.Context, runbook.Home) error) *cobra.Command {
		c := &cobra.Command{Use: use, Short: short, Args: noArgs, RunE: func(cmd *cobra.Command, _ []string) error {
			h, err := home()
			if err != nil {
				return err
			}
			return do(cmd.Context(), h)
		}}
		cmd.AddCommand(c)
		return c
	}
	var broken []string
	start := sub("start", "start it, or find the living one", func(ctx context.Context, h runbook.Home) error { return startPractice(ctx, h, broken...) })
	start.Flags().StringSliceVar(&broken, "break", nil, "break parts of it, to see checks name them: "+strings.Join(practice.Faults(), ", ")+"; reset mends them")
	sub("stop", "end it: no process, port or file stays", stopPractice)
	sub("reset", "make it anew", func(ctx context.Context, h runbook.Home) error {
		if _, err := endPractice(ctx, h); err != nil {
			return err
		}
		return startPractice(ctx, h)
	})
	sub("status", "what lives in it", statusPractice)
	return cmd
}

func startPractice(ctx context.Context, h runbook.Home, broken ...string) error {
	exe, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program to start the practice world with: %w", err)
	}
	w, err := practice.Start(ctx, h.Dir, exe)
	if err != nil {
		return err
	}
	if len(broken) > 0 {
		if err := w.Break(ctx, broken...); err != nil {
			return &usageError{err}
		}
	}
	return statusPractice(ctx, h)
}

func stopPractice(ctx context.Context, h runbook.Home) error {
	w, err := endPractice(ctx, h)
	switch {
	case err != nil:
		return err
	case w == nil:
		fmt.Println("no practice world lives")
	default:
		fmt.Println("practice world " + w.ID() + " is gone")
	}
	return nil
}

// endPractice ends the living world, nil if there is none. The next command
// that needs one starts it anew, with the program of then.
func endPractice(ctx context.Context, h runbook.Home) (*practice.World, error) {
	w, err := practice.Find(ctx, h.Dir)
	if errors.Is(err, practice.ErrNone) || errors.Is(err, practice.ErrDead) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return w, w.Stop(ctx)
}

func statusPractice(ctx context.Context, h runbook.Home) error {
	w, err := practice.Find(ctx, h.Dir)
	if errors.Is(err, practice.ErrNone) || errors.Is(err, practice.ErrDead) {
		return err
	}
	if err != nil {
		return err
	}
	s, err := w.Status(ctx)
	if err != nil {
		return err
	}
	database := "none: no PostgreSQL on this machine, its checks are unknown"
	if s.PostgreSQL != "" {
		database = "PostgreSQL " + s.PostgreSQL + " on " + s.Database
	}
	fmt.Printf("practice world %s lives, process %d since %s\n", s.ID, s.PID, s.Since.UTC().Format("2006-01-02 15:04:05Z"))
	fmt.Printf("  directory   %s\n  service     http://%s\n  database    %s\n", s.Dir, s.Service, database)
	fmt.Printf("  containers  %s\n  clock       %s\n", strings.Join(s.Containers, " "), s.Now.UTC().Format("2006-01-02 15:04:05Z"))
	if len(s.Broken) > 0 {
		fmt.Printf("  broken      %s\n", strings.Join(s.Broken, " "))
	}
	return nil
}

// newWorld is the practice world's own process. It is started by the commands
// that need one, never by hand.
func newWorld() *cobra.Command {
	return &cobra.Command{
		Use: "_world DIR", Hidden: true, Args: oneArg,
		RunE: func(cmd *cobra.Command, args []string) error { return practice.Serve(cmd.Context(), args[0]) },
	}
}
