package runbook

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"runbook/runbook/book"
	"runbook/steps"
	"runbook/steps/check"
)

// backends are the pids, by step, of what a cancel would end.
func (s *Session) backends(r *Run) map[string][]int {
	found := map[string][]int{}
	for id, c := range s.company {
		st := r.Steps[id]
		if st == nil || st.Attempt != c.attempt || st.State != Running && !st.State.Open() {
			continue
		}
		for _, server := range c.servers() {
			for _, b := range server.Activity.Backends {
				if b.Cancellable() {
					found[id] = append(found[id], b.PID)
				}
			}
		}
	}
	return found
}

// How long a cancelled session is watched for its end, and how often.
const (
	cancelWithin = 5 * time.Second
	cancelPace   = 100 * time.Millisecond
)

// cancelBackend asks PostgreSQL to cancel what a session of a command does.
// The log has a note before it is asked, and one of what came of it.
func (s *Session) cancelBackend(ctx context.Context, i Intent) error {
	s.mu.Lock()
	c := s.company[i.Step]
	s.mu.Unlock()
	pid, err := strconv.Atoi(i.Text)
	if err != nil || c == nil {
		return fmt.Errorf("%s wants the pid of a session of %s: %w", CancelBackend, i.Step, ErrNotNow)
	}
	note := func(format string, args ...any) error {
		return s.record(ctx, kindNote, &noteBody{Step: i.Step, Text: fmt.Sprintf(format, args...)})
	}
	if err := note("asking PostgreSQL to cancel pid %d, if it is of %q", pid, c.app); err != nil {
		return err
	}
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), cancelWithin+secretLimit) // what was begun is told
	defer stop()
	where, err := s.sendCancel(ctx, c, pid)
	switch {
	case err != nil:
		err = fmt.Errorf("pid %d was not cancelled: %w", pid, err)
		return errors.Join(err, note("%s", err))
	case where == "":
		return note("pid %d was not cancelled: it is no session of %q any more", pid, c.app)
	case s.endsWorking(ctx, c, pid):
		return note("pid %d at %s was cancelled, and works no longer", pid, where)
	}
	return note("pid %d at %s was sent a cancel, and still works %s later", pid, where, steps.Duration(cancelWithin))
}

// sendCancel goes through every door at which the session was seen: one role
// may be allowed what another is not. where is empty if it is gone.
func (s *Session) sendCancel(ctx context.Context, c *companion, pid int) (where string, err error) {
	for _, d := range c.doors {
		d.mu.Lock()
		seen := d.server
		d.mu.Unlock()
		if !seen.has(pid) {
			continue
		}
		sent, cancelErr := s.cancelAt(ctx, c, d, pid)
		if sent {
			return seen.Where, nil
		}
		err = errors.Join(err, cancelErr)
	}
	return "", err
}

func (s *Session) cancelAt(ctx context.Context, c *companion, d *door, pid int) (sent bool, err error) {
	d.asking.Lock()
	defer d.asking.Unlock()
	defer d.shut()
	if d.database == nil {
		secret, err := c.world.Secret(ctx, d.secret)
		if err != nil {
			return false, err
		}
		d.database, _ = check.NewDatabase(d.secret, secret, c.world) // it was one when the session was seen
	}
	return d.database.CancelBackend(ctx, c.app, pid)
}

// endsWorking looks until a session is gone or idle.
func (s *Session) endsWorking(ctx context.Context, c *companion, pid int) bool {
	ctx, stop := context.WithTimeout(ctx, cancelWithin)
	defer stop()
	for works := true; works; {
		works = false
		for _, d := range c.doors {
			seen, _ := s.askAt(ctx, c, d)
			works = works || seen.Unknown != "" || slices.ContainsFunc(seen.Activity.Backends, func(b check.Backend) bool { return b.PID == pid && b.Works() })
		}
		if works && pause(ctx, cancelPace) != nil {
			return false
		}
	}
	return true
}

// settledBy lets the sessions of a command have their say in what its verify
// saw: while one of them works, how far the command came is not decided.
func (s *Session) settledBy(ctx context.Context, step *book.Step, result steps.Result) steps.Result {
	for _, server := range s.LiveNow(ctx, step.ID).Servers {
		if server.Unknown != "" {
			result.Saw("its sessions", "not seen: "+server.Unknown, "", "")
		}
		for _, b := range server.Activity.Backends {
			if !b.Works() {
				continue
			}
			doing := fmt.Sprintf("pid %d at %s, %s for %s", b.PID, server.Where, cmp.Or(b.State, "in a state we may not see"), b.InState.Round(time.Second))
			result.Saw("still running", doing, "none", "")
			if result.Verdict != steps.Unknown {
				result.Decide(steps.Unknown, "still running: %s", doing)
			}
		}
	}
	return result
}
