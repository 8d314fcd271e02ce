package runbook

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"runbook/runbook/book"
	"runbook/steps"
	"runbook/steps/check"
	"runbook/steps/run"
)

// defaultPath is the PATH of a target that names none.
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// secretLimit is how long a secret's command may take.
const secretLimit = 20 * time.Second

// NewWorld is the real world of a target. It refuses to be made in a process
// that carries a practice world's variables, and of a target that only a
// practice world may write.
func NewWorld(t *book.Target) (*steps.World, error) {
	if t.Practice != "" {
		return nil, fmt.Errorf("target %s belongs to practice world %s: only that world runs it", t.Name, t.Practice)
	}
	if dir := os.Getenv("RUNBOOK_WORLD"); dir != "" {
		return nil, fmt.Errorf("RUNBOOK_WORLD=%s is set, so this shell belongs to a practice world: leave it before you run on %s", dir, t.Name)
	}
	if info, err := os.Stat(t.Dir); err != nil || !info.IsDir() {
		return nil, fmt.Errorf("the target's dir %s is no directory here: correct `dir` in %s", t.Dir, t.File)
	}
	env, err := baseEnv(t)
	if err != nil {
		return nil, err
	}
	w := &steps.World{Name: t.Name, Clock: steps.SystemClock{}, Dir: t.Dir, Env: env, Dial: dial}
	w.Carry = func(ctx context.Context, host string, argv, env []string) (*steps.Carried, error) {
		remote, err := carrier(w, t, host, run.Command{Argv: argv}, env)
		if err != nil {
			return nil, err
		}
		return remote.Carry(ctx), nil
	}
	w.Vars = func(ctx context.Context, source string) (map[string]string, error) {
		return readVars(ctx, w, t, source)
	}
	w.Origins = func(ctx context.Context, source string) (map[string]steps.Origin, error) {
		in, source, err := sourceOf(w, t, source)
		if err != nil {
			return nil, err
		}
		return check.ServiceOrigins(ctx, in, source, t.Kube.Context)
	}
	w.Secret = func(ctx context.Context, name string) (steps.Secret, error) { return readSecret(ctx, t, env, name) }
	return w, nil
}

// baseEnv is the environment of every command on the target, before vars:
// built from the target alone.
func baseEnv(t *book.Target) ([]string, error) {
	or := func(value, fallback string) string {
		if value == "" {
			return fallback
		}
		return value
	}
	me, err := user.Current()
	if err != nil {
		return nil, fmt.Errorf("who runs this can't be told: %w; name `home` and `user` in the target", err)
	}
	path := or(t.Path, defaultPath)
	for _, dir := range filepath.SplitList(path) {
		if !filepath.IsAbs(dir) {
			return nil, fmt.Errorf("the target's path holds %q: every element must be absolute", dir)
		}
		if _, err := os.Stat(dir); err != nil {
			continue // nothing is found there
		}
		if err := book.CheckOwner(dir); err != nil {
			return nil, fmt.Errorf("the target's path holds %s: %w", dir, err)
		}
	}
	return []string{
		"PATH=" + path, "HOME=" + or(t.Home, me.HomeDir), "USER=" + or(t.User, me.Username),
		"LANG=" + or(t.Lang, "C.UTF-8"), "TZ=" + or(t.TZ, "UTC"),
	}, nil
}

// errLinkLocal refuses the addresses where clouds hand out credentials.
var errLinkLocal = errors.New("link-local and metadata addresses are refused")

func dial(ctx context.Context, network, addr string) (net.Conn, error) {
	d := net.Dialer{Control: func(_, addr string, _ syscall.RawConn) error {
		ip, err := netip.ParseAddrPort(addr)
		if err == nil && ip.Addr().Unmap().IsLinkLocalUnicast() {
			return errLinkLocal
		}
		return nil
	}}
	return d.DialContext(ctx, network, addr)
}

// sourceOf is the source that "service" stands for, and the world with the host
// where it is looked at.
func sourceOf(w *steps.World, t *book.Target, source string) (*steps.World, string, error) {
	in := *w
	if source == "service" {
		source, in.Host = t.Service.EnvFrom, t.Service.On
	}
	if source == "" {
		return nil, "", errors.New("the target names no [service] env_from, so the service's environment is not known")
	}
	return &in, source, nil
}

func readVars(ctx context.Context, w *steps.World, t *book.Target, source string) (map[string]string, error) {
	in, source, err := sourceOf(w, t, source)
	if err != nil {
		return nil, err
	}
	kind, path, _ := strings.Cut(source, ":")
	switch {
	case kind == "process" && t.Guard:
		return nil, fmt.Errorf("our own process is no source on %s, which is guarded: this shell is not the service", t.Name)
	case kind == "process":
		return steps.ParseEnv([]byte(strings.Join(os.Environ(), "\n")))
	case kind == "file" && in.Host == "":
		if !filepath.IsAbs(path) {
			path = filepath.Join(t.Dir, path)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("read the environment: %w", err)
		}
		vars, err := steps.ParseEnv(data)
		if err != nil {
			return nil, fmt.Errorf("read the environment in %s: %w", path, err)
		}
		return vars, nil
	}
	return check.ServiceEnv(ctx, in, source, t.Kube.Context)
}

func readSecret(ctx context.Context, t *book.Target, env []string, name string) (steps.Secret, error) {
	source, ok := t.Secrets[name]
	fail := func(err error) (steps.Secret, error) {
		return steps.Secret{}, fmt.Errorf("%w: %s: %w", steps.ErrSecret, name, err)
	}
	switch {
	case !ok:
		return fail(fmt.Errorf("target %s has no [secret.%s]", t.Name, name))
	case source.Env != "":
		if value := os.Getenv(source.Env); value != "" {
			return steps.NewSecret(value), nil
		}
		return fail(fmt.Errorf("%s is not set in this shell", source.Env))
	case source.File != "":
		return secretFile(source.File, fail)
	}
	ctx, stop := context.WithTimeout(ctx, secretLimit)
	defer stop()
	program, err := lookPath(source.Command[0], env)
	if err != nil {
		return fail(err)
	}
	cmd := exec.CommandContext(ctx, program, source.Command[1:]...)
	cmd.Env, cmd.Dir, cmd.WaitDelay = env, t.Dir, time.Second
	out, err := cmd.Output()
	value := strings.TrimRight(string(out), "\r\n")
	if err != nil || value == "" {
		return fail(fmt.Errorf("%s gave no value (%w)", source.Command[0], orErr(err, errors.New("empty output"))))
	}
	return steps.NewSecret(value), nil
}

func secretFile(path string, fail func(error) (steps.Secret, error)) (steps.Secret, error) {
	info, err := os.Stat(path)
	if err != nil {
		return fail(err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return fail(fmt.Errorf("%s has mode %04o: chmod 600 it", path, info.Mode().Perm()))
	}
	data, err := os.ReadFile(path)
	value := strings.TrimRight(string(data), "\r\n")
	if err != nil || value == "" {
		return fail(orErr(err, fmt.Errorf("%s is empty", path)))
	}
	return steps.NewSecret(value), nil
}

// lookPath finds a program on the PATH of a built environment.
func lookPath(name string, env []string) (string, error) {
	if filepath.IsAbs(name) {
		return name, nil
	}
	for _, pair := range env {
		path, ok := strings.CutPrefix(pair, "PATH=")
		if !ok {
			continue
		}
		for _, dir := range filepath.SplitList(path) {
			candidate := filepath.Join(dir, name)
			if info, err := os.Stat(candidate); err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o111 != 0 {
				return candidate, nil
			}
		}
	}
	return "", fmt.Errorf("%s is not on the target's path", name)
}

func orErr(err, fallback error) error {
	if err != nil {
		return err
	}
	return fallback
}
