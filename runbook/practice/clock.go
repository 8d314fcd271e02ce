package practice

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// offsetClock is the world's clock of waits: the wall clock, and how far it
// was moved forward. The zero value shows wall time.
type offsetClock struct {
	mu     sync.Mutex
	ahead  time.Duration
	jumped chan struct{} // closed at the next jump
}

func (c *offsetClock) offset() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ahead
}

// jump moves the clock forward to t; a time that has passed changes nothing.
func (c *offsetClock) jump(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if ahead := time.Until(t); ahead > c.ahead {
		if ahead > 10*365*24*time.Hour {
			return fmt.Errorf("jump to %s: that is over ten years ahead", t.UTC().Format(time.RFC3339))
		}
		c.ahead = ahead
		if c.jumped != nil {
			close(c.jumped)
			c.jumped = nil
		}
	}
	return nil
}

func (c *offsetClock) wait(ctx context.Context, t time.Time) error {
	for {
		c.mu.Lock()
		if c.jumped == nil {
			c.jumped = make(chan struct{})
		}
		jumped, left := c.jumped, time.Until(t)-c.ahead
		c.mu.Unlock()
		if left <= 0 {
			return nil
		}
		timer := time.NewTimer(left)
		select {
		case <-timer.C:
		case <-jumped:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
		timer.Stop()
	}
}

// worldClock is the same clock seen from a command.
type worldClock struct{ w *World }

// Now is the world's time; what another command has jumped meanwhile is seen
// after the next request to the world.
func (c worldClock) Now() time.Time {
	return time.Now().Add(c.w.info.Load().Ahead)
}

// Wait returns when the world's clock has reached t; a jump by any command
// ends it early, a world that ends is ErrDead.
func (c worldClock) Wait(ctx context.Context, t time.Time) error {
	_, err := c.w.ask(ctx, request{Op: "wait", Time: t})
	return err
}
