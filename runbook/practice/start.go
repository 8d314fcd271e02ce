package practice

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"runbook/runbook/practice/cluster"
)

// plan is what Start tells the world's process, in DIR/world.json.
type plan struct {
	Home string `json:"home"`
	Exe  string `json:"-"`    // the program that becomes the world's own
	Bin  string `json:"bin"`  // of PostgreSQL; empty if there is none
	Path string `json:"path"` // of the caller: where host tools are looked for
}

// readyFD is where the world's process says "ready", or why not.
const readyFD = 3

// Start finds the living world of a home, or starts one: a copy of exe is run
// as `DIR/runbook _world DIR` in a session of its own, and is what every shim
// links to: exe may be rebuilt or deleted meanwhile. Two at once get the same
// world.
func Start(ctx context.Context, home, exe string) (*World, error) {
	bin, err := cluster.Find(os.Getenv("PATH"))
	if err != nil && !errors.Is(err, ErrNoPostgres) {
		return nil, err
	}
	return start(ctx, plan{Home: home, Exe: exe, Bin: bin, Path: os.Getenv("PATH")})
}

func start(ctx context.Context, p plan) (*World, error) {
	if err := os.MkdirAll(filepath.Join(p.Home, "practice", "runs"), 0o700); err != nil {
		return nil, fmt.Errorf("start the practice world: %w", err)
	}
	unlock, err := lockHome(ctx, p.Home)
	if err != nil {
		return nil, err
	}
	defer unlock()
	w, err := find(ctx, p.Home, buryLocked)
	if err == nil || !errors.Is(err, ErrNone) && !errors.Is(err, ErrDead) {
		return w, err
	}
	dir, err := makeDir()
	if err != nil {
		return nil, fmt.Errorf("start the practice world: %w", err)
	}
	if err = furnish(p, dir); err == nil {
		err = launch(ctx, dir)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start the practice world: %w", err), remove(dir))
	}
	w = &World{home: p.Home, dir: dir, site: tickrSite}
	if _, err := w.Status(ctx); err != nil {
		return nil, fmt.Errorf("start the practice world: %w", err)
	}
	return w, nil
}

// makeDir makes a directory with a short path, as a socket's holds 107 bytes,
// which PostgreSQL's uid can enter.
func makeDir() (string, error) {
	dir, err := os.MkdirTemp("/tmp", "rb-")
	if err != nil {
		return "", err
	}
	if os.Geteuid() == 0 {
		if err := os.Chmod(dir, 0o711); err != nil { // #nosec G302 -- entered, not read
			return "", err
		}
	}
	return dir, nil
}

// program is the world's own copy of the program that started it.
func program(dir string) string { return filepath.Join(dir, "runbook") }

// furnish puts the plan and the program into a new world's directory. The
// program is no hard link, which would change with a file written in place.
func furnish(p plan, dir string) error {
	text, err := json.Marshal(p)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "world.json"), text, 0o600); err != nil {
		return err
	}
	// A child forked meanwhile would hold the copy open for writing, and Linux
	// runs no such file.
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	from, err := os.Open(p.Exe)
	if err != nil {
		return err
	}
	defer from.Close()                                                             //nolint:errcheck // only read
	to, err := os.OpenFile(program(dir), os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o700) // #nosec G302 G304 -- ours, and run
	if err != nil {
		return err
	}
	_, err = io.Copy(to, from)
	return errors.Join(err, to.Close())
}

// launch forks the world's process and waits for its word. The process
// outlives us; while we live, we reap it.
func launch(ctx context.Context, dir string) error {
	log, err := os.OpenFile(filepath.Join(dir, "world.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600) // #nosec G304 -- ours
	if err != nil {
		return err
	}
	defer log.Close() //nolint:errcheck // the child has its own
	word, say, err := os.Pipe()
	if err != nil {
		return err
	}
	defer word.Close()                                                                  //nolint:errcheck // only read
	cmd := exec.CommandContext(context.WithoutCancel(ctx), program(dir), "_world", dir) // #nosec G204 -- our own binary
	cmd.Dir, cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = dir, log, log, []*os.File{say}
	cmd.Env = []string{"PATH=/usr/bin:/bin", "HOME=" + filepath.Join(dir, "home"), "LANG=C.UTF-8", "TZ=UTC", readyEnv + "=1"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err = errors.Join(cmd.Start(), say.Close())
	if err != nil {
		return err
	}
	gone := make(chan struct{})
	go func() {
		_ = cmd.Wait() // the log says more than the exit code
		close(gone)
	}()
	stop := context.AfterFunc(ctx, func() { _ = cmd.Process.Signal(syscall.SIGTERM) })
	text, err := io.ReadAll(word)
	if stop() && err == nil && bytes.Equal(text, []byte("ready")) {
		return nil
	}
	_ = cmd.Process.Signal(syscall.SIGTERM) // it may be gone already
	<-gone
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if len(text) == 0 {
		text = lastLine(filepath.Join(dir, "world.log"))
	}
	return fmt.Errorf("%s", text)
}

func lastLine(file string) []byte {
	text, err := os.ReadFile(file) // #nosec G304 -- ours
	if text = bytes.TrimSpace(text); err != nil || len(text) == 0 {
		return []byte("its process ended without a word")
	}
	return text[bytes.LastIndexByte(text, '\n')+1:]
}
