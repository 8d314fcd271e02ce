package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"time"
)

// world times the practice world: made from nothing, found alive, and the
// whole embedded books rehearsed in it.
func (b *bench) world(ctx context.Context) (rows []row, err error) {
	defer func() { err = errors.Join(err, b.do(context.WithoutCancel(ctx), "practice", "stop")) }()
	parts := []struct {
		what  string
		limit float64
		args  []string
	}{
		{"practice world, cold", 3, []string{"practice", "start"}},
		{"practice world, found", 0.3, []string{"practice", "start"}},
		{"users-module rehearsed", 30, []string{"deploy", "users-module", "-t", "practice", "--rehearse", "--plain"}},
		{"encrypted-email rehearsed", 30, []string{"deploy", "encrypted-email", "-t", "practice", "--rehearse", "--plain"}},
	}
	for _, p := range parts {
		began := time.Now()
		if err := b.do(ctx, p.args...); err != nil {
			return rows, err
		}
		rows = append(rows, row{what: p.what, got: time.Since(began).Seconds(), aim: fmt.Sprintf("≤ %g s", p.limit), limit: p.limit, unit: "s"})
	}
	return rows, nil
}

// do runs runbook to its end; what it said is part of the error.
func (b *bench) do(ctx context.Context, args ...string) error {
	out, err := b.runbook(ctx, args...).CombinedOutput()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return fmt.Errorf("runbook %v ended with %d:\n%s", args, exit.ExitCode(), out[max(0, len(out)-2000):])
	}
	return err
}
