package docker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"
)

type container struct {
	id, name, ref string
	image         *image
	env           map[string]string
	envList       []string
	publish       []port
	restart       string
	created       time.Time
	started       time.Time
	finished      time.Time
	state         string // created, running, exited
	exit          int
	log           tail
	server        *http.Server
	process       Process

	project, service string  // of compose
	user             string  // --user; the image's own if empty
	memory           int64   // limit in bytes, 0 is none
	cpus             float64 // limit, 0 is none
	health           string  // URL of its health check
}

// port is one -p: a port of 127.0.0.1 and a port of the container.
type port struct{ host, inside string }

func (c *container) running() bool { return c.state == "running" }

// errPort is a published port that somebody listens on.
var errPort = errors.New("port is already allocated")

// start listens on the published ports and serves the release on the one that
// leads to its PORT. A service that can't read its environment exits by
// itself with 1, which is no error of docker.
func (c *container) start(e *Engine) error {
	var listeners []net.Listener
	for _, p := range c.publish {
		l, err := (&net.ListenConfig{}).Listen(e.life, "tcp", net.JoinHostPort("127.0.0.1", p.host))
		if err != nil {
			closeAll(listeners)
			if errors.Is(err, syscall.EADDRINUSE) {
				return fmt.Errorf("Bind for 127.0.0.1:%s failed: %w", p.host, errPort) //nolint:staticcheck // docker's own words
			}
			return err
		}
		listeners = append(listeners, l)
	}
	c.started, c.state, c.exit = time.Now(), "running", 0
	process, err := e.program(c.image)(e.life, Start{Env: c.env, Version: c.image.Version, Log: &c.log})
	if err != nil {
		closeAll(listeners)
		_, _ = fmt.Fprintf(&c.log, "Error: configuration is not valid\n%v\n", err)
		c.state, c.exit, c.finished = "exited", 1, time.Now()
		return nil
	}
	c.process = process
	c.server = &http.Server{Handler: process.Handler, ReadHeaderTimeout: 10 * time.Second}
	for i, l := range listeners {
		if c.publish[i].inside == process.Port {
			go serve(c.server, l)
		} else {
			go reset(e.life, c.server, l)
		}
	}
	_, _ = fmt.Fprintln(&c.log, process.Banner)
	return nil
}

func serve(server *http.Server, l net.Listener) { _ = server.Serve(l) } // ends with ErrServerClosed

// reset is a published port behind which nothing listens: docker's proxy
// accepts, and the connection ends.
func reset(life context.Context, server *http.Server, l net.Listener) {
	ctx, cancel := context.WithCancel(life)
	server.RegisterOnShutdown(cancel)
	defer context.AfterFunc(ctx, func() { _ = l.Close() })()
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		_ = conn.Close()
	}
}

func closeAll(listeners []net.Listener) {
	for _, l := range listeners {
		_ = l.Close() // nothing was accepted yet
	}
}

// halt closes the ports, gives open requests the grace period, and leaves the
// container exited.
func (c *container) halt(grace time.Duration) {
	if !c.running() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	if err := c.server.Shutdown(ctx); err != nil {
		c.exit = 137
		_ = c.server.Close() // the grace period is over
	}
	c.process.Close()
	c.state, c.finished = "exited", time.Now()
}

// status is the column of docker ps.
func (c *container) status() string {
	switch c.state {
	case "running":
		return "Up " + ago(c.started)
	case "exited":
		return fmt.Sprintf("Exited (%d) %s ago", c.exit, ago(c.finished))
	}
	return "Created"
}

func (c *container) ports() string {
	if !c.running() {
		return ""
	}
	var shown []string
	for _, p := range c.publish {
		shown = append(shown, fmt.Sprintf("127.0.0.1:%s->%s/tcp", p.host, p.inside))
	}
	return strings.Join(shown, ", ")
}

func ago(t time.Time) string {
	switch d := time.Since(t); {
	case d < time.Second:
		return "Less than a second"
	case d < 2*time.Minute:
		return fmt.Sprintf("%d seconds", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d minutes", int(d.Minutes()))
	default:
		return fmt.Sprintf("%d hours", int(d.Hours()))
	}
}
