package runbook

import (
	"fmt"

	"runbook/runbook/book"
	"runbook/steps/supervise"
)

// Interactive reports whether a step's command talks with the operator.
func Interactive(step *book.Step) bool {
	v, ok := step.Verb.(book.Run)
	return ok && v.Command != nil && v.Command.Interactive
}

// Screen attaches to the terminal of an interactive command that runs.
func (s *Session) Screen(step string) (*supervise.Screen, error) {
	s.mu.Lock()
	a := s.active[step]
	s.mu.Unlock()
	if a == nil || a.process == nil {
		return nil, fmt.Errorf("%s does not run in this session: %w", step, ErrNotNow)
	}
	return a.process.Screen()
}
