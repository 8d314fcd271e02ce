// Package doctor looks for what would break a run before there is one: what
// this machine does to a command whose operator logs out, the disk, the agent,
// the clock, the terminal; and of a book at a target its vars, secrets, hosts,
// programs and ways back. It only looks: no step that acts is run.
//
// To add a look: a file of its subject with a function that answers findings,
// a line in Host.Probes or Site.Probes, and a test in which the thing is
// broken.
package doctor

import (
	"cmp"
	"context"
	"time"

	"runbook/steps"
)

// Finding is what a look saw, for a person to read in one line.
type Finding struct {
	Verdict steps.Verdict // what could not be looked at is unknown
	What    string        // what was looked at, in two or three words
	Saw     string
	Limit   string // what that was held against; empty if nothing
	Mend    string // what to do about it; empty if there is nothing to do, or Saw says it
}

// Probe is one look, or several that belong together.
type Probe struct {
	What  string        // of the finding if nothing comes back in time
	Limit time.Duration // patience if zero
	Look  func(ctx context.Context) []Finding
}

const (
	patience = 5 * time.Second
	grace    = time.Second // for a look to say itself that its time is over
	parallel = 8
)

// Examine carries out all looks side by side and tells what they found in the
// order of the probes, from the goroutine of the caller. A look that hangs, as
// on a mount whose server is gone, is left behind as unknown.
func Examine(ctx context.Context, probes []Probe, tell func(Finding)) {
	found := make([]chan []Finding, len(probes))
	turn := make(chan struct{}, parallel)
	for i, p := range probes {
		found[i] = make(chan []Finding, 1)
		go func() {
			turn <- struct{}{}
			found[i] <- p.look(ctx)
			<-turn
		}()
	}
	for _, some := range found {
		for _, f := range <-some {
			tell(f)
		}
	}
}

func (p Probe) look(ctx context.Context) []Finding {
	limit := cmp.Or(p.Limit, patience)
	ctx, stop := context.WithTimeout(ctx, limit)
	defer stop()
	found := make(chan []Finding, 1)
	go func() { found <- p.Look(ctx) }()
	select {
	case f := <-found:
		return f
	case <-ctx.Done():
	}
	select {
	case f := <-found:
		return f
	case <-time.After(grace):
		return []Finding{{Verdict: steps.Unknown, What: p.What, Saw: "no answer within " + limit.String()}}
	}
}

// one is the answer of a look that finds one thing.
func one(v steps.Verdict, what, saw, limit, mend string) []Finding {
	return []Finding{{Verdict: v, What: what, Saw: saw, Limit: limit, Mend: mend}}
}

func pass(what, saw string) []Finding { return one(steps.Pass, what, saw, "", "") }

// Verdict is how bad a set of findings is as a whole.
func Verdict(all []Finding) steps.Verdict {
	worst := steps.Pass
	for _, f := range all {
		worst = worst.Worse(f.Verdict)
	}
	return worst
}
