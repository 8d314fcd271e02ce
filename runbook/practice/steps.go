package practice

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"runbook/steps"
	"runbook/steps/check"
)

// Steps is the world as steps see it. Whatever it hands out asks the living
// process first, and refuses once that is gone.
func (w *World) Steps() *steps.World {
	world := &steps.World{
		Name: "practice", Clock: worldClock{w}, Dir: filepath.Join(w.dir, w.site), Env: w.env(),
		Dial: w.dial, Vars: w.vars, Origins: w.origins, Secret: w.secret,
		Practice: &steps.Practice{
			ID: w.ID(),
			Alive: func(ctx context.Context) error {
				_, err := w.Status(ctx)
				return err
			},
			Jump: func(ctx context.Context, t time.Time) error {
				_, err := w.ask(ctx, request{Op: "jump", Time: t})
				return err
			},
		},
	}
	if ca, err := os.ReadFile(filepath.Join(w.dir, "ca.pem")); err == nil {
		world.Roots = x509.NewCertPool()
		world.Roots.AppendCertsFromPEM(ca)
	}
	return world
}

func (w *World) env() []string {
	return []string{
		"PATH=" + filepath.Join(w.dir, "bin"), "HOME=" + filepath.Join(w.dir, "home"), "LANG=C.UTF-8", "TZ=UTC",
		"USER=practice", worldEnv + "=" + w.dir,
	}
}

// dial opens what the world listens on now. What it could listen on but does
// not is refused as the kernel would, whoever may have taken the port; all
// else is not in the world.
func (w *World) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	st, err := w.Status(ctx)
	if err != nil {
		return nil, err
	}
	if network == "unix" && addr == st.Socket && addr != "" {
		return (&net.Dialer{}).DialContext(ctx, network, addr)
	}
	if strings.HasPrefix(network, "udp") && addr == st.Resolver && addr != "" {
		return (&net.Dialer{}).DialContext(ctx, network, addr)
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil || !strings.HasPrefix(network, "tcp") {
		return nil, fmt.Errorf("dial %s: not in the practice world, which opens only its own ports of 127.0.0.1", addr)
	}
	if host == "localhost" {
		addr = net.JoinHostPort("127.0.0.1", port)
	}
	switch {
	case slices.Contains(st.Open, addr):
		return (&net.Dialer{}).DialContext(ctx, "tcp4", addr)
	case addr == st.Service || addr == st.Database || slices.Contains(st.Closed, addr):
		return nil, &net.OpError{Op: "dial", Net: network, Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	default:
		return nil, fmt.Errorf("dial %s: not in the practice world, which opens only its own ports of 127.0.0.1", addr)
	}
}

// vars reads the service's environment, or a dotenv file of the world.
func (w *World) vars(ctx context.Context, source string) (map[string]string, error) {
	file, err := w.dotenv(ctx, source)
	if err != nil {
		return nil, err
	}
	return readDotenv(file)
}

// origins tells where its variables come from.
func (w *World) origins(ctx context.Context, source string) (map[string]steps.Origin, error) {
	file, err := w.dotenv(ctx, source)
	if err != nil {
		return nil, err
	}
	return check.ServiceOrigins(ctx, w.Steps(), "file:"+file, "")
}

// dotenv is the file that a source means.
func (w *World) dotenv(ctx context.Context, source string) (string, error) {
	if _, err := w.Status(ctx); err != nil {
		return "", err
	}
	file, isFile := strings.CutPrefix(source, "file:")
	switch {
	case source == "service":
		file = filepath.Join(w.dir, w.site, map[string]string{tickrSite: ".env.production", emailSite: ".env"}[w.site])
	case !isFile:
		return "", fmt.Errorf("read the environment of %q: the practice world has \"service\" and \"file:PATH\"", source)
	case !filepath.IsAbs(file):
		file = filepath.Join(w.dir, w.site, file)
	}
	real, err := filepath.EvalSymlinks(file)
	if err != nil {
		return "", fmt.Errorf("read the environment of %s: %w", source, err)
	}
	if !strings.HasPrefix(real, w.dir+"/") {
		return "", fmt.Errorf("read the environment of %s: the file is not in the practice world", source)
	}
	return real, nil
}

var secretName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// secret reads secrets/SITE/NAME of the world.
func (w *World) secret(ctx context.Context, name string) (steps.Secret, error) {
	st, err := w.Status(ctx)
	if err != nil {
		return steps.Secret{}, fmt.Errorf("%w: %s: %w", steps.ErrSecret, name, err)
	}
	if !secretName.MatchString(name) {
		return steps.Secret{}, fmt.Errorf("%w: %q is no name of a secret", steps.ErrSecret, name)
	}
	text, err := os.ReadFile(filepath.Join(w.dir, "secrets", w.site, name))
	switch {
	case errors.Is(err, os.ErrNotExist) && name == "database_url" && st.PostgreSQL == "":
		return steps.Secret{}, fmt.Errorf("%w: %s: %w", steps.ErrSecret, name, ErrNoPostgres)
	case errors.Is(err, os.ErrNotExist):
		return steps.Secret{}, fmt.Errorf("%w: the practice world has no secret %s", steps.ErrSecret, name)
	case err != nil:
		return steps.Secret{}, fmt.Errorf("%w: %s: %w", steps.ErrSecret, name, err)
	}
	return steps.NewSecret(strings.TrimRight(string(text), "\n")), nil
}
