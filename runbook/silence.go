package runbook

import (
	"context"
	"time"

	"runbook/steps/supervise"
)

// listen reads how long the command usually takes, and listens for its output.
func (s *Session) listen(ctx context.Context, c *companion) {
	usual := s.Usual(c.step.ID)
	c.mu.Lock()
	c.usual = usual
	c.mu.Unlock()
	for s.runs(c) {
		was := c.silent(time.Now())
		c.hear(s.began(c), s.LastOutput(c.step.ID))
		if c.looked(s.process(c)) || c.silent(time.Now()) != was {
			s.signal()
		}
		if pause(ctx, time.Second) != nil {
			return
		}
	}
}

// process is what the directory of the command tells.
func (s *Session) process(c *companion) supervise.Status {
	s.mu.Lock()
	a := s.active[c.step.ID]
	s.mu.Unlock()
	if a == nil || a.process == nil {
		return supervise.Status{}
	}
	return a.process.Status()
}

// looked takes that in, and reports whether an operator should see it anew.
func (c *companion) looked(now supervise.Status) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	moved := c.process.Class != now.Class || c.process.Stopped != now.Stopped || (c.process.Lost > 0) != (now.Lost > 0)
	c.process = now
	return moved
}

func (s *Session) began(c *companion) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.active[c.step.ID]; a != nil {
		return a.began
	}
	return time.Time{}
}

// hear takes in when a command that began then last printed something.
func (c *companion) hear(began, last time.Time) {
	if began.IsZero() || last.IsZero() {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.printed && last.After(c.output) {
		c.pause = max(c.pause, last.Sub(c.output))
	}
	c.output, c.printed = last, last.After(began)
}

// silenceFloor is how long every command may print nothing.
const silenceFloor = time.Minute

// silent reports whether the command has printed nothing for longer than it
// should: a minute; or three times its longest pause so far; or, of one that
// has not printed at all, as long as it usually takes.
func (c *companion) silent(now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.output.IsZero() {
		return false
	}
	limit := max(silenceFloor, 3*c.pause)
	if !c.printed {
		limit = max(silenceFloor, c.usual.Median)
	}
	return now.Sub(c.output) > limit
}
