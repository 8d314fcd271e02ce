package runbook

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"runbook/runbook/durable"
	"runbook/runbook/journal"
	"runbook/steps/safetext"
)

const (
	// patience is how long a driver may take to answer a request.
	patience = 3 * time.Second
	// letGo is how long the lock of a driver that was ended is waited for.
	letGo = 5 * time.Second
	// takePace is how often the lock is looked at meanwhile.
	takePace = 20 * time.Millisecond
)

// Driver is who drives the run in dir, as the lock says; false if nobody does,
// or nobody who says so.
func Driver(dir string) (durable.Holder, bool) {
	path := filepath.Join(dir, "lock")
	if held, err := durable.Locked(path); err != nil || !held {
		return durable.Holder{}, false
	}
	h, err := durable.HolderOf(path)
	return h, err == nil
}

// Taker is who takes a run over.
type Taker struct {
	Claims map[string]string      // who they believe to be
	Signed journal.SignedHandOver // proves it; empty where nobody signs
	From   *durable.Process       // the driver they have agreed to relieve, and no other; nil for whoever drives
}

// TakeOver has the driver of the run in dir let go of it: it is asked, and
// reads along from then on. One that does not answer in 3 s, since it was
// stopped or hangs, is ended; nothing of it can be written after that, and the
// commands it started go on. The answer says in words what
// was done, and is empty if nobody drove. Whoever comes first to Resume drives
// then; journal.ErrBusy says that somebody has come first already.
func TakeOver(ctx context.Context, dir string, by Taker) (string, error) {
	return takeOver(ctx, dir, by, patience)
}

func takeOver(ctx context.Context, dir string, by Taker, patience time.Duration) (string, error) {
	t := taking{dir: dir, lock: filepath.Join(dir, "lock")}
	var err error
	if t.from, err = t.holder(ctx); err != nil || t.from == nil {
		return "", err
	}
	if by.From != nil && t.from.Process != *by.From {
		return "", fmt.Errorf("%w: %s came first", journal.ErrBusy, safetext.Line(t.from.Who))
	}
	t.ask = request{From: t.from.Process, By: durable.Self(), Claims: by.Claims, Asked: time.Now().UTC(), SignedHandOver: by.Signed}
	refused := t.ask.publish(dir)
	defer t.ask.withdraw(dir)
	name := fmt.Sprintf("%s (pid %d)", safetext.Line(t.from.Who), t.from.PID)
	if refused == nil {
		gone, err := t.await(ctx, patience)
		if err != nil {
			return "", err
		}
		if gone && t.granted {
			return name + " was asked, and only reads along now", nil
		}
		if gone {
			return name + " has left", nil
		}
	}
	if err := durable.Evict(t.lock, *t.from); err != nil {
		limit := takePace
		if !t.from.Alive() { // it went while we looked, or somebody else has ended it
			limit = letGo
		}
		if gone, waitErr := t.await(ctx, limit); gone || waitErr != nil {
			return name + " has left", waitErr
		}
		return "", fmt.Errorf("%s drives and did not let go: %w", name, err)
	}
	gone, err := t.await(ctx, letGo)
	switch {
	case err != nil:
		return "", err
	case !gone:
		return "", fmt.Errorf("%s was ended (SIGKILL) and is not gone after %s: it hangs in a system call, perhaps on the disk of %s", name, letGo, dir)
	case refused != nil:
		return name + " was ended, since it could not be asked (" + safetext.Line(refused.Error()) + "); its commands go on", nil
	}
	return fmt.Sprintf("%s did not answer in %g s and was ended; its commands go on", name, patience.Seconds()), nil
}

// taking is one attempt to take a run over.
type taking struct {
	dir, lock string
	from      *durable.Holder
	ask       request
	granted   bool // the log says so
}

// holder is who drives now, nil if nobody does. One who has just taken the
// lock gets a moment to say who it is.
func (t *taking) holder(ctx context.Context) (*durable.Holder, error) {
	var h durable.Holder
	var err error
	for began := time.Now(); time.Since(began) < patience; {
		held, lockErr := durable.Locked(t.lock)
		if lockErr != nil || !held {
			return nil, lockErr
		}
		if h, err = durable.HolderOf(t.lock); err == nil && h.Alive() {
			return &h, nil
		}
		if err := pause(ctx, takePace); err != nil {
			return nil, err
		}
	}
	if err == nil {
		err = fmt.Errorf("the lock names pid %d, which is not there", h.PID)
	}
	return nil, fmt.Errorf("somebody drives, and who can't be told (`fuser %s` lists the process): %w", t.lock, err)
}

// await waits until the lock is free, at most for limit. That somebody else
// drives then, or was given the run, is journal.ErrBusy.
func (t *taking) await(ctx context.Context, limit time.Duration) (gone bool, err error) {
	for began := time.Now(); ; {
		held, err := durable.Locked(t.lock)
		if err != nil {
			return false, err
		}
		if !held {
			return true, t.lost()
		}
		if h, err := durable.HolderOf(t.lock); err == nil && h.Process != t.from.Process {
			return false, fmt.Errorf("%w: %s came first", journal.ErrBusy, safetext.Line(h.Who))
		}
		if time.Since(began) > limit {
			return false, nil
		}
		if err := pause(ctx, takePace); err != nil {
			return false, err
		}
	}
}

// lost reports whether the run was handed over, and not to us.
func (t *taking) lost() error {
	_, last, err := journal.Peek(t.dir)
	if err != nil || last.Kind != journal.KindHandover {
		return nil //nolint:nilerr // what is wrong with the log its next session says
	}
	body, err := decode[handoverBody](last)
	if t.granted = err == nil && body.Request == t.ask.ID; t.granted || err != nil {
		return nil //nolint:nilerr // as above
	}
	return fmt.Errorf("%w: %s came first", journal.ErrBusy, safetext.Line(body.To))
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
