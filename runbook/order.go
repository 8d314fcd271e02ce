package runbook

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"runbook/runbook/book"
	"runbook/steps"
	"runbook/steps/run"
	"runbook/steps/supervise"
)

// Order is what a command step would execute: here, or on hosts.
type Order struct {
	supervise.Order              // here; of a step with hosts only its secrets count
	Hosts           []run.Remote // in this order
	Parallel        bool         // or all at once
}

// Order is what a command step would execute, to be shown for approval. An
// intent that carries its Digest executes that or nothing.
func (s *Session) Order(ctx context.Context, step *book.Step) (Order, error) {
	r := s.State()
	verb, err := s.book.Bind(step, r.Vars)
	if err != nil {
		return Order{}, err
	}
	v, ok := verb.(book.Run)
	if !ok || v.Command == nil {
		return Order{}, fmt.Errorf("%s is no command", step.ID)
	}
	return s.order(ctx, step, v, r)
}

func (s *Session) order(ctx context.Context, step *book.Step, v book.Run, r *Run) (Order, error) {
	env, hide, err := environ(ctx, s.book, v, r.Vars, s.world)
	if err != nil {
		return Order{}, err
	}
	env = append(env, appVar+"="+r.appName(step.ID, r.Step(step).Attempt+1))
	order := Order{Parallel: step.Parallel}
	if len(step.On) == 0 {
		in := *s.world
		in.Env = env
		order.Order, err = v.Command.Resolve(&in)
	}
	for _, name := range r.due(step) {
		var remote run.Remote
		if remote, err = carrier(s.world, s.target, name, *v.Command, env); err != nil {
			break
		}
		order.Hosts = append(order.Hosts, remote)
	}
	order.Secrets = hide
	return order, err
}

// carrier is a command on a host of the target. env is a step's own, that of the
// world and the vars behind it: those reach the host.
func carrier(w *steps.World, t *book.Target, name string, c run.Command, env []string) (run.Remote, error) {
	host, ok := t.Hosts[name]
	if !ok {
		return run.Remote{}, fmt.Errorf("target %s has no host %s: name it there, [host.%s]", t.Name, name, name)
	}
	return c.On(host, w, env[len(w.Env):])
}

// Digest commits to an order as it was shown: what an operator approves is
// what is executed.
func Digest(o Order) string {
	words := slices.Concat([]string{o.Path, o.ProgramSHA, o.Dir}, o.Argv, []string{""}, names(o.Env))
	for _, r := range o.Hosts {
		words = slices.Concat(words, []string{"", r.Host.Name, r.Host.Dir, r.Path}, r.Argv, []string{""}, names(r.Env),
			[]string{"", r.Local.Path, r.Local.ProgramSHA}, r.Local.Argv, names(r.Local.Env))
	}
	return sha(strings.Join(append(words, fmt.Sprint(o.Parallel)), "\x00"))
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
