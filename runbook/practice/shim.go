package practice

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// worldEnv tells a command of the world which world is its own.
const worldEnv = "RUNBOOK_WORLD"

// notSimulated is the exit code of a shim that did nothing: there is no living
// world, or it does not know the command.
const notSimulated = 97

// tool acts as one program; a nil one knows no command at all.
type tool func(ctx context.Context, sh shell, args []string) (int, error)

// shell is what a tool sees of its caller.
type shell struct {
	world  *World
	name   string
	dir    string
	stdout *os.File
	stderr *os.File
}

// say and warn print for a reader that may have left, which stops no tool.
func (sh shell) say(format string, args ...any)  { _, _ = fmt.Fprintf(sh.stdout, format, args...) }
func (sh shell) warn(format string, args ...any) { _, _ = fmt.Fprintf(sh.stderr, format, args...) }

func tools() map[string]tool {
	return map[string]tool{
		"docker": dockerTool, "npm": npmTool, "node": nodeTool, "psql": clientTool, "pg_dump": clientTool, "pg_restore": clientTool, "gpg": gpgTool, "apt-get": aptTool, "apt-config": aptConfigTool,
		"docker-compose": composeTool, "kubectl": kubectlTool, "npx": nil, "systemctl": nil, "git": gitTool,
	}
}

func shimNames() []string {
	var names []string
	for name := range tools() {
		names = append(names, name)
	}
	return names
}

var errNotSimulated = errors.New("not simulated in the practice world")

// Shim acts as docker, npm, … if this binary was started under that name; ok
// says whether it was. It acts only after a handshake with the living world
// that RUNBOOK_WORLD names: without one, and for what it does not know, the
// code is 97.
func Shim(argv0 string, args []string) (code int, ok bool) {
	name := filepath.Base(argv0)
	act, known := tools()[name]
	if !known {
		return 0, false
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	defer stop()
	code, err := shim(ctx, name, act, args)
	switch {
	case err == nil:
		return code, true
	case ctx.Err() != nil:
		return 130, true
	case errors.Is(err, errOutside):
		_, _ = fmt.Fprintf(os.Stderr, "%s: %v\n", name, err) // its arguments may hold a password
		return notSimulated, true
	case errors.Is(err, errNotSimulated):
		_, _ = fmt.Fprintf(os.Stderr, "%s: %v: %s\n", name, err, strings.Join(append([]string{name}, args...), " "))
		return notSimulated, true
	case errors.Is(err, ErrDead), errors.Is(err, ErrRefused), errors.Is(err, ErrNone):
		_, _ = fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		return notSimulated, true
	default:
		_, _ = fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		return 1, true
	}
}

func shim(ctx context.Context, name string, act tool, args []string) (int, error) {
	dir := os.Getenv(worldEnv)
	if !filepath.IsAbs(dir) {
		return notSimulated, fmt.Errorf("%w: %s is not set", ErrNone, worldEnv)
	}
	w := &World{dir: dir, site: tickrSite}
	if _, err := w.Status(ctx); err != nil {
		return notSimulated, err
	}
	if act == nil {
		return notSimulated, errNotSimulated
	}
	here, err := os.Getwd()
	if err != nil {
		return 1, err
	}
	return act(ctx, shell{world: w, name: name, dir: here, stdout: os.Stdout, stderr: os.Stderr}, args)
}

// composeTool is compose under its own name.
func composeTool(ctx context.Context, sh shell, args []string) (int, error) {
	return dockerTool(ctx, sh, append([]string{"compose"}, args...))
}

// kubectlTool asks the cluster in the world's process.
func kubectlTool(ctx context.Context, sh shell, args []string) (int, error) {
	answer, err := call(ctx, sh.world.dir, request{Op: "kubectl", Args: args}, sh.stdout, sh.stderr)
	return answer.Code, err
}

// dockerTool runs in the world's process, which holds the containers.
func dockerTool(ctx context.Context, sh shell, args []string) (int, error) {
	env := slices.DeleteFunc(os.Environ(), func(kv string) bool { return strings.HasPrefix(kv, worldEnv+"=") })
	answer, err := call(ctx, sh.world.dir, request{Op: "docker", Args: args, Dir: sh.dir, Env: env}, sh.stdout, sh.stderr)
	return answer.Code, err
}
