package runbook

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"runbook/runbook/book"
	"runbook/runbook/durable"
	"runbook/steps"
	"runbook/steps/supervise"
)

// act starts a run and waits for its end. The intent is durable before
// anything is forked; the result is durable before anything is shown as done.
func (s *Session) act(ctx context.Context, i Intent) error {
	step := s.book.Step(i.Step)
	s.mu.Lock()
	r := s.snapshot()
	s.mu.Unlock()
	if err := s.open(ctx, r.Phase(s.book)); err != nil {
		return err
	}
	verb, err := s.book.Bind(step, r.Vars)
	if err != nil {
		return err
	}
	v, ok := verb.(book.Run)
	if !ok {
		return fmt.Errorf("%s: %w: it is no run", step.ID, ErrNotNow)
	}
	if v.Probe != nil {
		return s.probe(ctx, step, v, r.Step(step).Attempt+1)
	}
	return s.command(ctx, step, v, i, r)
}

func (s *Session) probe(ctx context.Context, step *book.Step, v book.Run, attempt int) error {
	ctx, done := s.begin(ctx, step.ID)
	defer done()
	if err := s.record(ctx, kindRunIntent, &runIntentBody{Step: step.ID, Attempt: attempt, Kind: v.Kind}); err != nil {
		return err
	}
	result := Look(ctx, s.book, step, s.State().Vars, s.world)
	if ctx.Err() != nil { // cancelled: what it touched is not known
		result = steps.Result{Verdict: steps.Unknown, Reason: "cancelled while it ran", Began: result.Began, Took: result.Took}
	}
	return s.record(ctx, kindRunResult, &runResultBody{Step: step.ID, Attempt: attempt, Outcome: "probed", resultBody: bodyOf(result)})
}

func (s *Session) command(ctx context.Context, step *book.Step, v book.Run, i Intent, r *Run) error {
	starting, done := s.begin(context.WithoutCancel(ctx), step.ID) // a Cancel ends it, not a caller who leaves; running from before its intent: nothing else may touch it
	order, err := s.order(starting, step, v, r)
	if err == nil && i.Text != "" && i.Text != Digest(order) {
		err = fmt.Errorf("%w: what would be executed is no longer what was shown", ErrStale)
	}
	if err != nil {
		done()
		return fmt.Errorf("%s was not started: %w", step.ID, err)
	}
	if len(order.Hosts) > 0 {
		return s.commandOnHosts(ctx, starting, step, v, order, r)
	}
	attempt := r.Step(step).Attempt + 1
	order.Interactive = order.Interactive && !s.rehearse // nobody sits there
	order.Rows, order.Cols = s.size()
	order.Files, order.Shared, order.Recovery = r.Files(step.ID, attempt), durable.Shared(r.Dir), r.Plan != ""
	sealed, err := supervise.Seal(order.Order)
	if err != nil {
		done()
		return fmt.Errorf("%s was not started: %w", step.ID, err)
	}
	defer func() { _ = sealed.Close() }() // memory: nothing to lose
	s.starting.RLock()
	started := sync.OnceFunc(s.starting.RUnlock)
	defer started()
	err = s.record(ctx, kindRunIntent, &runIntentBody{
		Step: step.ID, Attempt: attempt, Kind: v.Kind,
		Argv: order.Argv, Program: order.Path, ProgramSHA: order.ProgramSHA, Dir: order.Dir, Env: names(order.Env),
		Order: sealed.Commitment, VerdictKey: sealed.Key,
	})
	if err != nil {
		done()
		return err
	}
	process, err := s.fork(sealed, r)
	started()
	if err != nil {
		defer done()
		body := unforked(err, sealed.Files)
		body.Step, body.Attempt = step.ID, attempt
		return s.record(ctx, kindRunResult, body)
	}
	s.mu.Lock()
	s.active[step.ID] = &active{began: time.Now(), process: process}
	asked := starting.Err() != nil // to end, while it was being started
	s.mu.Unlock()
	if asked {
		err = process.Cancel()
	}
	s.looks.Done() // from here on it is no look, and outlives us
	s.accompany(step, attempt)
	s.signal()
	ended := make(chan error, 1)
	go func() { ended <- s.finish(process, step, v, attempt) }()
	select {
	case end := <-ended:
		return errors.Join(err, end)
	case <-ctx.Done(): // the caller leaves, the command goes on
		return ctx.Err()
	}
}

// finish waits for a command's end and makes its result durable.
func (s *Session) finish(process *supervise.Process, step *book.Step, v book.Run, attempt int) error {
	end := process.End()
	if end.Class == supervise.Unknown { // supervisor and recorder were killed
		s.salvage(context.Background(), step, s.State().Files(step.ID, attempt))
	}
	body := s.ending(step, end, *v.Command)
	body.Step, body.Attempt = step.ID, attempt
	body.Evidence = append(body.Evidence, s.sawBlocked(step.ID)...)
	err := s.record(context.Background(), kindRunResult, body)
	s.mu.Lock()
	delete(s.active, step.ID)
	s.mu.Unlock()
	s.signal()
	return err
}

// cancel asks a running step to end; a second time, at once.
func (s *Session) cancel(id string) error {
	s.mu.Lock()
	a := s.active[id]
	if a != nil && a.process == nil && a.hosts == nil {
		a.stop() // before anything else takes its place: it sees that its end was asked for
	}
	s.mu.Unlock()
	switch {
	case a == nil:
		return fmt.Errorf("%s does not run in this session: %w", id, ErrNotNow)
	case a.process != nil:
		return a.process.Cancel()
	case a.hosts != nil:
		return a.hosts.cancel()
	}
	return nil
}

// Output is the redacted output of the last attempt of a step's command: the
// only file of it that is read.
func (r *Run) Output(s *book.Step) string {
	st := r.Step(s)
	if len(st.Hosts) > 0 {
		return r.outputOn(s, st.foremost())
	}
	return filepath.Join(r.Files(s.ID, max(1, st.Attempt)), supervise.OutputFile)
}
