package runbook

import (
	"context"
	"sync"

	"runbook/steps"
)

// keepLooking repeats one during check while the command runs.
func (s *Session) keepLooking(ctx context.Context, c *companion, k int, vars map[string]string) {
	for s.runs(c) {
		result := s.lookBeside(ctx, c, c.during[k].Step, vars)
		c.mu.Lock()
		c.during[k].Result = result
		c.mu.Unlock()
		s.signal()
		if pause(ctx, max(livePace, liveRest*result.Took)) != nil {
			return
		}
	}
}

// lookBeside executes a during check. A book names only checks there, which
// touch nothing.
func (s *Session) lookBeside(ctx context.Context, c *companion, id string, vars map[string]string) steps.Result {
	ctx, stop := context.WithTimeout(ctx, duringLimit)
	defer stop()
	return Look(ctx, s.book, s.book.Step(id), vars, c.world)
}

// asksOnce is a world that asks for each secret once: what is looked at every
// second must not bother a vault every second.
func asksOnce(w *steps.World) *steps.World {
	var mu sync.Mutex
	kept := map[string]steps.Secret{}
	in := *w
	in.Secret = func(ctx context.Context, name string) (steps.Secret, error) {
		mu.Lock()
		defer mu.Unlock()
		if secret, ok := kept[name]; ok {
			return secret, nil
		}
		secret, err := w.Secret(ctx, name)
		if err == nil {
			kept[name] = secret
		}
		return secret, err
	}
	return &in
}
