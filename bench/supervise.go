package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"runbook/steps/supervise"

	// What the program links, so that this one starts no quicker than it.
	_ "runbook/runbook/report"
	_ "runbook/tui"
)

const commands = 101

// command holds a supervised true, from its order to its signed verdict,
// against what it can't do without: a start of this program and a bare true.
func (b *bench) command(ctx context.Context) (rows []row, err error) {
	trueAt, err := exec.LookPath("true")
	if err != nil {
		return nil, err
	}
	var recorder supervise.Recorder
	defer func() { err = errors.Join(err, recorder.Close()) }()
	var supervised, selfs, trues []float64
	for i := range commands {
		for _, one := range []struct {
			into *[]float64
			argv []string
		}{{&selfs, []string{b.self, noop}}, {&trues, []string{trueAt}}} {
			began := time.Now()
			if err := exec.CommandContext(ctx, one.argv[0], one.argv[1:]...).Run(); err != nil {
				return nil, fmt.Errorf("start %s: %w", one.argv[0], err)
			}
			*one.into = append(*one.into, milliseconds(time.Since(began)))
		}
		took, err := b.supervised(&recorder, supervise.Order{
			Argv: []string{"true"}, Path: trueAt, Dir: "/", Files: filepath.Join(b.dir, "steps", fmt.Sprintf("true.%d", i)),
		})
		if err != nil {
			return nil, err
		}
		supervised = append(supervised, milliseconds(took))
	}
	least := median(selfs) + median(trues)
	return []row{{
		what: "a supervised true", got: median(supervised), aim: "≤ 1.75 × the least", limit: 1.75 * least, unit: "ms",
		floors: []floor{{"its own start and a bare true", least}, {"a bare true", median(trues)}},
	}}, nil
}

func (b *bench) supervised(r *supervise.Recorder, o supervise.Order) (time.Duration, error) {
	began := time.Now()
	sealed, err := supervise.Seal(o)
	if err != nil {
		return 0, err
	}
	defer func() { _ = sealed.Close() }() // memory: nothing to lose
	p, err := r.Start(sealed)
	if err != nil {
		return 0, err
	}
	end := p.End()
	took := time.Since(began)
	if end.Class != supervise.Exited || end.Outcome.Exit != 0 {
		return 0, fmt.Errorf("%v of %s: %+v", o.Argv, o.Files, end)
	}
	return took, os.RemoveAll(o.Files)
}
