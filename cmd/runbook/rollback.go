package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"runbook/runbook"
	"runbook/runbook/book"
	"runbook/runbook/journal"
	"runbook/steps/safetext"
	"runbook/tui/plain"
)

func newRollback() *cobra.Command {
	var target, run, plan string
	var inLines bool
	cmd := &cobra.Command{
		Use:   "rollback [BOOK] -t TARGET",
		Short: "walk a plan that undoes what ran",
		Args:  atMostOne,
		Long: "Without --run it is about the newest deployment of this book on this target, and says which that is. One that is open is\n" +
			"gone on with: its way back is walked in its own run. A rollback that is under way is gone on with too; rollbacks that\n" +
			"ended, and those for which no plan was chosen, are no run to undo. If the newest was rolled back already, or no plan\n" +
			"undoes anything that ran in it, nothing is begun: it says so, and how the run before it is taken back with --run.",
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
	cmd.Flags().StringVar(&run, "run", "", "the run to undo; without it the newest deployment of this book on this target, see above")
	cmd.Flags().StringVar(&plan, "plan", "", "the plan; without it they are listed to choose from")
	cmd.Flags().BoolVar(&inLines, "plain", false, "the session in lines")
	return cmd
}

func rollback(ctx context.Context, h runbook.Home, name, target, run, plan string, inLines bool) error {
	if run == "" && (name == "" || target == "") {
		return &usageError{errors.New("name what is rolled back: runbook rollback BOOK -t TARGET, or --run RUN")}
	}
	_ = h.BringHome() // what finds no room stays where it is, and is found there
	u, err := undone(h, name, target, run)
	if err != nil {
		return err
	}
	s, err := rollbackSession(ctx, h, u.run, name, target, plan)
	if err != nil {
		return u.refused(err)
	}
	o := screen(h, s)
	own := u.own(s)
	o.Rollback, o.Plan = true, plan
	o.Undoes, o.Start = append(own, o.Undoes...), append(slices.Clone(own), o.Start...)
	if lines(inLines) {
		for _, line := range o.Undoes {
			fmt.Println(line)
		}
	}
	if plan != "" {
		if err := choosePlan(ctx, s, plan, lines(inLines)); err != nil {
			return errors.Join(u.refused(err), s.Close())
		}
	}
	return driveHome(ctx, h, s, inLines, o)
}

// rollbackSession goes on with an open run. One that has ended gets a run of
// its own that names it and executes the same bytes with the same vars.
func rollbackSession(ctx context.Context, h runbook.Home, sum *runbook.Summary, name, target, plan string) (*runbook.Session, error) {
	if sum == nil {
		p, err := findPlace(ctx, h, name, target, nil)
		if err != nil {
			return nil, err
		}
		return startRollback(ctx, h, p, plan, runbook.StartOptions{})
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
	o := runbook.StartOptions{Of: sum.ID}
	if sum.Mode == runbook.ModeRollback { // one that a full disk keeps from being gone on with
		o.Of = sum.Of
	}
	for _, step := range r.Changed(b) {
		o.Ran = append(o.Ran, step.ID)
	}
	return startRollback(ctx, h, p, plan, o)
}

// startRollback begins a run that walks a plan. A misspelt plan leaves none.
func startRollback(ctx context.Context, h runbook.Home, p *place, plan string, o runbook.StartOptions) (*runbook.Session, error) {
	if plan != "" {
		if _, err := fitting(p.book.Plans, plan); err != nil {
			return nil, err
		}
	}
	o.Mode = runbook.ModeRollback
	s, err := start(ctx, h, p, o)
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
	return start(ctx, h, p, o)
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
	for _, line := range plain.NotUndone(s.Book(), r, p) {
		fmt.Println(line)
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
