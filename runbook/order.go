package runbook

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"runbook/runbook/book"
	"runbook/steps/supervise"
)

// Order is what a command step would execute, to be shown for approval. An
// intent that carries its Digest executes that or nothing.
func (s *Session) Order(ctx context.Context, step *book.Step) (supervise.Order, error) {
	r := s.State()
	verb, err := s.book.Bind(step, r.Vars)
	if err != nil {
		return supervise.Order{}, err
	}
	v, ok := verb.(book.Run)
	if !ok || v.Command == nil {
		return supervise.Order{}, fmt.Errorf("%s is no command", step.ID)
	}
	return s.order(ctx, step, v, r)
}

func (s *Session) order(ctx context.Context, step *book.Step, v book.Run, r *Run) (supervise.Order, error) {
	env, hide, err := environ(ctx, s.book, v, r.Vars, s.world)
	if err != nil {
		return supervise.Order{}, err
	}
	in := *s.world
	in.Env = append(env, appVar+"="+r.appName(step.ID, r.Step(step).Attempt+1))
	order, err := v.Command.Resolve(&in)
	order.Secrets = hide
	return order, err
}

// Digest commits to an order as it was shown: what an operator approves is
// what is executed.
func Digest(o supervise.Order) string {
	return sha(strings.Join(slices.Concat([]string{o.Path, o.ProgramSHA, o.Dir}, o.Argv, []string{""}, names(o.Env)), "\x00"))
}

func names(env []string) []string {
	all := make([]string, 0, len(env))
	for _, pair := range env {
		name, _, _ := strings.Cut(pair, "=")
		all = append(all, name)
	}
	slices.Sort(all)
	return slices.Compact(all)
}
