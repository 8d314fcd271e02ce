package main

import (
	"context"
	"fmt"
	"os/exec"
	"time"
)

const starts = 100

// processStart holds the start of runbook against a Go program that does
// nothing and against /bin/true, taking turns. Every shim of the practice world
// and every supervisor pays it.
func (b *bench) processStart(ctx context.Context) ([]row, error) {
	commands := []func() *exec.Cmd{
		func() *exec.Cmd { return b.runbook(ctx, "version") },
		func() *exec.Cmd { return exec.CommandContext(ctx, b.self, noop) },
		func() *exec.Cmd { return exec.CommandContext(ctx, "true") },
	}
	took := make([][]float64, len(commands))
	for range starts {
		for i, command := range commands {
			cmd, began := command(), time.Now()
			if err := cmd.Run(); err != nil {
				return nil, fmt.Errorf("start %s: %w", cmd, err)
			}
			took[i] = append(took[i], milliseconds(time.Since(began)))
		}
	}
	return []row{{
		what: "runbook version", got: median(took[0]), aim: "≤ 5 ms", limit: 5, unit: "ms",
		floors: []floor{{"an empty Go program", median(took[1])}, {"true", median(took[2])}},
	}}, nil
}
