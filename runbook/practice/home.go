package practice

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"runbook/runbook/practice/cluster"
)

// lockHome keeps others from starting, ending or burying the world of a home.
func lockHome(ctx context.Context, home string) (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(home, "practice", "lock"), os.O_CREATE|os.O_RDWR, 0o600) // #nosec G304 -- ours
	if err != nil {
		return nil, fmt.Errorf("lock the practice world: %w", err)
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if err := flock(f); err == nil {
			return func() { _ = f.Close() }, nil // closing unlocks
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, errors.Join(fmt.Errorf("lock the practice world: somebody else starts or stops it: %w", ctx.Err()), f.Close())
		}
	}
}

func flock(f *os.File) error {
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) // #nosec G115 -- a descriptor
}

// bury removes what a dead world left: its PostgreSQL, its directory and the
// pointer to it.
func bury(home, dir string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	unlock, err := lockHome(ctx, home)
	if err != nil {
		return err
	}
	defer unlock()
	return buryLocked(home, dir)
}

func buryLocked(home, dir string) error {
	if now, err := readPointer(home); err != nil || now != dir {
		return nil //nolint:nilerr // somebody else buried it
	}
	if err := remove(dir); err != nil {
		return err
	}
	if err := os.Remove(pointer(home)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("bury the practice world: %w", err)
	}
	return nil
}

// remove ends the PostgreSQL of a world's directory and deletes the directory,
// if it is one of ours and no process holds it.
func remove(dir string) error {
	info, err := os.Lstat(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("remove the practice world: %w", err)
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !info.IsDir() || !ok || int(stat.Uid) != os.Geteuid() || !strings.HasPrefix(dir, "/tmp/rb-") || filepath.Clean(dir) != dir {
		return fmt.Errorf("remove the practice world: %s is not a directory of ours: look at it, and delete it yourself", dir)
	}
	alive, err := os.OpenFile(filepath.Join(dir, "alive"), os.O_CREATE|os.O_RDWR, 0o600) // #nosec G304 -- ours
	if err != nil {
		return fmt.Errorf("remove the practice world: %w", err)
	}
	defer alive.Close() //nolint:errcheck // closing unlocks
	if err := flock(alive); err != nil {
		return fmt.Errorf("remove the practice world in %s: its process still lives, without its socket: end that process", dir)
	}
	if err := cluster.EndOrphan(filepath.Join(dir, "pg")); err != nil {
		return err
	}
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("remove the practice world: %w", err)
	}
	return nil
}
