// Package practice is a small real world to rehearse in: a directory and one
// process that runs a real PostgreSQL and a real HTTP service, and answers to
// docker, npm and their like under this binary's other names. A World is a
// capability: whoever holds one has shaken hands with the living process.
package practice

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"runbook/runbook/practice/cluster"
)

var (
	// ErrNone says that this home has no living world.
	ErrNone = errors.New("no practice world lives: start one with: runbook practice start")
	// ErrDead says that the world a command belongs to is gone. Nothing falls
	// back to the host.
	ErrDead = errors.New("the practice world is dead: start a new one with: runbook practice start")
	// ErrRefused says that a handshake failed: another user, or a wrong nonce.
	ErrRefused = errors.New("the practice world refused the handshake")
	// ErrNoPostgres says that this machine has no PostgreSQL for the world.
	ErrNoPostgres = cluster.ErrMissing
)

// World is a living practice world.
type World struct {
	home, dir string
	site      string // the application whose steps see it, a directory of dir
	info      atomic.Pointer[Status]
}

// Status is what a world says of itself.
type Status struct {
	ID         string        `json:"id"`
	Dir        string        `json:"dir"`
	PID        int           `json:"pid"`
	Since      time.Time     `json:"since"`
	Now        time.Time     `json:"now"`        // by the world's clock of waits
	Service    string        `json:"service"`    // address the service is published on, HOST:PORT
	PostgreSQL string        `json:"postgresql"` // version; empty if this machine has none
	Bin        string        `json:"bin"`        // directory of PostgreSQL's programs
	Database   string        `json:"database"`   // address of PostgreSQL, HOST:PORT
	Socket     string        `json:"socket"`     // file of its unix socket
	Open       []string      `json:"open"`       // addresses the world listens on now
	Resolver   string        `json:"resolver"`   // its name server, over TCP and UDP; empty if it has none
	Closed     []string      `json:"closed"`     // addresses it knows, and where nothing listens
	Containers []string      `json:"containers"` // running
	Broken     []string      `json:"broken"`     // parts that are broken on purpose, by name
	Ahead      time.Duration `json:"ahead"`      // how far Now is ahead of the wall clock
}

// Find returns the living world of a home. A world that died is cleaned away
// and is ErrDead once, then ErrNone.
func Find(ctx context.Context, home string) (*World, error) { return find(ctx, home, bury) }

func find(ctx context.Context, home string, bury func(home, dir string) error) (*World, error) {
	dir, err := readPointer(home)
	if err != nil {
		return nil, err
	}
	w := &World{home: home, dir: dir, site: tickrSite}
	if _, err = w.Status(ctx); err == nil {
		return w, nil
	}
	if errors.Is(err, ErrDead) {
		err = errors.Join(err, bury(home, dir))
	}
	return nil, err
}

// ID names this world; the next of the same home has another.
func (w *World) ID() string { return w.info.Load().ID }

// Dir is the directory of the world.
func (w *World) Dir() string { return w.dir }

// Status asks the world how it is. The error is ErrDead if nobody answers.
func (w *World) Status(ctx context.Context) (Status, error) {
	return w.ask(ctx, request{Op: "status"})
}

// Stop ends the world and returns when its process, ports and files are gone.
func (w *World) Stop(ctx context.Context) error {
	alive, err := os.Open(filepath.Join(w.dir, "alive"))
	if errors.Is(err, os.ErrNotExist) {
		return nil // it has ended already
	}
	if err != nil {
		return fmt.Errorf("stop the practice world: %w", err)
	}
	defer alive.Close()        //nolint:errcheck // closing unlocks
	status, _ := w.Status(ctx) // a dead one has no process to wait for
	if _, err := w.ask(ctx, request{Op: "stop"}); err != nil && !errors.Is(err, ErrDead) {
		return fmt.Errorf("stop the practice world: %w", err)
	}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for flock(alive) != nil || lives(status.PID) { // it gives the lock back a moment before it is gone
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("stop the practice world in %s: %w", w.dir, ctx.Err())
		}
	}
	if err := alive.Close(); err != nil {
		return fmt.Errorf("stop the practice world: %w", err)
	}
	return bury(w.home, w.dir) // nothing, unless it died on the way
}

// ask makes one request and remembers the status that came with the answer.
func (w *World) ask(ctx context.Context, r request) (Status, error) {
	answer, err := call(ctx, w.dir, r, nil, nil)
	if err != nil {
		return Status{}, err
	}
	if answer.Status == nil {
		return Status{}, errors.New("the practice world answered without its status")
	}
	w.info.Store(answer.Status)
	return *answer.Status, nil
}

// lives reports whether a process is there and no zombie.
func lives(pid int) bool {
	if pid <= 0 || syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false // not Linux, or gone
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(rest, "Z")
}

func readPointer(home string) (string, error) {
	raw, err := os.ReadFile(pointer(home))
	if errors.Is(err, os.ErrNotExist) {
		return "", ErrNone
	}
	if err != nil {
		return "", fmt.Errorf("find the practice world: %w", err)
	}
	return strings.TrimSpace(string(raw)), nil
}

func pointer(home string) string { return filepath.Join(home, "practice", "world") }
