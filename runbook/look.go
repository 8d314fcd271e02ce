package runbook

import (
	"context"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"runbook/runbook/book"
	"runbook/steps"
	"runbook/steps/check"
)

// parallel is how many looks go on at once.
const parallel = 8

// look carries out Check and Recheck: one step, a verify, or the whole batch
// whose turn it is. Results are recorded as they come.
func (s *Session) look(ctx context.Context, i Intent) error {
	r := s.State()
	p := r.Phase(s.book)
	batch := r.Turn(p, isCheck)
	if step := s.book.Step(i.Step); step != nil {
		switch {
		case isRun(step):
			return s.verify(ctx, step)
		case s.isAside(r, step.ID):
			return s.lookAside(ctx, step, r)
		}
		batch = []*book.Step{step}
	}
	if err := s.open(ctx, p); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for _, step := range batch {
		group.Go(func() error {
			result, err := s.measure(ctx, step)
			if err != nil {
				return err
			}
			return s.record(ctx, kindCheck, &checkBody{Step: step.ID, resultBody: bodyOf(result)})
		})
	}
	return group.Wait()
}

// lookAside looks out of turn, for a diagnosis.
func (s *Session) lookAside(ctx context.Context, step *book.Step, r *Run) error {
	result := Look(ctx, s.book, step, r.Vars, s.world)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return s.record(ctx, kindCheck, &checkBody{Step: step.ID, Aside: true, resultBody: bodyOf(result)})
}

// verify lets the step's verify decide what became of it.
func (s *Session) verify(ctx context.Context, step *book.Step) error {
	result, err := s.measure(ctx, s.book.Step(step.Verify))
	if err != nil {
		return err
	}
	return s.record(ctx, kindCheck, &checkBody{Step: step.Verify, Settles: step.ID, resultBody: bodyOf(result)})
}

// measure executes a check while the screens show it running. The error is
// that of a caller who left: such a look is not recorded.
func (s *Session) measure(ctx context.Context, step *book.Step) (steps.Result, error) {
	ctx, done := s.begin(ctx, step.ID)
	defer done()
	s.mu.Lock()
	vars := s.run.clone().Vars
	s.mu.Unlock()
	result := Look(ctx, s.book, step, vars, s.world)
	return result, ctx.Err()
}

// begin marks a step as running; the returned function ends that.
func (s *Session) begin(ctx context.Context, id string) (context.Context, func()) {
	ctx, stop := context.WithCancel(ctx)
	s.mu.Lock()
	s.active[id] = &active{began: time.Now(), stop: stop}
	s.looks.Add(1)
	s.mu.Unlock()
	s.signal()
	return ctx, func() {
		defer s.looks.Done()
		s.mu.Lock()
		delete(s.active, id)
		s.mu.Unlock()
		stop()
		s.signal()
	}
}

// Look executes the check of a step (that of a watch, that of a probe too) in
// a world, and changes nothing by itself.
func Look(ctx context.Context, b *book.Book, step *book.Step, vars map[string]string, w *steps.World) steps.Result {
	began := time.Now()
	unknown := func(err error) steps.Result {
		return steps.Result{Verdict: steps.Unknown, Reason: err.Error(), Began: began, Took: time.Since(began)}
	}
	verb, err := b.Bind(step, vars)
	if err != nil {
		return unknown(err)
	}
	env, _, err := environ(ctx, b, verb, vars, w)
	if err != nil {
		return unknown(err)
	}
	in := *w
	in.Env = env
	switch v := verb.(type) {
	case book.Check:
		return v.Check.Do(ctx, &in)
	case book.Watch:
		return v.Check.Do(ctx, &in)
	case book.Run:
		if v.Probe != nil {
			return v.Probe.Check.Do(ctx, &in)
		}
	}
	return unknown(fmt.Errorf("%s is no check", step.ID))
}

// environ is the environment of a step: the world's, the book's vars, and the
// secrets that the step names. It answers also the secrets that its output
// must not show: those, and every other of the book that can be had.
func environ(ctx context.Context, b *book.Book, verb book.Verb, vars map[string]string, w *steps.World) (env []string, hide []steps.Secret, err error) {
	env = append(slices.Clone(w.Env), b.Environ(vars)...)
	named := secretsOf(verb)
	runs, _ := verb.(book.Run)
	if len(named) == 0 && runs.Command == nil {
		return env, nil, nil
	}
	for name, v := range b.Vars {
		if !v.Secret {
			continue
		}
		secret, err := w.Secret(ctx, name)
		sees := slices.Contains(named, name)
		if err != nil && sees {
			return nil, nil, err
		}
		if err == nil {
			hide = append(hide, secret)
		}
		if sees {
			env = append(env, v.Exported(name)+"="+secret.Reveal())
		}
	}
	return env, hide, nil
}

// secretsOf names the secrets that a step's command may see.
func secretsOf(verb book.Verb) []string {
	var looks check.Check
	switch v := verb.(type) {
	case book.Run:
		if v.Command != nil {
			return v.Command.Secrets
		}
		looks = v.Probe.Check
	case book.Check:
		looks = v.Check
	case book.Watch:
		looks = v.Check
	}
	if n, ok := looks.(interface{ SecretNames() []string }); ok {
		return n.SecretNames()
	}
	return nil
}
