//go:build fault

package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"runbook/runbook"
	"runbook/steps/supervise"
)

// moment is when a drop comes: between from and to after so many of the keys
// that start the step have done what they do.
type moment struct {
	name     string
	passed   int
	from, to time.Duration
	drops    int
}

// The middle of the step is hit most, and the start of it most closely: its
// last key acts some 70 ms after the one before.
var moments = []moment{
	{"logging in", 0, 0, 300 * time.Millisecond, 2},
	{"before the start", 1, 0, 600 * time.Millisecond, 2},
	{"at the start", 4, 60 * time.Millisecond, 180 * time.Millisecond, 6},
	{"while it runs", 5, 0, 1500 * time.Millisecond, 10},
}

// dropped is a row of the table.
type dropped struct {
	moment, way, stage string
	after              time.Duration // the connection was begun
	away               string        // until when nobody was connected
	refused            int           // resumes that found the old screen still there
	end                fact
}

const heading = "moment            after     lost by          found at       away          busy rows  kept   exit  classified     by                                 state"

func (r dropped) String() string {
	code, state := "-", "no run"
	if r.end.step.Exit != nil {
		code = fmt.Sprint(*r.end.step.Exit)
	}
	if r.end.run != nil {
		state = r.end.step.State.String()
	}
	return fmt.Sprintf("%-16s %5d ms  %-15s  %-13s  %-14s  %3d %2d/%d %2d/%d  %-4s  %-13s  %-33s  %s", r.moment, r.after.Milliseconds(), r.way, r.stage, r.away,
		r.refused, r.end.written, allRows, r.end.printed, allRows, code, r.end.kept.Class, r.end.kept.Source, state)
}

// stage says how far a run has come.
func (f fact) stage() string {
	switch {
	case f.run == nil:
		return "no run yet"
	case f.step.Attempt == 0:
		return "run begun"
	case f.kept.Class == supervise.NeverStarted:
		return "step intended"
	case f.kept.Class == supervise.Exited:
		return "step ended"
	}
	return fmt.Sprintf("row %d", f.written)
}

// trial is one of a series.
type trial struct {
	name string
	test func(t *testing.T)
}

// lanes is how many trials of a series go on at once: they wait more than they
// work.
const lanes = 5

// atOnce runs a series.
func atOnce(t *testing.T, all []trial) {
	t.Helper()
	next := make(chan trial)
	var done sync.WaitGroup
	for range lanes {
		done.Go(func() {
			for one := range next {
				t.Run(one.name, one.test)
			}
		})
	}
	for _, one := range all {
		next <- one
	}
	close(next)
	done.Wait()
}

// TestFaultDrops loses connections at random moments, in every way, and goes on
// with each run over another: a step that was started did all its work and kept
// output and exit code, one that was not has done nothing.
func TestFaultDrops(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	bastions := openBastions(t)
	var all []trial
	var mu sync.Mutex
	table := map[int]dropped{}
	for _, when := range moments {
		for range when.drops {
			i := len(all)
			all = append(all, trial{fmt.Sprint(i), func(t *testing.T) {
				r := rand.New(rand.NewPCG(seed, uint64(i)))
				row := drop(t, openDesk(t, bastions[i%len(bastions)]), when, ways[i%len(ways)], r)
				mu.Lock()
				defer mu.Unlock()
				table[i] = row
			}})
		}
	}
	atOnce(t, all)
	middle, never := 0, 0
	t.Log(heading)
	for i := range all {
		t.Log(table[i])
		if strings.HasPrefix(table[i].stage, "row ") {
			middle++
		}
		if table[i].end.kept.Class == supervise.NeverStarted {
			never++
		}
	}
	if middle < len(all)/4 || never == 0 {
		t.Errorf("of %d drops %d hit the step while it ran, and %d came before it: that is no series", len(all), middle, never)
	}
}

// drop is one of the series.
func drop(t *testing.T, d *desk, when moment, how way, r *rand.Rand) dropped {
	t.Helper()
	row := dropped{moment: when.name, way: how.name}
	began := time.Now()
	l := d.runbook(80, 24, "deploy ./rows.toml -t ./here.toml")
	l.doesAll(starting[:when.passed]...)
	driven := make(chan struct{})
	go func() {
		defer close(driven)
		for _, p := range starting[when.passed:] {
			if !l.does(p) {
				return
			}
		}
	}()
	<-time.After(when.from + time.Duration(r.Int64N(int64(when.to-when.from)))) // what that hits is read, not assumed
	if d.screen() == 0 {
		how = ways[0] // nobody is logged in: there is only the client
	}
	row.way, row.after, row.stage = how.name, time.Since(began), d.now().stage()
	old := d.screen()
	how.lose(d, l)
	l.left()
	<-driven
	if row.away = "back at once"; r.IntN(2) == 0 {
		row.away = "back at its end"
		await(t, "the end of the step", func() bool { return !d.now().kept.Class.Alive() })
	}
	row.refused = goOn(t, d)
	// A run that never began keeps nobody: the old screen may still be on its way out.
	await(t, "the end of the old screen, "+how.name, func() bool { return old == 0 || !alive(old) })
	row.end = d.now()
	switch f := row.end; {
	case f.kept.Class != supervise.NeverStarted:
		f.whole(t)
	case f.written > 0, f.run != nil && f.step.State != runbook.Pending && f.step.State != runbook.Failed:
		t.Errorf("never started, and yet %d rows; %+v", f.written, f.step)
	}
	return row
}

// goOn resumes what was dropped, sees it to its end and leaves it. It counts
// the attempts that met the old screen.
func goOn(t *testing.T, d *desk) (refused int) {
	t.Helper()
	for {
		l := d.runbook(80, 24, "resume")
		switch {
		case l.does(resuming[0]):
			l.doesAll(resuming[1:]...)
			if d.now().kept.Class != supervise.NeverStarted {
				l.doesAll(failing)
			}
			l.doesAll(leaving)
			if code := l.left(); code != exitPerson {
				t.Errorf("left with %d", code)
			}
			return refused
		case l.left() == exitBusy:
			refused++
		case l.left() == exitUsage && d.now().run == nil:
			return refused // it never began
		default:
			t.Fatalf("left with %d: %q", l.left(), l.since(0))
		}
	}
}
