package practice

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// TestMain lets this test binary be what the real one is: every shim, and the
// world's process.
func TestMain(m *testing.M) {
	if code, ok := Shim(os.Args[0], os.Args[1:]); ok {
		os.Exit(code)
	}
	if len(os.Args) == 3 && os.Args[1] == "_world" {
		if err := Serve(context.Background(), os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if len(os.Args) > 2 && os.Args[1] == "_intrude" {
		os.Exit(intrude(os.Args[2:]))
	}
	code := m.Run()
	if err := shared.end(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// shared is one world for the tests that leave its state as they found it.
var shared sharedWorld

type sharedWorld struct {
	once sync.Once
	home string
	w    *World
	err  error
}

func sharedWith(t *testing.T) *World {
	t.Helper()
	shared.once.Do(func() {
		exe, err := os.Executable()
		if err == nil {
			shared.home, err = os.MkdirTemp("", "practice-home-")
		}
		if err == nil {
			shared.w, err = Start(context.Background(), shared.home, exe)
		}
		shared.err = err
	})
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.w
}

func (s *sharedWorld) end() error {
	if s.w == nil {
		return os.RemoveAll(s.home)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	return errors.Join(s.w.Stop(ctx), os.RemoveAll(s.home))
}

// newBare starts a world without PostgreSQL, for tests that need none.
func newBare(t *testing.T, home string) *World {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	w, err := start(deadline(t), plan{Home: home, Exe: exe, Path: os.Getenv("PATH")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { end(t, w) })
	return w
}

// newWorld starts a world of its own home and ends it with the test.
func newWorld(t *testing.T) *World {
	t.Helper()
	w := startIn(t, t.TempDir())
	t.Cleanup(func() { end(t, w) })
	return w
}

func startIn(t *testing.T, home string) *World {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	w, err := Start(deadline(t), home, exe)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func end(t *testing.T, w *World) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := w.Stop(ctx); err != nil {
		t.Error(err)
	}
}

// deadline is a context that ends before the test would hang; it serves
// clean-ups too.
func deadline(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 60*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// result of one command of the world.
type result struct {
	out, err string
	code     int
}

// do runs a program of the world's PATH as a step would: the world's
// environment and directory.
func do(t *testing.T, w *World, name string, args ...string) result {
	t.Helper()
	return doEnv(t, w, nil, name, args...)
}

func doEnv(t *testing.T, w *World, env []string, name string, args ...string) result {
	t.Helper()
	world := w.Steps()
	cmd := exec.CommandContext(deadline(t), filepath.Join(w.Dir(), "bin", name), args...)
	cmd.Env, cmd.Dir = append(append(world.Env, env...), "GORACE="+os.Getenv("GORACE")), world.Dir
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return result{out.String(), errOut.String(), cmd.ProcessState.ExitCode()}
}

// want fails unless the command ended with code.
func (r result) want(t *testing.T, code int) result {
	t.Helper()
	if r.code != code {
		t.Fatalf("exit %d, want %d\nstdout: %s\nstderr: %s", r.code, code, r.out, r.err)
	}
	return r
}
