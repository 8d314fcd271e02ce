package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"runbook/runbook"
	"runbook/runbook/book"
	"runbook/runbook/journal"
	"runbook/steps/safetext"
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
	_ = h.BringHome() // what finds no room stays where it is, and is found there
	sum, err := undone(h, name, target, run)
	if err != nil {
		return err
	}
	s, err := rollbackSession(ctx, h, sum, name, target, plan)
	if err != nil {
		return err
	}
	if plan != "" {
		if err := choosePlan(ctx, s, plan, lines(inLines)); err != nil {
			return errors.Join(err, s.Close())
		}
	}
	o := screen(h, s)
	o.Rollback, o.Plan = true, plan
	return driveHome(ctx, h, s, inLines, o)
}

// undone is the run that is rolled back, nil if there is none: what was done
// outside can be rolled back too. Book and target are compared by the names
// that stand in their files, however they were spelt.
func undone(h runbook.Home, name, target, run string) (*runbook.Summary, error) {
	if run != "" {
		sum, err := h.FindRun(run, false)
		return &sum, err
	}
	b, err := findBook(h, name, true)
	if err != nil {
		return nil, err
	}
	where := target
	if target != practiceName {
		data, file, err := book.FindTarget(target, h.Config)
		if err != nil {
			return nil, err
		}
		t, err := book.LoadTarget(data, file)
		if err != nil {
			return nil, err
		}
		where = t.Name
	}
	all, err := h.List()
	if err != nil {
		return nil, err
	}
	var newest *runbook.Summary
	for _, sum := range all {
		if sum.Book != b.Name || sum.Target != where {
			continue
		}
		if newest == nil {
			newest = &sum
		}
		if r, own, _ := runbook.Load(sum.Dir); r != nil && len(r.Plans(own)) > 0 {
			return &sum, nil // the newest of which something ran
		}
	}
	return newest, nil
}

// rollbackSession goes on with an open run. One that has ended gets a run of
// its own that names it and executes the same bytes with the same vars.
func rollbackSession(ctx context.Context, h runbook.Home, sum *runbook.Summary, name, target, plan string) (*runbook.Session, error) {
	if sum == nil {
		p, err := findPlace(ctx, h, name, target, nil)
		if err != nil {
			return nil, err
		}
		return startRollback(ctx, h, p, "", plan)
	}
	if sum.Open() {
		s, err := reopen(ctx, h, *sum, false)
		if !errors.Is(err, journal.ErrNotRecorded) {
			return s, err
		}
	}
	r, b, err := runbook.Load(sum.Dir)
	if r == nil {
		return nil, err
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "runbook: "+safetext.Line("the log of "+sum.Short+" is damaged, vars are those of its readable part: "+err.Error()))
	}
	if err := runbook.Owned(sum.Dir); err != nil {
		return nil, err
	}
	_, t, err := runbook.ReadCopies(sum.Dir)
	if err != nil {
		return nil, err
	}
	p := &place{book: b, target: t, vars: r.Vars}
	if p.world, p.signs, err = worldOf(ctx, h, *sum, t); err != nil {
		return nil, err
	}
	return startRollback(ctx, h, p, sum.ID, plan)
}

// startRollback begins a run that walks a plan. A misspelt plan leaves none.
func startRollback(ctx context.Context, h runbook.Home, p *place, of, plan string) (*runbook.Session, error) {
	if plan != "" {
		if _, err := fitting(p.book.Plans, plan); err != nil {
			return nil, err
		}
	}
	s, err := start(ctx, h, p, runbook.ModeRollback, of, false)
	if !errors.Is(err, journal.ErrNotRecorded) && !errors.Is(err, syscall.ENOSPC) && !errors.Is(err, syscall.EDQUOT) {
		return s, err
	}
	// The disk takes no more: the recovery goes on with a log where there is
	// room.
	full := h.Dir
	if h, err = h.Away(); err != nil {
		return nil, err
	}
	fmt.Fprintln(os.Stderr, "runbook: NOT RECORDED in "+safetext.Line(full)+": this recovery's log lies in "+safetext.Line(h.Dir)+" until there is room")
	return start(ctx, h, p, runbook.ModeRollback, of, false)
}

// choosePlan holds a named plan against the run. In lines, naming it was the
// decision: it is begun. The screen asks for its name first.
func choosePlan(ctx context.Context, s *runbook.Session, plan string, begin bool) error {
	r := s.State()
	p, err := fitting(r.Plans(s.Book()), plan)
	if err != nil || !begin || r.Plan == plan {
		return err
	}
	fmt.Println(safetext.Line("plan   " + p.ID + "  " + p.Title))
	for _, part := range [][2]string{{"when", p.When}, {"LOSES", p.Loses}, {"takes", p.Takes}} {
		if part[1] == "" {
			part[1] = "the book does not say"
		}
		fmt.Printf("%-6s %s\n", part[0], safetext.Line(part[1]))
	}
	return s.Do(ctx, runbook.Intent{Kind: runbook.Rollback, Step: p.ID})
}

// fitting is the plan of that id among those that undo something.
func fitting(plans []*book.Plan, id string) (*book.Plan, error) {
	ids := make([]string, len(plans))
	for i, p := range plans {
		if p.ID == id {
			return p, nil
		}
		ids[i] = p.ID
	}
	if len(ids) == 0 {
		return nil, &usageError{fmt.Errorf("plan %q does not undo what ran: no plan of the book does", id)}
	}
	return nil, &usageError{fmt.Errorf("plan %q does not undo what ran; those that do: %s", id, strings.Join(ids, ", "))}
}
