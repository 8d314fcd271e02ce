package runbook

import (
	"context"
	"errors"
	"fmt"

	"runbook/runbook/book"
	"runbook/runbook/journal"
	"runbook/steps"
	"runbook/steps/supervise"
)

// errRehearseReal keeps made-up answers in the practice world.
var errRehearseReal = errors.New("only a live practice world can be rehearsed")

// Resume goes on with a run from its own copy of book and target. world must
// be of that target, and of that very practice world. A run that can't be gone
// on with is refused before anything is written.
func Resume(ctx context.Context, dir string, world *steps.World, o journal.Options, rehearse bool) (*Session, error) {
	if rehearse && world.Practice == nil {
		return nil, errRehearseReal
	}
	if err := Owned(dir); err != nil {
		return nil, err
	}
	b, t, err := ReadCopies(dir)
	if err != nil {
		return nil, err
	}
	entries, err := journal.Read(dir)
	if err != nil && !errors.Is(err, journal.ErrTorn) {
		return nil, err
	}
	if err := resumable(dir, b, t, world, entries); err != nil {
		return nil, err
	}
	o.World = worldKind(world)
	log, _, err := journal.Open(dir, o)
	if err != nil {
		return nil, err
	}
	s, err := taken(ctx, dir, b, t, world, log, o.Signers)
	if err != nil {
		return nil, errors.Join(err, log.Close())
	}
	s.rehearse, s.identity, s.noIdentity = rehearse, o.Identity, o.NoIdentity
	go s.attend()
	return s, nil
}

// taken makes the session of a log that this process holds now: what was
// written until it was taken counts.
func taken(ctx context.Context, dir string, b *book.Book, t *book.Target, world *steps.World, log *journal.Log, who journal.Signers) (*Session, error) {
	r, err := foldHeld(dir, b, t, world, who)
	if err != nil {
		return nil, err
	}
	s := newSession(b, t, world, log, r)
	_ = s.commitSlots(ctx) // where they belong in the log; a full disk stops no recovery here
	if err := s.settleCommands(ctx); err != nil {
		return nil, err
	}
	if err := s.choose(ctx); err != nil { // a session that died may not have come to it
		return nil, err
	}
	s.lookAfter()
	return s, nil
}

// resumable holds the run's copies against the hashes of its first entry, its
// world against the one that is given, and its kinds against those we know.
func resumable(dir string, b *book.Book, t *book.Target, w *steps.World, entries []journal.Entry) error {
	r, err := Fold(b, dir, entries)
	if err != nil {
		return err
	}
	if r.World != practiceID(w) {
		return ErrWorldGone
	}
	for _, e := range entries {
		if e.Kind != kindRunStart {
			continue
		}
		start, err := decode[runStartBody](e)
		if err != nil || start.BookSHA != b.SHA256 || start.TargetSHA != t.SHA256 {
			return fmt.Errorf("book.toml or target.toml in %s is not what this run began with: it executes only those bytes", dir)
		}
		return nil
	}
	return errNeverBegan(dir)
}

func errNeverBegan(dir string) error {
	return fmt.Errorf("the log in %s holds no run.start: this run never began, start another", dir)
}

// settleCommands takes up what commands of an earlier session left behind:
// one that still runs is shown so; where a directory knows more than the log,
// the log learns it; of one that ended unseen the output is kept.
func (s *Session) settleCommands(ctx context.Context) error {
	s.mu.Lock()
	r := s.run.clone()
	s.mu.Unlock()
	for id, st := range r.Steps {
		step := s.book.Step(id)
		if step == nil || st.Attempt == 0 {
			continue
		}
		v, ok := step.Verb.(book.Run)
		if !ok || v.Command == nil {
			continue // what a probe touched before its session died is not known
		}
		if len(step.On) > 0 {
			if st.asksHosts() && st.unseen() {
				s.takeUpHosts(ctx, step, v, *st, askAgain)
			}
			continue
		}
		files := r.Files(id, st.Attempt)
		status := found(step, files, st.verdictKey)
		if status.Class.Alive() || status.Err != nil {
			s.adopt(step, files, v, *st)
			continue
		}
		if status.Class == supervise.Exited {
			supervise.Tidy(files)
		} else {
			s.salvage(ctx, step, files)
		}
		if st.State != Unknown || st.Result != nil || st.Who != "" {
			continue // it is settled
		}
		body := endingOf(*st, status, *v.Command)
		body.Step, body.Attempt = id, st.Attempt
		if err := s.record(ctx, kindRunResult, body); err != nil {
			return err
		}
	}
	return nil
}

// found is what the directory of a command tells. What was never started is
// withdrawn first: a recorder may hold the order still.
func found(step *book.Step, files, key string) supervise.Status {
	status := supervise.Classify(files, key)
	if status.Class != supervise.NeverStarted || status.Err != nil {
		return status
	}
	switch won, err := supervise.Withdraw(files); {
	case !won:
		status = supervise.Classify(files, key)
		status.Err = errors.Join(status.Err, err)
	case step.Plan != "": // a recovery may have had it elsewhere, on a full disk, and that is gone
		status.Class, status.Source = supervise.Unknown, "no sign of it where it should be"
	}
	return status
}

// adopt takes up a command that an earlier session started and that goes on.
func (s *Session) adopt(step *book.Step, files string, v book.Run, st StepState) {
	process := supervise.Attach(files, st.verdictKey)
	s.mu.Lock()
	s.active[step.ID] = &active{began: st.At, process: process}
	s.mu.Unlock()
	go func() {
		if st.State == Unknown {
			_ = s.finish(process, step, v, st.Attempt) // unknown it stays, and the next session tries again
			return
		}
		if process.End().Class == supervise.Unknown {
			s.salvage(context.Background(), step, files)
		}
		s.mu.Lock()
		delete(s.active, step.ID)
		s.mu.Unlock()
		s.signal()
	}()
}

// salvage redacts what a dead session left of a command's output. A secret
// that can't be had keeps the output withheld: nobody opens it raw.
func (s *Session) salvage(ctx context.Context, step *book.Step, files string) {
	if s.Reads() != nil {
		return // whoever drives does it
	}
	if hide, missing := s.hidden(ctx, step); !missing {
		_ = supervise.Salvage(files, hide) // what stays raw stays withheld
	}
}

// hidden are the secrets that a step's output must not show. missing says
// that one can't be had.
func (s *Session) hidden(ctx context.Context, step *book.Step) (hide []steps.Secret, missing bool) {
	s.mu.Lock()
	vars := s.run.clone().Vars
	s.mu.Unlock()
	verb, err := s.book.Bind(step, vars)
	if err != nil {
		return nil, true
	}
	for name, v := range s.book.Vars {
		if _, err := s.world.Secret(ctx, name); v.Secret && err != nil {
			return nil, true
		}
	}
	_, hide, err = environ(ctx, s.book, verb, vars, s.world)
	return hide, err != nil
}
