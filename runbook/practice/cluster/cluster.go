package cluster

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Superuser is the role that owns the cluster.
const Superuser = "postgres"

// Cluster is a running PostgreSQL.
type Cluster struct {
	Version string
	Port    int    // on 127.0.0.1, TLS only
	Socket  string // directory of the unix socket, entered by its uid and root alone

	Statements bool // pg_stat_statements is loaded

	bin, dir, password string
	cmd                *exec.Cmd
	ended              chan struct{}
}

// Config is what a cluster is made of.
type Config struct {
	Bin       string // from Find
	Dir       string // made by Start; the cluster's uid must be able to enter its parent
	Password  string // of Superuser
	Cert, Key []byte // PEM, for 127.0.0.1 and localhost
}

// Start makes a cluster and runs it until Stop. It dies with this process.
func Start(ctx context.Context, cfg Config) (*Cluster, error) {
	version, err := Version(ctx, cfg.Bin)
	if err != nil {
		return nil, err
	}
	owner, err := serverUser()
	if err != nil {
		return nil, err
	}
	c := &Cluster{Version: version, Socket: filepath.Join(cfg.Dir, "s"), bin: cfg.Bin, dir: cfg.Dir, password: cfg.Password}
	if err := c.prepare(ctx, cfg, owner); err != nil {
		return nil, err
	}
	for range 5 {
		if err = c.attempt(ctx, owner); err == nil || !c.portTaken() {
			break
		}
	}
	if err != nil {
		return nil, err
	}
	return c, nil
}

// attempt launches the server at a port that nobody has just now.
func (c *Cluster) attempt(ctx context.Context, owner *syscall.Credential) (err error) {
	if c.Port, err = FreePort(); err != nil {
		return err
	}
	c.ended = make(chan struct{})
	if err := c.launch(owner); err != nil {
		return err
	}
	if err := c.waitReady(ctx); err != nil {
		c.Stop()
		return err
	}
	return nil
}

// portTaken reports whether the last server ended since somebody else took its
// port between our look at it and its own.
func (c *Cluster) portTaken() bool {
	log, err := os.ReadFile(filepath.Join(c.dir, "log"))
	return err == nil && bytes.Contains(log, []byte("could not create any TCP/IP sockets"))
}

// serverUser is whom the server runs as: ourselves, or, as PostgreSQL refuses
// root, "postgres" or "nobody".
func serverUser() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil //nolint:nilnil // no credential is the documented meaning of "as ourselves"
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, uidErr := strconv.ParseUint(u.Uid, 10, 32)
		gid, gidErr := strconv.ParseUint(u.Gid, 10, 32)
		if uidErr == nil && gidErr == nil && uid != 0 {
			return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
		}
	}
	return nil, fmt.Errorf("run PostgreSQL: root may not, and this machine has neither a user postgres nor nobody")
}

// Systems hand out ports above these to whoever wants any: Linux from 32768 on,
// macOS from 49152.
const firstPort, afterLastPort = 15000, 32000

// FreePort is a TCP port of 127.0.0.1 that nobody listens on, and that nobody is
// given who asks for any port before it is used.
func FreePort() (int, error) {
	var err error
	for range 100 {
		port := firstPort + rand.IntN(afterLastPort-firstPort) // #nosec G404 -- no secret
		var l net.Listener
		if l, err = net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil { //nolint:noctx // closed at once
			return port, l.Close()
		}
	}
	return 0, fmt.Errorf("find a free port: %w", err)
}

// program prepares one of the server's programs as its user, with an
// environment of its own.
func (c *Cluster) program(ctx context.Context, owner *syscall.Credential, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(c.bin, name), args...) // #nosec G204 -- found by Find
	cmd.Dir = c.dir
	cmd.Env = []string{"PATH=" + c.bin + ":/usr/bin:/bin", "LANG=C.UTF-8", "TZ=UTC", "HOME=" + c.dir}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: owner}
	return cmd
}

func (c *Cluster) launch(owner *syscall.Credential) error {
	log, err := os.OpenFile(filepath.Join(c.dir, "log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("start PostgreSQL: %w", err)
	}
	defer log.Close() //nolint:errcheck // the child has its own
	c.cmd = c.program(context.Background(), owner, "postgres", "-D", c.data(), "-p", strconv.Itoa(c.Port))
	c.cmd.Stdout, c.cmd.Stderr = log, log
	c.cmd.SysProcAttr.Setsid = true
	started := make(chan error, 1)
	go func() {
		defer close(c.ended)
		dieWithParent(c.cmd.SysProcAttr)
		if err := c.cmd.Start(); err != nil {
			started <- err
			return
		}
		started <- nil
		_ = c.cmd.Wait() // its log says more than its exit code
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("start PostgreSQL: %w", err)
	}
	return nil
}

func (c *Cluster) waitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		pid, err := os.ReadFile(filepath.Join(c.data(), "postmaster.pid"))
		if lines := strings.Split(string(pid), "\n"); err == nil && len(lines) > 7 && strings.TrimSpace(lines[7]) == "ready" {
			return nil
		}
		select {
		case <-tick.C:
		case <-c.ended:
			return fmt.Errorf("start PostgreSQL: it ended: %s", c.lastLine())
		case <-ctx.Done():
			return fmt.Errorf("start PostgreSQL: not ready in time: %s", c.lastLine())
		}
	}
}

func (c *Cluster) lastLine() string {
	log, err := os.ReadFile(filepath.Join(c.dir, "log"))
	if err != nil {
		return err.Error()
	}
	lines := bytes.Split(bytes.TrimSpace(log), []byte("\n"))
	for _, line := range lines { // behind it stands only that it is shut down
		if bytes.Contains(line, []byte("FATAL:")) {
			return string(line)
		}
	}
	return string(lines[len(lines)-1])
}

func (c *Cluster) data() string { return filepath.Join(c.dir, "data") }

func (c *Cluster) archive() string { return filepath.Join(c.dir, "archive") }

// Ended is closed when the server is gone.
func (c *Cluster) Ended() <-chan struct{} { return c.ended }

// Stop ends the server: fast, and at once if that takes over three seconds.
func (c *Cluster) Stop() {
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGQUIT, syscall.SIGKILL} {
		_ = c.cmd.Process.Signal(sig) // a server that is gone can't be signalled
		select {
		case <-c.ended:
			return
		case <-time.After(3 * time.Second):
		}
	}
	<-c.ended
}
