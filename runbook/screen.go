package runbook

import (
	"context"
	"fmt"

	"runbook/runbook/book"
	"runbook/steps/supervise"
)

// Interactive reports whether a step's command talks with the operator.
func Interactive(step *book.Step) bool {
	v, ok := step.Verb.(book.Run)
	return ok && v.Command != nil && v.Command.Interactive
}

// Sized says how large the driver's terminal is, in rows and columns, whenever a
// command gets one of its own; zero where there is none. It is set before the
// session is driven.
func (s *Session) Sized(size func() (rows, cols uint16)) { s.size = size }

// Screen attaches to the terminal of an interactive command that runs, until
// the session no longer drives: then somebody else types there.
func (s *Session) Screen(step string) (*supervise.Screen, error) {
	if reads := s.Reads(); reads != nil {
		return nil, reads
	}
	s.mu.Lock()
	a := s.active[step]
	s.mu.Unlock()
	if a == nil || a.process == nil {
		return nil, fmt.Errorf("%s does not run in this session: %w", step, ErrNotNow)
	}
	screen, err := a.process.Screen()
	if err == nil {
		context.AfterFunc(s.driving, func() { _ = screen.Close() }) // what it is for has ended
	}
	return screen, err
}
