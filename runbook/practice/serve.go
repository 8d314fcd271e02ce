package practice

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"runbook/runbook/practice/cluster"
	"runbook/runbook/practice/docker"
	"runbook/runbook/practice/edge"
	"runbook/runbook/practice/kube"
	"runbook/runbook/practice/web"
)

// readyEnv says that descriptor readyFD waits for our word.
const readyEnv = "RUNBOOK_WORLD_READY"

// idleLimit is how long a world lives without a client.
const idleLimit = 30 * time.Minute

// server is the world's process.
type server struct {
	plan
	dir      string
	since    time.Time
	listen   *net.UnixListener
	pg       *cluster.Cluster // nil without PostgreSQL
	secrets  secrets
	ports    struct{ service, database int }
	ca       *authority
	cert     []byte // PEM, of everything that serves TLS here
	key      []byte
	tls      struct{ good, ending, expired tls.Certificate }
	front    *edge.Front
	entering sync.Mutex // held while an application starts
	mail     *mail      // nil until a book that deploys it enters
	resolver string     // address of its name server, if it has one
	opened   []string   // addresses the world's own process listens on
	closed   []string   // addresses that are known, and where nothing listens
	end      context.CancelFunc
	clients  sync.WaitGroup
	clock    offsetClock
	id       string
	engine   *docker.Engine
	cluster  *kube.Cluster
	services web.Faults // what is broken in the services

	mu      sync.Mutex
	faulty  map[string]bool // broken on purpose, by the fault's name
	guests  map[string]int  // addresses that clients of ours listen on
	busy    int             // clients now
	lastUse time.Time
}

// Serve is the world's process, the body of `_world DIR`. It returns when the
// world was stopped, was idle for 30 minutes, or got SIGTERM, and has then
// removed its directory and the pointer to it.
func Serve(ctx context.Context, dir string) error {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	ctx, end := context.WithCancel(ctx)
	defer end()
	if os.Getenv(readyEnv) != "" {
		syscall.CloseOnExec(readyFD) // or PostgreSQL would hold it, and whoever started us wait
	}
	s := &server{dir: dir, since: time.Now(), lastUse: time.Now(), end: end, guests: map[string]int{}, faulty: map[string]bool{}}
	alive, err := s.open(ctx)
	if heard := say(err); !heard {
		end() // who started us is gone: a world that nobody waits for does not live
	}
	if err != nil {
		s.close()
		return fmt.Errorf("practice world: %w", err)
	}
	go s.accept(ctx)
	s.wait(ctx)
	err = s.unpoint()
	s.close()
	err = errors.Join(err, os.RemoveAll(dir)) // #nosec G703 -- the directory Start made
	runtime.KeepAlive(alive)                  // its lock ends with this process, which is what Stop waits for
	return err
}

// say tells whoever started us that the world is ready, or why not, and
// answers whether somebody was there to hear it.
func say(failure error) (heard bool) {
	if os.Getenv(readyEnv) == "" {
		return true
	}
	word := os.NewFile(readyFD, "ready")
	text := "ready"
	if failure != nil {
		text = failure.Error()
	}
	_, err := word.WriteString(text)
	return errors.Join(err, word.Close()) == nil
}

// open builds the world; the pointer to it comes last.
func (s *server) open(ctx context.Context) (alive *os.File, err error) {
	text, err := os.ReadFile(filepath.Join(s.dir, "world.json"))
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, &s.plan); err != nil {
		return nil, fmt.Errorf("read world.json: %w", err)
	}
	alive, err = os.OpenFile(filepath.Join(s.dir, "alive"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := flock(alive); err != nil {
		return nil, fmt.Errorf("another process serves %s: %w", s.dir, err)
	}
	for _, build := range []func(context.Context) error{s.makeFiles, s.startDatabase, s.build, s.openFront, s.openControl, s.point} {
		if err := build(ctx); err != nil {
			return alive, err
		}
	}
	return alive, nil
}

func (s *server) openControl(context.Context) error {
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: socketPath(s.dir), Net: "unix"})
	if err != nil {
		return fmt.Errorf("open the control socket: %w", err)
	}
	s.listen = l
	return os.Chmod(socketPath(s.dir), 0o600)
}

// point writes where the world is. Start holds the home's lock meanwhile.
func (s *server) point(context.Context) error {
	temporary := pointer(s.Home) + ".new"
	if err := os.WriteFile(temporary, []byte(s.dir+"\n"), 0o600); err != nil {
		return err
	}
	return os.Rename(temporary, pointer(s.Home))
}

// unpoint removes the pointer before the socket closes, so that nobody finds
// a world that ends.
func (s *server) unpoint() error {
	if now, err := readPointer(s.Home); err != nil || now != s.dir {
		return nil //nolint:nilerr // it never was, or is another's
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	unlock, err := lockHome(ctx, s.Home)
	if err != nil {
		return err
	}
	defer unlock()
	if now, err := readPointer(s.Home); err != nil || now != s.dir {
		return nil //nolint:nilerr // it never was, or is another's
	}
	return os.Remove(pointer(s.Home))
}

// wait returns when the world is to end: it was told to, or nobody came for
// idleLimit, or its PostgreSQL died.
func (s *server) wait(ctx context.Context) {
	var died <-chan struct{}
	if s.pg != nil {
		died = s.pg.Ended()
	}
	tick := time.NewTicker(15 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-died:
			_, _ = fmt.Fprintln(os.Stderr, "practice world: its PostgreSQL ended")
			died = nil
		case <-tick.C:
			if s.idle() {
				return
			}
		}
	}
}

func (s *server) idle() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.busy == 0 && time.Since(s.lastUse) > idleLimit
}

// close ends everything that runs here; files are removed by the caller.
func (s *server) close() {
	s.end()
	if s.listen != nil {
		_ = s.listen.Close() // nobody needs its error
	}
	s.clients.Wait()
	if s.front != nil {
		s.front.Close()
	}
	if s.mail != nil {
		s.mail.close()
	}
	if s.engine != nil {
		s.engine.Close()
	}
	if s.pg != nil {
		s.pg.Stop()
	}
}

// dial reaches the world's database and nothing else.
func (s *server) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if !strings.HasPrefix(network, "tcp") || addr != s.databaseAddr() {
		return nil, fmt.Errorf("%s is not in the practice world", addr)
	}
	return (&net.Dialer{}).DialContext(ctx, network, addr)
}
