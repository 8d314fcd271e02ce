package runbook

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"runbook/runbook/book"
	"runbook/runbook/durable"
	"runbook/steps"
	"runbook/steps/run"
	"runbook/steps/supervise"
)

// fleet is one attempt of a command on its hosts, while this session sees to
// it. Each host has an ssh under a supervisor of its own; what happens to
// those, and to the connections, the commands on the hosts survive.
type fleet struct {
	s       *Session
	step    *book.Step
	verb    book.Run
	attempt int
	hide    []steps.Secret
	blind   bool // the secrets are not known: no output is asked for

	mu        sync.Mutex // locked under the session's, and never the other way round
	cancelled bool
	legs      map[string]*leg
}

// leg is a fleet's command on one host.
type leg struct {
	run.Remote
	key     string
	process *supervise.Process // the ssh that started it
	asking  bool               // that has ended, and the host is asked what became of it
	over    bool               // that has brought the host's word itself: nothing of it is on the way

	againPath string // the output of that, while it arrives
}

// commandOnHosts starts a command on hosts and waits for its end there.
// starting ends when its end is asked for before it began.
func (s *Session) commandOnHosts(ctx, starting context.Context, step *book.Step, v book.Run, order Order, r *Run) error {
	f := s.newFleet(step, v, r.Step(step).Attempt+1, order.Secrets)
	ended := f.run(time.Now(), func() error { return f.startAll(order) })
	if starting.Err() != nil {
		_ = f.cancel() // nothing runs yet
	}
	s.looks.Done() // from here on it is no look, and outlives us
	return orLeave(ctx, ended)
}

func (s *Session) newFleet(step *book.Step, v book.Run, attempt int, hide []steps.Secret) *fleet {
	return &fleet{s: s, step: step, verb: v, attempt: attempt, hide: hide, legs: map[string]*leg{}}
}

// run shows the step as running while the fleet works. That is no look, and
// the session's end waits for none of it.
func (f *fleet) run(began time.Time, work func() error) <-chan error {
	f.s.mu.Lock()
	f.s.active[f.step.ID] = &active{began: began, hosts: f}
	f.s.mu.Unlock()
	f.s.signal()
	ended := make(chan error, 1)
	go func() {
		err := work()
		f.s.mu.Lock()
		delete(f.s.active, f.step.ID)
		f.s.mu.Unlock()
		f.s.signal()
		ended <- err
	}()
	return ended
}

// orLeave waits for the end of something, or leaves it alone.
func orLeave(ctx context.Context, ended <-chan error) error {
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// startAll starts it on every host at once, or in order, to the first where it
// does not pass.
func (f *fleet) startAll(order Order) error {
	var all errgroup.Group
	for _, remote := range order.Hosts {
		if order.Parallel {
			all.Go(func() error { return f.start(remote) })
			continue
		}
		if err := f.start(remote); err != nil || !f.passed(remote.Host.Name) {
			return err
		}
	}
	return all.Wait()
}

func (f *fleet) passed(host string) bool {
	f.s.mu.Lock()
	defer f.s.mu.Unlock()
	st := f.s.run.Steps[f.step.ID]
	return st != nil && st.host(host) != nil && st.host(host).State == Passed
}

// start is one host: intent, ssh, result.
func (f *fleet) start(remote run.Remote) error {
	l := f.leg(remote)
	nonce, proof := run.NewNonce()
	o := remote.Order(run.Start, l.key, nonce)
	r := f.s.State()
	o.Files, o.Shared, o.Secrets = r.filesOn(f.step.ID, f.attempt, remote.Host.Name), durable.Shared(r.Dir), f.hide
	o.Recovery = r.Plan != ""
	sealed, err := supervise.Seal(o)
	if err != nil {
		return fmt.Errorf("%s was not started on %s: %w", f.step.ID, remote.Host.Name, err)
	}
	defer func() { _ = sealed.Close() }() // memory: nothing to lose
	began, err := f.launch(l, r, sealed, &runIntentBody{
		Step: f.step.ID, Attempt: f.attempt, Kind: f.verb.Kind, Host: remote.Host.Name, Proof: proof,
		Argv: remote.Argv, Dir: remote.Host.Dir, Env: names(append([]string{"PATH", "HOME", "USER"}, remote.Env...)),
		Program: o.Path, ProgramSHA: o.ProgramSHA, Via: o.Argv, Order: sealed.Commitment, VerdictKey: sealed.Key,
	})
	switch {
	case !began:
		return err
	case err != nil:
		return f.record(l, unforked(err, sealed.Files))
	}
	f.s.accompany(f.step, f.attempt)
	return f.see(l)
}

// launch makes the intent durable and starts the ssh. began is false where
// there is not even an intent.
func (f *fleet) launch(l *leg, r *Run, sealed *supervise.Sealed, intent *runIntentBody) (began bool, err error) {
	f.s.starting.RLock()
	defer f.s.starting.RUnlock()
	f.mu.Lock()
	cancelled := f.cancelled
	f.mu.Unlock()
	if cancelled {
		return false, nil
	}
	if err := f.s.record(context.Background(), kindRunIntent, intent); err != nil {
		return false, err
	}
	process, err := f.s.fork(sealed, r)
	if err != nil {
		return true, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	l.process = process
	if f.cancelled {
		_ = process.Cancel() // asked while it was being started; who asks again is told
	}
	return true, nil
}

func notStarted(why string) *runResultBody {
	body := &runResultBody{Outcome: "not started"}
	body.Verdict, body.Reason = steps.Fail, "not started: "+why
	return body
}

// leg is the host's, made if there is none.
func (f *fleet) leg(remote run.Remote) *leg {
	f.mu.Lock()
	defer f.mu.Unlock()
	l := f.legs[remote.Host.Name]
	if l == nil {
		key := fmt.Sprintf("%s-%s-%d-%s", f.s.run.ID, f.step.ID, f.attempt, remote.Host.Name)
		l = &leg{Remote: remote, key: key}
		f.legs[remote.Host.Name] = l
	}
	return l
}

// record writes a host's result down, and lets the host forget.
func (f *fleet) record(l *leg, body *runResultBody) error {
	body.Step, body.Attempt, body.Host = f.step.ID, f.attempt, l.Host.Name
	err := f.s.record(context.Background(), kindRunResult, body)
	if err != nil || body.Verdict == steps.Unknown || body.Exit == nil && !l.over {
		return err // whoever asks again must find there what became of it, also that it never was
	}
	f.s.looks.Go(func() {
		ctx, stop := context.WithTimeout(f.s.driving, forgetLimit)
		defer stop()
		_, _ = l.Ask(ctx, run.Forget, l.key) // what stays there, in a directory of its account's own, harms nobody
	})
	return nil
}

// forgetLimit is how long a host may take to forget; nothing waits for it but
// the end of the session.
const forgetLimit = 10 * time.Second

// cancel ends the command on every host, and starts it on no further one; a
// second time the next signal goes at once.
func (f *fleet) cancel() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cancelled = true
	var errs []error
	for _, l := range f.legs {
		switch {
		case l.asking:
			f.s.looks.Go(func() { _, _ = l.Ask(f.s.driving, run.Cancel, l.key) }) // what comes of it the host tells who asks it
		case l.process != nil:
			errs = append(errs, l.process.Cancel())
		}
	}
	return errors.Join(errs...)
}

// overlay shows where the command goes on.
func (f *fleet) overlay(st *StepState) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range st.Hosts {
		h := &st.Hosts[i]
		if l := f.legs[h.Host]; l != nil && h.Attempt == f.attempt && !h.over() {
			h.State, h.Lost = Running, l.asking
		}
	}
}

// lastOutput is when any of its hosts last printed something.
func (f *fleet) lastOutput() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	var last time.Time
	for _, l := range f.legs {
		at := time.Time{}
		switch {
		case l.asking:
			at = lastWritten(l.againPath)
		case l.process != nil:
			at = l.process.LastOutput()
		}
		if at.After(last) {
			last = at
		}
	}
	return last
}
