package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"time"
)

// looks is how often the pre-checks are made; the median counts.
const looks = 9

// checks times the pre-checks of users-module, all at once, beside the slowest
// of them in the same look.
func (b *bench) checks(ctx context.Context) (rows []row, err error) {
	defer func() { err = errors.Join(err, b.do(context.WithoutCancel(ctx), "practice", "stop")) }()
	if err := b.do(ctx, "practice", "start"); err != nil {
		return nil, err
	}
	steps, err := b.preChecks(ctx)
	if err != nil {
		return nil, err
	}
	var took, slowest []float64
	for range looks {
		whole, slow, err := b.look(ctx, steps)
		if err != nil {
			return nil, err
		}
		took, slowest = append(took, whole), append(slowest, slow)
	}
	whole, slow := median(took), median(slowest)
	return []row{{
		what: fmt.Sprintf("%d pre-checks at once", len(steps)), got: 1000 * whole, aim: "≤ 1.3 × the slowest", limit: 1300 * slow, unit: "ms",
		floors: []floor{{"the slowest of them", 1000 * slow}},
	}}, nil
}

// preChecks are the ids of the checks of the book's first phase.
func (b *bench) preChecks(ctx context.Context) ([]string, error) {
	out, err := b.runbook(ctx, "show", "users-module", "--json").Output()
	if err != nil {
		return nil, err
	}
	var book struct {
		Phases []struct {
			Steps []struct{ ID, Verb string }
		}
	}
	if err := json.Unmarshal(out, &book); err != nil {
		return nil, err
	}
	var ids []string
	for _, s := range book.Phases[0].Steps {
		if s.Verb == "check" {
			ids = append(ids, s.ID)
		}
	}
	return ids, nil
}

// look makes the checks once. It returns the time from the first one's
// beginning to the last one's end, and the slowest one's own, in seconds.
func (b *bench) look(ctx context.Context, ids []string) (whole, slowest float64, err error) {
	out, err := b.runbook(ctx, append([]string{"check", "users-module", "-t", "practice", "--json"}, ids...)...).Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return 0, 0, err // another exit is a verdict
	}
	var seen struct {
		Checks []struct {
			Began time.Time
			Took  float64 `json:"took_ms"`
		}
	}
	if err := json.Unmarshal(out, &seen); err != nil || len(seen.Checks) != len(ids) {
		return 0, 0, fmt.Errorf("%d of %d checks were made: %w", len(seen.Checks), len(ids), err)
	}
	var first, last time.Time
	for _, c := range seen.Checks {
		took := c.Took / 1000
		if end := c.Began.Add(time.Duration(took * float64(time.Second))); end.After(last) {
			last = end
		}
		if first.IsZero() || c.Began.Before(first) {
			first = c.Began
		}
		slowest = max(slowest, took)
	}
	return last.Sub(first).Seconds(), slowest, nil
}
