package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"runbook/runbook"
	"runbook/runbook/book"
	"runbook/runbook/journal"
	"runbook/steps"
	"runbook/tui/plain"
)

func newWatch() *cobra.Command {
	var once bool
	cmd := &cobra.Command{
		Use: "watch [RUN]", Short: "measure the slots of a run's watches as they fall due",
		Args: func(cmd *cobra.Command, args []string) error { return asCheckUsage(atMostOne(cmd, args)) },
		Long: "With --once it measures what is due now and leaves: for timers.\nExit codes: 0 pass, 1 warn, 2 fail, 3 unknown or usage.",
		RunE: func(cmd *cobra.Command, args []string) error {
			h, err := home()
			if err != nil {
				return &codeError{checkUsage, err}
			}
			sum, err := named(h, args, false)
			if err != nil {
				return &codeError{checkUsage, err}
			}
			if r, b, err := runbook.Load(sum.Dir); once && r != nil && err == nil && !sum.Practice && sum.Open() && time.Now().Before(r.NextSlot(b)) {
				fmt.Printf("next slot %s\n", r.NextSlot(b).UTC().Format("2006-01-02 15:04:05Z")) // nothing is due: a timer writes no session for it
				return told(watched(b, r))
			}
			s, err := slots(cmd.Context(), h, sum, once)
			if err != nil {
				return &codeError{checkUsage, err}
			}
			verdict, err := watch(cmd.Context(), s, once)
			if err = errors.Join(err, s.Close()); err != nil {
				return &codeError{checkUsage, err}
			}
			return told(verdict)
		},
	}
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return asCheckUsage(err) })
	cmd.Flags().BoolVar(&once, "once", false, "only what is due now")
	return cmd
}

// slots makes the session that measures: of a timer by the key that a person
// delegated for it, else one of the log.
func slots(ctx context.Context, h runbook.Home, sum runbook.Summary, once bool) (*runbook.Session, error) {
	if !once || !sum.Open() {
		return reopen(ctx, h, sum, false)
	}
	_, t, err := runbook.ReadCopies(sum.Dir)
	if err != nil {
		return nil, err
	}
	world, _, err := worldOf(ctx, h, sum, t)
	if err != nil {
		return nil, err
	}
	s, err := runbook.ResumeSlots(sum.Dir, world, journal.Options{Tool: "runbook " + version(), Claims: claims()})
	if errors.Is(err, journal.ErrNoDelegation) {
		return reopen(ctx, h, sum, false)
	}
	return s, busy(sum, err)
}

// told is the exit of a verdict that has been printed.
func told(v steps.Verdict) error {
	if code := checkExit[v]; code != 0 {
		return &toldError{code}
	}
	return nil
}

// watch measures due slots; without once it stays until no watch runs.
func watch(ctx context.Context, s *runbook.Session, once bool) (steps.Verdict, error) {
	clock := s.World().Clock
	for {
		if err := s.Do(ctx, runbook.Intent{Kind: runbook.Slots}); err != nil && !errors.Is(err, runbook.ErrNotNow) {
			return steps.Unknown, err
		}
		r := s.State()
		verdict := watched(s.Book(), r)
		due := r.NextSlot(s.Book())
		if due.IsZero() {
			return verdict, nil
		}
		fmt.Printf("next slot %s\n", due.UTC().Format("2006-01-02 15:04:05Z"))
		if once {
			return verdict, nil
		}
		if err := clock.Wait(ctx, due); err != nil {
			return verdict, nil //nolint:nilerr // told to leave: that is how a watch ends
		}
	}
}

// watched prints every watch of the phase and answers the worst newest slot.
func watched(b *book.Book, r *runbook.Run) steps.Verdict {
	p := r.Phase(b)
	worst, any := steps.Pass, false
	if p == nil {
		return steps.Unknown
	}
	for _, step := range p.Steps {
		st := r.Step(step)
		if len(st.Slots) == 0 {
			continue
		}
		newest := st.Slots[len(st.Slots)-1]
		worst, any = worst.Worse(newest.Verdict), true
		fmt.Printf("%s  %-28s slot %d %s  %s\n", time.Now().UTC().Format(time.TimeOnly), step.ID, newest.K, newest.Verdict, plain.Saw(st))
	}
	if !any {
		fmt.Println("nothing is watched in this run now")
		return steps.Unknown
	}
	return worst
}
