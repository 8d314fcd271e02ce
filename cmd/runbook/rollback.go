package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"runbook/runbook"
	"runbook/runbook/book"
)

func newRollback() *cobra.Command {
	var target, run, plan string
	var inLines bool
	cmd := &cobra.Command{
		Use:   "rollback [BOOK] -t TARGET",
		Short: "walk a plan that undoes what ran",
		Args:  atMostOne,
		RunE: func(cmd *cobra.Command, args []string) error {
			h, err := home()
			if err != nil {
				return err
			}
			name := ""
			if len(args) == 1 {
				name = args[0]
			}
			return rollback(cmd.Context(), h, name, target, run, plan, inLines)
		},
	}
	cmd.Flags().StringVarP(&target, "target", "t", "", "where")
	cmd.Flags().StringVar(&run, "run", "", "the run to undo; without it the newest of this book and target")
	cmd.Flags().StringVar(&plan, "plan", "", "the plan; without it they are listed to choose from")
	cmd.Flags().BoolVar(&inLines, "plain", false, "the session in lines")
	return cmd
}

func rollback(ctx context.Context, h runbook.Home, name, target, run, plan string, inLines bool) error {
	if run == "" && (name == "" || target == "") {
		return &usageError{errors.New("name what is rolled back: runbook rollback BOOK -t TARGET, or --run RUN")}
	}
	sum, err := undone(h, name, target, run)
	if err != nil {
		return err
	}
	s, err := rollbackSession(ctx, h, sum, name, target)
	if err != nil {
		return err
	}
	if plan != "" {
		if err := choosePlan(ctx, s, plan); err != nil {
			return errors.Join(err, s.Close())
		}
	}
	return drive(ctx, h, s, inLines)
}

// undone is the run that is rolled back, nil if there is none: what was done
// outside can be rolled back too.
func undone(h runbook.Home, name, target, run string) (*runbook.Summary, error) {
	if run != "" {
		sum, err := h.FindRun(run, false)
		return &sum, err
	}
	all, err := h.List()
	if err != nil {
		return nil, err
	}
	for _, sum := range all {
		if sum.Book == name && sum.Target == target {
			return &sum, nil
		}
	}
	return nil, nil
}

// rollbackSession goes on with an open run; a closed one gets a run of its own
// that names it.
func rollbackSession(ctx context.Context, h runbook.Home, sum *runbook.Summary, name, target string) (*runbook.Session, error) {
	of, given := "", []string(nil)
	if sum != nil {
		if sum.Open() && sum.Err == nil {
			s, err := reopen(ctx, h, *sum, false)
			if !errors.Is(err, runbook.ErrWorldGone) {
				return s, err
			}
		}
		of, name, target = sum.ID, sum.Book, sum.Target
		given = varsOf(*sum)
	}
	p, err := findPlace(ctx, h, name, target, given)
	if err != nil {
		return nil, err
	}
	return start(ctx, h, p, runbook.ModeRollback, of, false)
}

// varsOf are the vars of a run as they would be given again.
func varsOf(sum runbook.Summary) []string {
	r, _, err := runbook.Load(sum.Dir)
	if r == nil || err != nil || sum.Practice { // a practice world gives its own
		return nil
	}
	var given []string
	for name, value := range r.Vars {
		given = append(given, name+"="+value)
	}
	return given
}

func choosePlan(ctx context.Context, s *runbook.Session, plan string) error {
	plans := s.State().Plans(s.Book())
	if !slices.ContainsFunc(plans, func(p *book.Plan) bool { return p.ID == plan }) {
		ids := make([]string, len(plans))
		for i, p := range plans {
			ids[i] = p.ID
		}
		return &usageError{fmt.Errorf("plan %q does not undo what ran; those that do: %s", plan, strings.Join(ids, ", "))}
	}
	return s.Do(ctx, runbook.Intent{Kind: runbook.Rollback, Step: plan})
}
