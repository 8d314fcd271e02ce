// Package tui is the full-screen program: it draws the state of a session and
// turns keys into intents. It owns nothing: whatever becomes of the screen, the
// session and its commands go on.
package tui

import (
	"context"
	"errors"
	"os"
	"time"

	"runbook/runbook"
)

// Options is what the program needs of its caller.
type Options struct {
	In, Out *os.File
	Env     []string                                   // TERM, NO_COLOR and such
	Now     func() time.Time                           // time.Now if nil
	Head    func() (uint64, string)                    // number and code of the log's last entry
	Report  func(dir string, n uint64) ([]byte, error) // of a run up to entry n, as a sign-off names it
	Start   []string                                   // lines of the start screen, safe to show; none begins at once

	// Watchdog is this program, which calls Watchdog first: it gives the terminal
	// back if the screen is killed. Empty for none.
	Watchdog string

	Rollback bool     // open on the ways back; nothing acts or looks before one is begun, or left
	Plan     string   // of those the one whose page is opened, if Rollback is set
	Undoes   []string // what a rollback takes back, safe to show
}

// ErrStuck says that the terminal took nothing any more: it was given back
// without the program's help.
var ErrStuck = errors.New("the terminal took nothing for 3 s: it was given back as it was found")

// closeWait is how long intents on their way are waited for after the screen
// is gone.
const closeWait = time.Second

// Run drives one session until the operator leaves it, the run ends, ctx is
// done, or SIGINT, SIGTERM or SIGHUP comes; all these are nil. The terminal is
// restored whatever happens. Commands go on; the caller closes the session.
func Run(ctx context.Context, s *runbook.Session, o Options) error {
	if o.Now == nil {
		o.Now = time.Now
	}
	deeds, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	m := newModel(deeds, s, o)
	err := drive(ctx, o, m)
	stop()
	settled := make(chan struct{})
	go func() { m.deedsDone.Wait(); close(settled) }()
	select {
	case <-settled:
	case <-time.After(closeWait): // a disk that hangs does not keep the operator
	}
	return err
}
