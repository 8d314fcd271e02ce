package runbook

import (
	"context"
	"slices"
	"sync"
	"time"

	"runbook/runbook/book"
	"runbook/steps"
	"runbook/steps/check"
	"runbook/steps/supervise"
)

// Live is what is known of a command beside its output: while it runs, and
// while it is not known what became of it. All of it was looked at without
// touching the command; its text is safe to show. A Live belongs to the caller.
type Live struct {
	Step    string // empty: nothing is known
	Attempt int
	App     string    // what PostgreSQL calls its sessions
	Running bool      // else it has ended, and its sessions may not have
	During  []Beside  // its during checks, in the book's order, while it runs
	Servers []Server  // the databases that its secrets lead to
	Usual   Usual     // how long it takes when all goes well
	Output  time.Time // its last, or its beginning; zero if that can't be told
	Silent  bool      // it has printed nothing for longer than it should

	// Process is what its directory tells: who is stopped, whether anybody is
	// left to see its end. Its Source is empty before the first look.
	Process supervise.Status
}

// Beside is the newest look of a during check. Before the first one Result is
// zero: unknown, and without a beginning.
type Beside struct {
	Step   string
	Result steps.Result
}

// The pace of looking. A look that takes long, or finds nobody, is made less
// often: what is watched must not feel it.
const (
	livePace    = 1500 * time.Millisecond
	liveRest    = 4 // times as long as a look took is the pause after it
	quietPace   = 5 * time.Second
	duringLimit = 5 * time.Second // of a check that has a longer limit of its own
)

// companion looks at one attempt of a command until nothing is left to see.
type companion struct {
	step    *book.Step
	attempt int
	app     string
	world   *steps.World // hands out each secret once
	stop    context.CancelFunc
	doors   []*door

	mu      sync.Mutex
	during  []Beside
	waited  check.Backend // when it had waited longest for a lock
	usual   Usual
	output  time.Time
	process supervise.Status
	pause   time.Duration // the longest between two outputs
	printed bool          // anything at all
}

// accompany begins to look at a command that runs, or whose end is open. It
// ends by itself, at the latest with the session.
func (s *Session) accompany(step *book.Step, attempt int) *companion {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.company[step.ID]
	if old != nil && old.attempt == attempt {
		return old
	}
	v, ok := step.Verb.(book.Run)
	if !ok || v.Command == nil || attempt == 0 || s.follower != nil || s.driving.Err() != nil {
		return nil
	}
	if old != nil {
		old.stop()
	}
	ctx, stop := context.WithCancel(s.driving)
	c := &companion{step: step, attempt: attempt, app: s.run.appName(step.ID, attempt), world: asksOnce(s.world), stop: stop}
	for _, name := range v.Command.Secrets {
		c.doors = append(c.doors, &door{secret: name})
	}
	for _, id := range step.During {
		c.during = append(c.during, Beside{Step: id})
	}
	s.company[step.ID] = c
	vars := s.run.clone().Vars
	s.looks.Go(func() { s.listen(ctx, c) })
	for k := range c.during {
		s.looks.Go(func() { s.keepLooking(ctx, c, k, vars) })
	}
	for _, d := range c.doors {
		s.looks.Go(func() { s.keepAsking(ctx, c, d) })
	}
	return c
}

// stage is how far a companion's command has come: it runs, its end is open,
// or there is nothing more to see.
func (s *Session) stage(c *companion) (running, open bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, st := s.active[c.step.ID], s.run.Steps[c.step.ID]
	if s.company[c.step.ID] != c || st == nil || st.Attempt != c.attempt {
		return false, false
	}
	return a != nil, a == nil && st.State.Open()
}

func (s *Session) runs(c *companion) bool {
	running, _ := s.stage(c)
	return running
}

// Live is what is known of a command of this run now. It does not wait.
func (s *Session) Live(step string) Live {
	s.mu.Lock()
	c := s.company[step]
	s.mu.Unlock()
	if c == nil {
		return Live{}
	}
	running, open := s.stage(c)
	if !running && !open {
		return Live{}
	}
	l := Live{Step: step, Attempt: c.attempt, App: c.app, Running: running, Servers: c.servers()}
	if running {
		l.Silent = c.silent(time.Now())
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	l.Usual, l.Output, l.Process = c.usual, c.output, c.process
	if running {
		l.During = slices.Clone(c.during)
	}
	return l
}
