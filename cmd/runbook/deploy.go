package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"runbook/runbook"
	"runbook/runbook/durable"
	"runbook/steps"
)

type deployFlags struct {
	target   string
	vars     []string
	dryRun   bool
	rehearse bool
	plain    bool
	fresh    bool
}

func newDeploy() *cobra.Command {
	var f deployFlags
	cmd := &cobra.Command{
		Use:   "deploy [BOOK] -t TARGET",
		Short: "walk a deployment, phase by phase",
		Example: "  runbook deploy users-module -t practice\n" +
			"  runbook deploy users-module -t production --var image_tag=1.8.2",
		Long: "With --plain `?` lists the answers. An approval is signed with `sign ID ROLE`, once what is signed was shown; `approve ID` and\n" +
			"`reject ID` are reported by you, and no signature.",
		Args: atMostOne,
		RunE: func(cmd *cobra.Command, args []string) error {
			name := ""
			if len(args) == 1 {
				name = args[0]
			}
			return deploy(cmd.Context(), name, f)
		},
	}
	cmd.Flags().StringVarP(&f.target, "target", "t", "", "where: practice, a name under the configuration's targets/, or a path")
	cmd.Flags().StringArrayVar(&f.vars, "var", nil, "`NAME=VALUE` of the book; never a secret")
	cmd.Flags().BoolVar(&f.dryRun, "dry-run", false, "print the plan and run only its checks")
	cmd.Flags().BoolVar(&f.rehearse, "rehearse", false, "practice only: answer for the operator, mark each answer")
	cmd.Flags().BoolVar(&f.plain, "plain", false, "the session in lines")
	cmd.Flags().BoolVar(&f.fresh, "new", false, "start another run beside an open one; a practice world is made anew")
	return cmd
}

func deploy(ctx context.Context, name string, f deployFlags) error {
	h, err := home()
	if err != nil {
		return err
	}
	_ = h.BringHome() // what finds no room stays where it is, and is found there
	if f.rehearse && f.target != practiceName {
		return &usageError{errors.New("--rehearse answers for a person, and only the practice world allows that: -t practice")}
	}
	if name == "" || f.target == "" {
		picked, err := pick(ctx, h, name, f.target)
		if err != nil {
			return err
		}
		if picked.Resume != nil {
			return resume(ctx, h, *picked.Resume, f.plain, false)
		}
		name, f.target = picked.Book, picked.Target
	}
	if f.fresh && f.target == practiceName && !f.dryRun {
		if _, err := findBook(h, name, true); err != nil {
			return err // a misspelt book takes no world with it
		}
		if _, err := endPractice(ctx, h); err != nil {
			return err
		}
	}
	p, err := findPlace(ctx, h, name, f.target, f.vars)
	if err != nil {
		return err
	}
	if f.dryRun {
		return dryRun(ctx, os.Stdout, p)
	}
	open, err := f.openRun(h, p)
	if err != nil {
		return err
	}
	if open != nil {
		return offerResume(ctx, h, *open, f)
	}
	if err := p.askDemands(ctx); err != nil {
		return err
	}
	open, s, err := begin(ctx, h, p, f)
	switch {
	case err != nil:
		return err
	case open != nil:
		return offerResume(ctx, h, *open, f)
	}
	return drive(ctx, h, s, f.plain)
}

// beginLimit is how long another beginning run is waited for.
const beginLimit = 5 * time.Second

// begin starts a run unless one of this book and target is open. Of several
// processes that begin at once one does.
func begin(ctx context.Context, h runbook.Home, p *place, f deployFlags) (*runbook.Summary, *runbook.Session, error) {
	if err := h.Make(); err != nil {
		return nil, nil, err
	}
	ctx, stop := context.WithTimeout(ctx, beginLimit)
	defer stop()
	lock, err := durable.TryLock(filepath.Join(h.Dir, "begin.lock"))
	for errors.Is(err, durable.ErrLocked) && ctx.Err() == nil {
		_ = steps.SystemClock{}.Wait(ctx, time.Now().Add(10*time.Millisecond))
		lock, err = durable.TryLock(filepath.Join(h.Dir, "begin.lock"))
	}
	if err != nil {
		return nil, nil, fmt.Errorf("begin a run under %s: %w", h.Dir, err)
	}
	defer lock.Unlock() //nolint:errcheck // the process's end unlocks too
	open, err := f.openRun(h, p)
	if err != nil || open != nil {
		return open, nil, err
	}
	s, err := start(ctx, h, p, runbook.StartOptions{Mode: runbook.ModeDeploy, Rehearse: f.rehearse})
	return nil, s, err
}

// start begins a run in a place; o says which.
func start(ctx context.Context, h runbook.Home, p *place, o runbook.StartOptions) (*runbook.Session, error) {
	o.Runs, o.Book, o.Target, o.World, o.Vars = h.Runs(p.world.Practice != nil), p.book, p.target, p.world, p.vars
	var err error
	if o.Log, err = logOptions(h, p.signs, o.Mode == runbook.ModeRollback); err != nil {
		return nil, err
	}
	s, err := runbook.Start(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("begin a run under %s: %w", o.Runs, err)
	}
	s.Signs(keys(h, p.signs))
	return s, nil
}

// openRun is the open run of this book on this target that can be gone on
// with: one of a practice world that is no more can't.
func (f deployFlags) openRun(h runbook.Home, p *place) (*runbook.Summary, error) {
	if f.fresh {
		return nil, nil // a new one begins in any case: no log need be read for it
	}
	all, err := h.List()
	if err != nil {
		return nil, err
	}
	world := ""
	if p.world.Practice != nil {
		world = p.world.Practice.ID
	}
	for _, sum := range all {
		if sum.Open() && sum.Book == p.book.Name && sum.Target == p.target.Name && sum.World == world {
			return &sum, nil
		}
	}
	return nil, nil
}

// offerResume asks at a terminal whether to go on with the open run.
func offerResume(ctx context.Context, h runbook.Home, open runbook.Summary, f deployFlags) error {
	if !atTerminal() {
		return &runbook.OpenRunError{Run: open}
	}
	fmt.Printf("%s\nresume it? type `resume`, or anything else to leave: ", (&runbook.OpenRunError{Run: open}).Error())
	if typed(ctx) != "resume" {
		return &runbook.OpenRunError{Run: open}
	}
	return resume(ctx, h, open, f.plain, f.rehearse)
}

// typed reads one line at the terminal, empty if the operator breaks off.
func typed(ctx context.Context) string {
	line := make(chan string, 1)
	go func() {
		text, err := bufio.NewReader(os.Stdin).ReadString('\n')
		if err != nil {
			text = ""
		}
		line <- strings.TrimSpace(text)
	}()
	select {
	case text := <-line:
		return text
	case <-ctx.Done():
		return ""
	}
}
