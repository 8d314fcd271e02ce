package runbook

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"runbook/runbook/book"
	"runbook/steps"
	"runbook/steps/check"
	"runbook/steps/safetext"
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
			return s.recheck(ctx, step, r.Step(step))
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
			return s.record(ctx, kindCheck, s.waive(step, &checkBody{Step: step.ID, resultBody: bodyOf(result)}))
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

// recheck asks the hosts of whose end nothing is known, and then lets the
// step's verify decide what became of it.
func (s *Session) recheck(ctx context.Context, step *book.Step, st StepState) error {
	if v, ok := step.Verb.(book.Run); ok && st.asksHosts() {
		err := orLeave(ctx, s.takeUpHosts(ctx, step, v, st, askOnce))
		r := s.State()
		if now := r.Step(step); err != nil || !now.asksHosts() || step.Verify == "" {
			return err
		}
	}
	return s.verify(ctx, step)
}

// verify lets the step's verify decide what became of it.
func (s *Session) verify(ctx context.Context, step *book.Step) error {
	result, err := s.measure(ctx, s.book.Step(step.Verify))
	if err != nil {
		return err
	}
	result = s.settledBy(ctx, step, result)
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
	env, hide, err := environ(ctx, b, verb, vars, w)
	if err != nil {
		return unknown(err)
	}
	in := *w
	in.Env = env
	look := checkOf(verb)
	if look == nil {
		return unknown(fmt.Errorf("%s is no check", step.ID))
	}
	if len(step.On) == 0 {
		return redact(look.Do(ctx, &in), hide)
	}
	return redact(lookOn(ctx, look, step, &in), hide)
}

// lookOn looks on every host of a step.
func lookOn(ctx context.Context, look check.Check, step *book.Step, w *steps.World) steps.Result {
	if w.Carry == nil {
		return steps.Result{Reason: "target " + w.Name + " has no hosts", Began: time.Now()}
	}
	seen := make([]steps.Result, len(step.On))
	var all errgroup.Group
	if !step.Parallel {
		all.SetLimit(1)
	}
	for i, name := range step.On {
		in := *w
		in.Host = name
		all.Go(func() error {
			seen[i] = look.Do(ctx, &in)
			return nil
		})
	}
	_ = all.Wait() // no look answers an error
	return together(step.On, seen)
}

// together is what was seen on several hosts, as one.
func together(names []string, seen []steps.Result) steps.Result {
	whole := seen[0]
	if len(seen) == 1 {
		return whole
	}
	whole.Where, whole.Reason, whole.Evidence = "commands on "+strings.Join(names, ", "), "", nil
	var reasons []string
	for i, r := range seen {
		whole.Verdict = whole.Verdict.Worse(r.Verdict)
		whole.Took = max(whole.Took, r.Began.Add(r.Took).Sub(whole.Began))
		if r.Reason != "" {
			reasons = append(reasons, names[i]+": "+r.Reason)
		}
		for _, e := range r.Evidence {
			e.Label = names[i] + ": " + e.Label
			whole.Evidence = append(whole.Evidence, e)
		}
	}
	whole.Reason = strings.Join(reasons, "; ")
	return whole
}

// environ is the environment of a step: the world's, the book's vars, and the
// secrets that the step names. It answers also the secrets that its output
// must not show: those, and every other of the book that can be had.
func environ(ctx context.Context, b *book.Book, verb book.Verb, vars map[string]string, w *steps.World) (env []string, hide []steps.Secret, err error) {
	env = append(slices.Clone(w.Env), b.Environ(vars)...)
	if !executes(verb) {
		return env, nil, nil
	}
	named := secretsOf(verb)
	for _, name := range named {
		secret, err := w.Secret(ctx, name)
		if err != nil {
			return nil, nil, err
		}
		hide = append(hide, secret)
		env = append(env, b.Vars[name].Exported(name)+"="+secret.Reveal())
	}
	return env, append(hide, others(ctx, b, named, w)...), nil
}

// othersLimit is how long the secrets that a step does not see may take: they
// are only looked for, and nothing waits for them.
const othersLimit = 2 * time.Second

// others are the secrets of the book that a step does not see, and that its
// output must not show either, as far as they can be had in time.
func others(ctx context.Context, b *book.Book, named []string, w *steps.World) []steps.Secret {
	ctx, stop := context.WithTimeout(ctx, othersLimit)
	defer stop()
	found := make(chan steps.Secret, len(b.Vars))
	var group errgroup.Group
	for name, v := range b.Vars {
		if !v.Secret || slices.Contains(named, name) {
			continue
		}
		group.Go(func() error {
			if secret, err := w.Secret(ctx, name); err == nil {
				found <- secret
			}
			return nil
		})
	}
	_ = group.Wait() // none answers an error
	close(found)
	var all []steps.Secret
	for secret := range found {
		all = append(all, secret)
	}
	return all
}

// executes reports whether a step runs a program, which then needs an
// environment, or quotes what may hold a secret as a program's output may.
func executes(verb book.Verb) bool {
	if v, ok := verb.(book.Run); ok && v.Command != nil {
		return true
	}
	_, ok := checkOf(verb).(check.Executor)
	return ok
}

// secretsOf names the secrets that a step's command may see.
func secretsOf(verb book.Verb) []string {
	if v, ok := verb.(book.Run); ok && v.Command != nil {
		return v.Command.Secrets
	}
	if c := check.Program(checkOf(verb)); c != nil {
		return c.Secrets
	}
	return nil
}

// checkOf is the check of a step that looks: by itself, over time or by
// touching.
func checkOf(verb book.Verb) check.Check {
	switch v := verb.(type) {
	case book.Check:
		return v.Check
	case book.Watch:
		return v.Check
	case book.Run:
		if v.Probe != nil {
			return v.Probe.Check
		}
	}
	return nil
}

// redact takes secrets out of what a check says it saw.
func redact(r steps.Result, hide []steps.Secret) steps.Result {
	if len(hide) == 0 {
		return r
	}
	r.Reason, r.Where = clean(r.Reason, hide), clean(r.Where, hide)
	for i, e := range r.Evidence {
		r.Evidence[i].Value, r.Evidence[i].Limit = clean(e.Value, hide), clean(e.Limit, hide)
	}
	return r
}

func clean(text string, hide []steps.Secret) string {
	var out strings.Builder
	sink := safetext.NewRedactor(&out, hide...)
	_, err := sink.Write([]byte(text))
	if errors.Join(err, sink.Close()) != nil {
		return "(withheld: it could not be redacted)"
	}
	return out.String()
}
