package runbook

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"runbook/runbook/book"
	"runbook/steps"
	"runbook/steps/run"
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
	attempt := r.Step(step).Attempt + 1
	v, ok := verb.(book.Run)
	if !ok {
		return fmt.Errorf("%s: %w: it is no run", step.ID, ErrNotNow)
	}
	if v.Probe != nil {
		return s.probe(ctx, step, v, attempt)
	}
	return s.command(ctx, step, v, attempt, r)
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

// Order is what a command step would execute: shown for approval, and then
// executed as shown.
func (s *Session) Order(ctx context.Context, step *book.Step) (run.Order, error) {
	r := s.State()
	verb, err := s.book.Bind(step, r.Vars)
	if err != nil {
		return run.Order{}, err
	}
	v, ok := verb.(book.Run)
	if !ok || v.Command == nil {
		return run.Order{}, fmt.Errorf("%s is no command", step.ID)
	}
	return s.order(ctx, v, r)
}

func (s *Session) order(ctx context.Context, v book.Run, r *Run) (run.Order, error) {
	env, hide, err := environ(ctx, s.book, v, r.Vars, s.world)
	if err != nil {
		return run.Order{}, err
	}
	in := *s.world
	in.Env = env
	order, err := v.Command.Resolve(&in)
	order.Secrets = hide
	return order, err
}

func (s *Session) command(ctx context.Context, step *book.Step, v book.Run, attempt int, r *Run) error {
	order, err := s.order(ctx, v, r)
	if err != nil {
		return fmt.Errorf("%s was not started: %w", step.ID, err)
	}
	order.Files = r.Files(step.ID, attempt)
	err = s.record(ctx, kindRunIntent, &runIntentBody{
		Step: step.ID, Attempt: attempt, Kind: v.Kind,
		Argv: order.Argv, Program: order.Path, Dir: order.Dir, Env: names(order.Env),
	})
	if err != nil {
		return err
	}
	process, err := run.Start(order)
	if err != nil {
		body := &runResultBody{Step: step.ID, Attempt: attempt, Outcome: "not started"}
		body.Verdict, body.Reason = steps.Fail, "not started: "+err.Error()
		return s.record(ctx, kindRunResult, body)
	}
	s.mu.Lock()
	s.active[step.ID] = &active{began: time.Now(), process: process}
	s.mu.Unlock()
	s.signal()
	if err := s.await(ctx, process, v.Command.KillAfter.D()); err != nil {
		return err
	}
	body := ended(process.Outcome(), *v.Command)
	body.Step, body.Attempt = step.ID, attempt
	err = s.record(ctx, kindRunResult, body)
	s.mu.Lock()
	delete(s.active, step.ID)
	s.mu.Unlock()
	s.signal()
	return err
}

// await returns when the command has ended, or with the context's error when
// the caller leaves: the command goes on.
func (s *Session) await(ctx context.Context, process *run.Process, killAfter time.Duration) error {
	var limit <-chan time.Time
	if killAfter > 0 {
		timer := time.NewTimer(killAfter)
		defer timer.Stop()
		limit = timer.C
	}
	for {
		select {
		case <-process.Done():
			return nil
		case <-limit:
			process.Cancel()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// ended puts the end of a command in the words of the log. A cancelled command
// is unknown: how far it came its verify says.
func ended(o run.Outcome, c run.Command) *runResultBody {
	body := &runResultBody{Outcome: "exited", Bytes: o.Bytes, OutSHA256: o.SHA256, Signal: o.Signal}
	body.TookUS = o.Took.Microseconds()
	want := []int{0}
	if len(c.Exit) > 0 {
		want = c.Exit
	}
	switch {
	case o.Cancelled:
		body.Outcome, body.Verdict, body.Reason = "cancelled", steps.Unknown, "cancelled: how far it came is not known"
	case o.Err != "":
		body.Outcome, body.Verdict, body.Reason = "not started", steps.Fail, "not started: "+o.Err
	case o.Signal != "":
		body.Outcome, body.Verdict, body.Reason = "signalled", steps.Fail, "ended by signal "+o.Signal
	default:
		body.Exit, body.Verdict = &o.Exit, steps.Pass
		if !slices.Contains(want, o.Exit) {
			body.Verdict, body.Reason = steps.Fail, "exit "+strconv.Itoa(o.Exit)
		}
		body.Evidence = []steps.Evidence{{Label: "exit code", Value: strconv.Itoa(o.Exit), Limit: intList(want)}}
	}
	if len(o.Leftovers) > 0 {
		body.Evidence = append(body.Evidence, steps.Evidence{Label: "still running", Value: strings.Join(o.Leftovers, ", ")})
		if body.Verdict == steps.Pass {
			body.Verdict, body.Reason = steps.Warn, "it ended, and left processes running"
		}
	}
	return body
}

// leftBehind is the result that a command of an earlier session has by its
// directory, nil if that says nothing.
func leftBehind(class run.Class, o run.Outcome, c run.Command) *runResultBody {
	switch class {
	case run.Exited:
		return ended(o, c)
	case run.NeverStarted:
		body := &runResultBody{Outcome: "not started"}
		body.Verdict, body.Reason = steps.Fail, "never started: the session ended before it"
		return body
	case run.StillRunning, run.Unknown:
	}
	return nil
}

// cancel asks a running step to end; a second time, at once.
func (s *Session) cancel(id string) error {
	s.mu.Lock()
	a := s.active[id]
	s.mu.Unlock()
	switch {
	case a == nil:
		return fmt.Errorf("%s does not run in this session: %w", id, ErrNotNow)
	case a.process != nil:
		a.process.Cancel()
	default:
		a.stop()
	}
	return nil
}

// Output is the redacted output of the last attempt of a step's command: the
// only file of it that is read.
func (r *Run) Output(s *book.Step) string {
	return filepath.Join(r.Files(s.ID, max(1, r.Step(s).Attempt)), "out.red")
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

func intList(codes []int) string {
	words := make([]string, len(codes))
	for i, c := range codes {
		words[i] = strconv.Itoa(c)
	}
	return strings.Join(words, " or ")
}
