package check_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"runbook/steps"
	"runbook/steps/check"
)

const redisPassword = "R3dis-Pa55word"

// redisServer is a real server on a socket, and the world in which it has the
// address redis.example:6379.
func redisServer(t *testing.T, config ...string) *steps.World {
	t.Helper()
	w := world(t, map[string]map[string]string{"secrets": {"good": redisPassword, "bad": "wr0ng-Pa55word"}})
	w.Dial = dialSocket(redisSocket(t, config...))
	return w
}

// redisSocket is where a real server listens, which is ready and has no port.
func redisSocket(t *testing.T, config ...string) string {
	t.Helper()
	program, err := exec.LookPath("redis-server")
	if err != nil {
		t.Skip("no redis-server on this machine")
	}
	dir, err := os.MkdirTemp("/tmp", "rbredis") // a socket path holds 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	socket, data := filepath.Join(dir, "s"), filepath.Join(dir, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	server := exec.CommandContext(context.Background(), program, append([]string{"--port", "0", "--unixsocket", socket, "--dir", data}, config...)...)
	said, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Signal(syscall.SIGKILL) // it may have ended before
		_ = server.Wait()
	})
	lines := bufio.NewScanner(said)
	for lines.Scan() {
		if strings.Contains(lines.Text(), "ready to accept connections") || strings.Contains(lines.Text(), "Ready to accept connections") {
			go func() { _, _ = io.Copy(io.Discard, said) }()
			return socket
		}
	}
	t.Fatal("redis-server ended before it was ready")
	return ""
}

func dialSocket(socket string) dialFunc {
	return func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}
}

// tell says one thing to a server, in the words of a telnet.
func tell(t *testing.T, w *steps.World, words string) {
	t.Helper()
	conn, err := w.Dial(t.Context(), "tcp", "redis.example:6379")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := io.WriteString(conn, words+"\r\n"); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(conn).ReadString('\n'); err != nil || !strings.HasPrefix(line, "+") && !strings.HasPrefix(line, ":") {
		t.Fatalf("%s: %q, %v", words, line, err)
	}
}

func redisAt(change func(*check.Redis)) *check.Redis {
	c := &check.Redis{Address: "redis.example:6379"}
	change(c)
	return c
}

func TestRedis(t *testing.T) {
	t.Parallel()
	w := redisServer(t, "--requirepass", redisPassword, "--maxmemory", "64mb", "--appendonly", "yes")
	free := redisServer(t, "--save", "")
	for name, c := range map[string]struct {
		w       *steps.World
		check   *check.Redis
		verdict steps.Verdict
		reason  string
	}{
		"all of it": {w, redisAt(func(c *check.Redis) {
			c.Password, c.Role, c.MaxMemoryPercent, c.Persistence, c.Max = "good", "master", "85", true, short(time.Minute)
		}), steps.Pass, ""},
		"the default user by name": {w, redisAt(func(c *check.Redis) { c.User, c.Password = "default", "good" }), steps.Pass, ""},
		"no password":              {w, redisAt(func(*check.Redis) {}), steps.Fail, "wants credentials, and none are given"},
		"a wrong password":         {w, redisAt(func(c *check.Redis) { c.Password = "bad" }), steps.Fail, "refuses the credentials"},
		"a password nobody has":    {w, redisAt(func(c *check.Redis) { c.Password = "none" }), steps.Unknown, "secret not available"},
		"no replica":               {w, redisAt(func(c *check.Redis) { c.Password, c.Role = "good", "replica" }), steps.Fail, "it is a master, wanted a replica"},
		"memory used up":           {w, redisAt(func(c *check.Redis) { c.Password, c.MaxMemoryPercent = "good", "0.1" }), steps.Fail, "wanted at most 0.1%"},
		"too slow":                 {free, redisAt(func(c *check.Redis) { c.Max = short(time.Nanosecond) }), steps.Fail, "wanted within 1ns"},
		"no bound":                 {free, redisAt(func(c *check.Redis) { c.MaxMemoryPercent = "85" }), steps.Fail, "no maxmemory is set"},
		"not persistent":           {free, redisAt(func(c *check.Redis) { c.Persistence = true }), steps.Fail, "neither AOF nor RDB is on"},
		"no port":                  {free, &check.Redis{Address: "localhost"}, steps.Unknown, "not host:port"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := do(t, c.check, c.w)
			want(t, r, c.verdict, c.reason)
			never(t, r, redisPassword, "wr0ng")
		})
	}
}

func TestRedisRights(t *testing.T) {
	t.Parallel()
	// One that may ask PING only, and one that may ask INFO too.
	w := redisServer(t, "--user", "pings", "on", ">"+redisPassword, "+ping", "--user", "asks", "on", ">"+redisPassword, "+ping", "+info")
	as := func(user string, change func(*check.Redis)) steps.Result {
		c := redisAt(change)
		c.User, c.Password = user, "good"
		return do(t, c, w)
	}
	want(t, as("pings", func(*check.Redis) {}), steps.Pass, "")
	want(t, as("pings", func(c *check.Redis) { c.Role = "master" }), steps.Unknown, "missing privilege")
	want(t, as("asks", func(c *check.Redis) { c.Role = "master" }), steps.Pass, "")
	want(t, as("asks", func(c *check.Redis) { c.Persistence = true }), steps.Unknown, "whether RDB is on can't be asked")
}

// A server may have its commands renamed: it works, and tells nothing of itself.
func TestRedisWithoutInfo(t *testing.T) {
	t.Parallel()
	w := redisServer(t, "--rename-command", "INFO", "hidden")
	want(t, do(t, redisAt(func(*check.Redis) {}), w), steps.Pass, "")
	want(t, do(t, redisAt(func(c *check.Redis) { c.Role = "master" }), w), steps.Unknown, "INFO can't be asked")
}

func TestRedisReplica(t *testing.T) {
	t.Parallel()
	w := redisServer(t)
	tell(t, w, "REPLICAOF 127.0.0.1 "+closedPort(t)[len("127.0.0.1:"):])
	want(t, do(t, redisAt(func(c *check.Redis) { c.Role = "master" }), w), steps.Fail, "it is a replica, wanted a master")
	want(t, do(t, redisAt(func(c *check.Redis) { c.Role = "replica" }), w), steps.Fail, "the link to its master is down")
}

// A server that can't save takes no writes, and answers even PING with that; one
// that is told to go on tells it by INFO.
func TestRedisThatCannotSave(t *testing.T) {
	t.Parallel()
	for setting, reason := range map[string]string{"yes": "MISCONF", "no": "rdb_last_bgsave_status is err"} {
		t.Run(setting, func(t *testing.T) {
			t.Parallel()
			w, socket := world(t, nil), redisSocket(t, "--stop-writes-on-bgsave-error", setting)
			w.Dial = dialSocket(socket)
			persistent := redisAt(func(c *check.Redis) { c.Persistence = true })
			want(t, do(t, persistent, w), steps.Pass, "")
			if err := os.Remove(filepath.Join(filepath.Dir(socket), "data")); err != nil {
				t.Fatal(err)
			}
			tell(t, w, "BGSAVE")
			r := do(t, persistent, w)
			for r.Verdict == steps.Pass && t.Context().Err() == nil { // until its child has ended
				r = do(t, persistent, w)
			}
			// It may have ended between the two questions of one look.
			want(t, do(t, persistent, w), steps.Fail, reason)
		})
	}
}

func TestRedisOverTLS(t *testing.T) {
	t.Parallel()
	web := httptest.NewTLSServer(nil) // for its certificate
	t.Cleanup(web.Close)
	socket := redisSocket(t)
	l := tls.NewListener(listen(t), &tls.Config{Certificates: web.TLS.Certificates, MinVersion: tls.VersionTLS12})
	go forward(l, socket)
	w := world(t, nil)
	w.Dial = dialInstead(w.Dial, "example.com:6379", l.Addr().String())
	c := &check.Redis{Address: "example.com:6379", TLS: true, Role: "master"}
	want(t, do(t, c, w), steps.Fail, "unknown authority")
	w.Roots = x509.NewCertPool()
	w.Roots.AddCert(web.Certificate())
	want(t, do(t, c, w), steps.Pass, "")
	other := &check.Redis{Address: "other.example:6379", TLS: true}
	w.Dial = dialInstead(w.Dial, "other.example:6379", l.Addr().String())
	want(t, do(t, other, w), steps.Fail, "for another name")
	plain := &check.Redis{Address: silent(t), TLS: true, Timeout: short(50 * time.Millisecond)}
	want(t, do(t, plain, world(t, nil)), steps.Fail, "no answer within 50ms")
}

// forward carries each connection to a socket, until the listener is closed.
func forward(l net.Listener, socket string) {
	for {
		from, err := l.Accept()
		if err != nil {
			return
		}
		to, err := new(net.Dialer).DialContext(context.Background(), "unix", socket)
		if err != nil {
			_ = from.Close()
			return
		}
		go func() { _, _ = io.Copy(to, from); _ = to.Close() }()
		go func() { _, _ = io.Copy(from, to); _ = from.Close() }()
	}
}

func TestRedisThatIsNone(t *testing.T) {
	t.Parallel()
	w := world(t, nil)
	web := strings.TrimPrefix(serve(t, api), "http://")
	want(t, do(t, &check.Redis{Address: web}, w), steps.Fail, "does not speak Redis")
	want(t, do(t, &check.Redis{Address: closedPort(t)}, w), steps.Fail, "connection refused")
	want(t, do(t, &check.Redis{Address: silent(t), Timeout: short(50 * time.Millisecond)}, w), steps.Fail, "no answer within 50ms")
	want(t, do(t, &check.Redis{Address: "169.254.169.254:6379"}, w), steps.Unknown, "metadata")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	want(t, (&check.Redis{Address: silent(t)}).Do(ctx, w), steps.Unknown, "interrupted")
}
