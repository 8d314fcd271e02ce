package practice

import (
	"bufio"
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"slices"
	"strconv"
	"sync"
	"time"

	"runbook/runbook/practice/docker"
	"runbook/runbook/practice/kube"
)

func (s *server) accept(ctx context.Context) {
	for {
		conn, err := s.listen.AcceptUnix()
		if err != nil {
			return // closed
		}
		s.count(1)
		s.clients.Go(func() {
			defer s.count(-1)
			s.answer(ctx, conn)
		})
	}
}

func (s *server) count(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.busy += n
	s.lastUse = time.Now()
}

// answer serves one client: handshake, one request, its output, its end. A
// client that goes away cancels what it asked for.
func (s *server) answer(ctx context.Context, conn *net.UnixConn) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer conn.Close() //nolint:errcheck // the answer was sent
	defer context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Now()) })()
	out := &replier{conn: conn}
	_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second)) // a silent client is cut off
	line, err := bufio.NewReader(io.LimitReader(conn, 1<<20)).ReadBytes('\n')
	if err != nil {
		return
	}
	// Only now: a connection closed with something unread would lose the refusal.
	if err := checkPeer(conn); err != nil {
		out.send(reply{Refused: true, Error: err.Error()})
		return
	}
	var r request
	if err := json.Unmarshal(line, &r); err != nil {
		out.send(reply{Refused: true, Error: "not a request"})
		return
	}
	if subtle.ConstantTimeCompare([]byte(r.Nonce), []byte(s.secrets.Nonce)) != 1 {
		out.send(reply{Refused: true, Error: "wrong nonce"})
		return
	}
	_ = conn.SetReadDeadline(time.Time{})
	go func() {
		_, _ = io.Copy(io.Discard, conn) // returns when the client has gone
		cancel()
	}()
	code, err := s.do(ctx, r, out)
	if errors.Is(err, context.Canceled) {
		return // the client left, or the world ends: the connection says so
	}
	last := reply{Done: true, Code: code, Status: s.status()}
	if err != nil {
		last.Error = err.Error()
	}
	out.send(last)
}

func (s *server) do(ctx context.Context, r request, out *replier) (int, error) {
	switch r.Op {
	case "status":
		return 0, nil
	case "stop":
		s.end()
		return 0, nil
	case "jump":
		return 0, s.jump(ctx, r.Time)
	case "wait":
		return 0, s.clock.wait(ctx, r.Time)
	case "enter":
		return 0, s.enter(ctx, r.Args)
	case "role":
		return 0, s.makeRole(r.Args)
	case "break":
		return 0, s.breakParts(ctx, r.Args)
	case "docker":
		return s.engine.Run(ctx, docker.Call{Args: r.Args, Dir: r.Dir, Env: r.Env, Out: out.stream(false), Err: out.stream(true)}), nil
	case "kubectl":
		return s.cluster.Run(ctx, kube.Call{Args: r.Args, Out: out.stream(false), Err: out.stream(true)}), nil
	case "yield":
		return 0, s.yield(ctx)
	case "hold":
		return 0, s.hold(ctx, r, out)
	default:
		return 0, fmt.Errorf("the practice world does not know %q", r.Op)
	}
}

// yield ends the container that the first application began in: a process of node
// takes its port.
func (s *server) yield(ctx context.Context) error {
	if look, there := s.engine.Look(imageName); !there || !look.Running {
		return nil
	}
	return s.docker(ctx, s.appDir(), "stop", imageName)
}

// hold keeps a guest process (a service in the foreground, a migration) tied
// to the world; the addresses in Args are its listeners.
func (s *server) hold(ctx context.Context, r request, out *replier) error {
	s.guest(r.Args, 1)
	defer s.guest(r.Args, -1)
	out.send(reply{Out: []byte("held\n")})
	<-ctx.Done()
	return ctx.Err()
}

func (s *server) guest(addrs []string, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, addr := range addrs {
		s.guests[addr] += n
	}
}

func (s *server) status() *Status {
	ahead := s.clock.offset()
	st := &Status{
		ID: s.id, Dir: s.dir, PID: os.Getpid(), Since: s.since, Now: time.Now().Add(ahead), Ahead: ahead,
		Service: loopback(s.ports.service), Database: s.databaseAddr(),
		Containers: s.engine.Names(), Open: []string{},
	}
	for _, port := range s.engine.Ports() {
		st.Open = append(st.Open, net.JoinHostPort("127.0.0.1", port))
	}
	if s.pg != nil {
		st.Bin, st.PostgreSQL, st.Socket = s.Bin, s.pg.Version, s.pg.Socket+"/.s.PGSQL."+strconv.Itoa(s.pg.Port)
		st.Open = append(st.Open, s.databaseAddr())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	st.Resolver, st.Broken = s.resolver, slices.Sorted(maps.Keys(s.faulty))
	st.Open, st.Closed = append(st.Open, s.opened...), append(st.Closed, s.closed...)
	for addr, n := range s.guests {
		if n > 0 {
			st.Open = append(st.Open, addr)
		}
	}
	return st
}

// replier writes the lines of one answer.
type replier struct {
	mu   sync.Mutex
	conn net.Conn
}

func (r *replier) send(line reply) {
	r.mu.Lock()
	defer r.mu.Unlock()
	_ = json.NewEncoder(r.conn).Encode(line) // a client that left misses nothing
}

func (r *replier) stream(isErr bool) io.Writer { return stream{r, isErr} }

type stream struct {
	*replier
	isErr bool
}

func (s stream) Write(p []byte) (int, error) {
	if s.isErr {
		s.send(reply{Err: p})
	} else {
		s.send(reply{Out: p})
	}
	return len(p), nil
}
