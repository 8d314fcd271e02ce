package steps

import (
	"context"
	"crypto/x509"
	"net"
	"os/exec"
	"time"
)

// World is all that a step sees of the outside. What differs between
// production and practice is this one value; the steps are the same.
type World struct {
	Name     string         // the target's name
	Practice *Practice      // nil on every real target
	Clock    Clock          // the clock of waits: slots, reviews, time-outs of people
	Roots    *x509.CertPool // trusted for TLS; nil is the system's
	Env      []string       // KEY=VALUE of a command: built, never inherited
	Dir      string         // where commands run and relative files lie

	// Host is where commands run, one that Carry knows; here if it is empty.
	Host string

	// Carry has a host execute argv with the variables of env. Nil where there
	// are no hosts.
	Carry func(ctx context.Context, host string, argv, env []string) (*Carried, error)

	// Dial opens every connection a step makes.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)

	// Vars reads an environment that is not ours: source "service" is the
	// target's [service] env_from, "file:PATH" a dotenv file. Values may be
	// secrets; whoever prints one is wrong. The error may be a *PartialEnv.
	Vars func(ctx context.Context, source string) (map[string]string, error)

	// Origins tells where each variable of such an environment comes from. The
	// error may be a *PartialEnv.
	Origins func(ctx context.Context, source string) (map[string]Origin, error)

	// Secret resolves a secret var of the book by its name, each time anew.
	// The error wraps ErrSecret and says which and why, without the value.
	Secret func(ctx context.Context, name string) (Secret, error)
}

// Carried is a command on a host. Cmd is the process of here; on stdout and on
// stderr the command's own output begins behind Sign. Without it the host has
// not executed the command, and 255 is no code of the command's.
type Carried struct {
	Cmd  *exec.Cmd
	Sign string
}

// Clock tells the time of waits. Wait returns when Now has reached t, or with
// the context's error.
type Clock interface {
	Now() time.Time
	Wait(ctx context.Context, t time.Time) error
}

// Practice is what only a live practice world hands out: it is held, not
// named, so no target can claim it. Rehearsal and fast time need it.
type Practice struct {
	ID string // of this world; in run.start, so that a run never meets another world

	// Alive answers nil if the world still lives. A dead world refuses.
	Alive func(ctx context.Context) error

	// Jump moves the world's clock of waits forward to t.
	Jump func(ctx context.Context, t time.Time) error
}

// SystemClock is the clock of every real target.
type SystemClock struct{}

// Now is the wall clock.
func (SystemClock) Now() time.Time { return time.Now() }

// Wait waits for the wall clock.
func (SystemClock) Wait(ctx context.Context, t time.Time) error {
	timer := time.NewTimer(time.Until(t))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
