package practice

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"runbook/runbook/practice/tickr"
)

// nodeTool is `node dist/main.js`: the service in the foreground, tied to the
// world, which it ends with. The world begins with the service in a container,
// whose place it takes.
func nodeTool(ctx context.Context, sh shell, args []string) (int, error) {
	if len(args) != 1 || filepath.Clean(args[0]) != filepath.Join("dist", "main.js") {
		return notSimulated, errNotSimulated
	}
	if _, err := os.Stat(filepath.Join(sh.dir, args[0])); err != nil { // #nosec G703 -- looked at, not read
		sh.warn("Error: Cannot find module '%s'\n  code: 'MODULE_NOT_FOUND'\n", filepath.Join(sh.dir, args[0]))
		return 1, nil
	}
	m, err := readManifest(sh.dir)
	if err != nil {
		return 1, err
	}
	env, err := serviceEnv(sh.dir)
	if err != nil {
		return 1, err
	}
	cfg, err := tickr.ParseConfig(env, m.Version)
	if err != nil {
		sh.warn("Error: configuration is not valid\n%v\n", err)
		return 1, nil
	}
	if _, err := sh.world.ask(ctx, request{Op: "yield"}); err != nil {
		return 1, err
	}
	addr, stop, err := serveTickr(ctx, sh, cfg, cfg.Port, sh.stdout)
	if err != nil {
		sh.warn("Error: listen: %v\n", err)
		return 1, nil
	}
	defer stop()
	ended, err := hold(ctx, sh.world.dir, addr)
	if err != nil {
		return notSimulated, err
	}
	sh.say(`{"level":"info","msg":"tickr-backend %s listening","port":%q}`+"\n", m.Version, cfg.Port)
	select {
	case err := <-ended:
		return 1, err
	case <-ctx.Done():
		return 0, nil // asked to end, the service shuts down in order
	}
}

// serviceEnv is the process's environment over the dotenv file of its NODE_ENV.
func serviceEnv(dir string) (map[string]string, error) {
	env := map[string]string{}
	name := os.Getenv("NODE_ENV")
	file := filepath.Join(dir, ".env."+name)
	if _, err := os.Stat(file); err == nil && name != "" && !strings.ContainsRune(name, '/') { // #nosec G703 -- no path
		if env, err = readDotenv(file); err != nil {
			return nil, err
		}
	}
	for _, kv := range os.Environ() {
		key, value, _ := strings.Cut(kv, "=")
		env[key] = value
	}
	return env, nil
}

// serveTickr runs the service in this process on a port of 127.0.0.1 ("0" for
// any) until stop.
func serveTickr(ctx context.Context, sh shell, cfg tickr.Config, port string, log io.Writer) (addr string, stop func(), err error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", port))
	if err != nil {
		return "", nil, err
	}
	service, err := tickr.New(ctx, cfg, sh.world.dial, log)
	if err != nil {
		return "", nil, errors.Join(err, l.Close())
	}
	server := &http.Server{Handler: service.Handler(), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(l) }() // ends with ErrServerClosed
	return l.Addr().String(), func() {
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_ = server.Shutdown(grace) // what is still open after the grace period is cut by exit
		service.Close()
	}, nil
}

// hold ties this process to the world, which then counts addr among its own.
// The channel gets the error the world ended with.
func hold(ctx context.Context, dir, addr string) (<-chan error, error) {
	ended, held := make(chan error, 1), make(chan struct{})
	go func() {
		_, err := call(ctx, dir, request{Op: "hold", Args: []string{addr}}, &signalWriter{c: held}, nil)
		ended <- err
	}()
	select {
	case <-held:
		return ended, nil
	case err := <-ended:
		return nil, err
	}
}

// signalWriter closes its channel at the first write.
type signalWriter struct {
	once sync.Once
	c    chan struct{}
}

func (s *signalWriter) Write(p []byte) (int, error) {
	s.once.Do(func() { close(s.c) })
	return len(p), nil
}
