package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// binary is the real program, built once: scripts run what users run, with its
// real exit codes, and worlds fork it.
var binary string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "runbook-cmd-")
		if err != nil {
			panic(err)
		}
		defer func() { _ = os.RemoveAll(dir) }()
		binary = filepath.Join(dir, "runbook")
		build := exec.CommandContext(context.Background(), "go", "build", "-trimpath", "-o", binary, ".")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build the program: %v\n%s", err, out)
			return 1
		}
		return m.Run()
	}())
}

func TestScripts(t *testing.T) {
	t.Parallel()
	runScripts(t, "testdata")
}

func runScripts(t *testing.T, dir string) {
	t.Helper()
	testscript.Run(t, testscript.Params{
		Dir: dir,
		Setup: func(env *testscript.Env) error {
			env.Setenv("PATH", filepath.Dir(binary)+string(os.PathListSeparator)+env.Getenv("PATH"))
			env.Setenv("HOME", filepath.Join(env.WorkDir, "home"))
			env.Setenv("XDG_CONFIG_HOME", filepath.Join(env.WorkDir, "config"))
			env.Setenv("RUNBOOK_HOME", filepath.Join(env.WorkDir, "state"))
			env.Setenv("TERM", "xterm-256color")
			env.Defer(func() { stopWorld(env) })
			return os.MkdirAll(filepath.Join(env.WorkDir, "home"), 0o700)
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits": exits, "jsonfield": jsonField, "flip": flip, "world": world, "target": target, "runid": runID,
			"smalldisk": smallDisk, "fill": fill, "agent": agent,
		},
		Condition: func(cond string) (bool, error) {
			switch cond {
			case "postgres":
				return hasPostgres(), nil
			case "root":
				return os.Geteuid() == 0 && runtime.GOOS == "linux", nil
			}
			return false, fmt.Errorf("no such condition: %s", cond)
		},
	})
}

// stopWorld ends the practice world of a script, however the script ended.
func stopWorld(env *testscript.Env) {
	stop := exec.CommandContext(context.Background(), binary, "practice", "stop")
	stop.Env = env.Vars
	_ = stop.Run()
}

// exits N COMMAND… runs a command and wants exactly that exit code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	code := 0
	if err = ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		code = exit.ExitCode()
	}
	if code != want {
		ts.Fatalf("exit %d, want %d", code, want)
	}
	if strings.Contains(ts.ReadFile("stderr"), "goroutine ") {
		ts.Fatalf("a stack trace")
	}
}

// jsonField says that stdout is one JSON value and nothing else.
func jsonField(ts *testscript.TestScript, _ bool, _ []string) {
	out := strings.TrimSpace(ts.ReadFile("stdout"))
	if !strings.HasPrefix(out, "{") || !strings.HasSuffix(out, "}") {
		ts.Fatalf("stdout is not one JSON object:\n%.300s", out)
	}
}

// flip GLOB turns over one bit in the middle of the one file that matches.
func flip(ts *testscript.TestScript, _ bool, args []string) {
	files, err := filepath.Glob(ts.MkAbs(args[0]))
	ts.Check(err)
	if len(files) != 1 {
		ts.Fatalf("%s matches %d files", args[0], len(files))
	}
	data, err := os.ReadFile(files[0])
	ts.Check(err)
	before := bytes.Clone(data)
	data[len(data)/2] ^= 1
	if bytes.Equal(before, data) {
		ts.Fatalf("nothing was flipped")
	}
	ts.Check(os.WriteFile(files[0], data, 0o600))
}

// target DIR FILE writes a target whose commands run in DIR.
func target(ts *testscript.TestScript, _ bool, args []string) {
	text := fmt.Sprintf("name = \"here\"\ndir = %q\npath = \"/usr/bin:/bin\"\n", ts.MkAbs(args[0]))
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(text), 0o600))
}

// runid sets RUN to the id of the newest real run.
func runID(ts *testscript.TestScript, _ bool, _ []string) {
	dirs, err := filepath.Glob(ts.MkAbs("state/runs/*"))
	ts.Check(err)
	if len(dirs) == 0 {
		ts.Fatalf("there is no run")
	}
	// Two of one second have names in any order.
	newest, last := time.Time{}, ""
	for _, dir := range dirs {
		info, err := os.Stat(filepath.Join(dir, "book.toml"))
		ts.Check(err)
		if info.ModTime().After(newest) {
			newest, last = info.ModTime(), filepath.Base(dir)
		}
	}
	ts.Setenv("RUN", last[strings.LastIndex(last, "-")+1:])
}
