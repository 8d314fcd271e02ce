package practice

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"runbook/runbook/book"
	"runbook/runbook/journal"
	"runbook/steps"
)

func TestStartFindStop(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	began := time.Now()
	w := startIn(t, home)
	t.Logf("cold start %v", time.Since(began))
	began = time.Now()
	found, err := Find(deadline(t), home)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("warm find %v", time.Since(began))
	if found.ID() != w.ID() || found.Dir() != w.Dir() {
		t.Errorf("found %s in %s, started %s in %s", found.ID(), found.Dir(), w.ID(), w.Dir())
	}
	st, err := w.Status(deadline(t))
	if err != nil {
		t.Fatal(err)
	}
	postmaster := serverPID(t, w)
	for _, addr := range []string{st.Service, st.Database} {
		if !listens(t, addr) {
			t.Errorf("nothing listens on %s", addr)
		}
	}
	qa, err := w.RoleKey(deadline(t), "qa-lead")
	again, againErr := w.RoleKey(deadline(t), "qa-lead")
	if _, keyErr := journal.KeyFile(qa); err != nil || againErr != nil || again != qa || keyErr != nil || qa == w.Key() {
		t.Errorf("the key of a role is %q, then %q: %v, %v, %v", qa, again, err, againErr, keyErr)
	}
	if _, err := w.RoleKey(deadline(t), "../key"); err == nil {
		t.Error("a role that is none has a key")
	}
	began = time.Now()
	end(t, w)
	t.Logf("stop %v", time.Since(began))
	gone(t, home, w.Dir(), st, postmaster)
	if _, err := Find(deadline(t), home); !errors.Is(err, ErrNone) {
		t.Errorf("found after the stop: %v", err)
	}
	signers, err := os.ReadFile(filepath.Join(home, "practice", "runs", "allowed_signers"))
	if err != nil || !strings.HasPrefix(string(signers), `practice namespaces="session@practice.runbook-log,watch@practice.runbook-log" ssh-ed25519 `) {
		t.Errorf("the public key did not stay: %q, %v", signers, err)
	}
	if n := strings.Count(string(signers), `practice-qa-lead namespaces="signoff.qa-lead@practice.runbook-log" ssh-ed25519 `); n != 1 || strings.Count(string(signers), "\n") != 2 {
		t.Errorf("the signers that stay are %s", signers)
	}
}

// gone asserts that nothing of a world is left: process, port, file, pointer.
func gone(t *testing.T, home, dir string, st Status, postmaster int) {
	t.Helper()
	for _, addr := range []string{st.Service, st.Database} {
		if listens(t, addr) {
			t.Errorf("%s is still open", addr)
		}
	}
	for _, pid := range []int{st.PID, postmaster} {
		if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) && !zombie(t, pid) {
			t.Errorf("process %d still lives: %v", pid, err)
		}
	}
	for _, file := range []string{dir, pointer(home)} {
		if _, err := os.Lstat(file); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is still there: %v", file, err)
		}
	}
}

func listens(t *testing.T, addr string) bool {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(deadline(t), "tcp", addr)
	if err != nil {
		return false
	}
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
	return true
}

func serverPID(t *testing.T, w *World) int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(w.Dir(), "pg", "data", "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	return atoi(t, strings.SplitN(string(text), "\n", 2)[0])
}

func TestTargetIsComplete(t *testing.T) {
	t.Parallel()
	w := sharedWith(t)
	names := []string{
		"base_url", "web_origin", "metrics_url", "image_tag", "image_name", "service_port", "db_schema", "db_role", "environment", "migrations",
		"env_file", "data_source", "http_url", "edge", "edge_http", "domain", "certificate", "certificate_key",
	}
	text, err := w.Target(append(names, "database_url", "unknown")...)
	if err != nil {
		t.Fatal(err)
	}
	target, err := book.ReadTarget(text, "practice")
	if err != nil {
		t.Fatal(err)
	}
	if target.Name != "practice" || target.Practice != w.ID() || target.Dir != w.Steps().Dir || len(target.Secrets) != 1 {
		t.Errorf("target is %+v", target)
	}
	for _, name := range names {
		if target.Vars[name] == "" {
			t.Errorf("var %s has no value", name)
		}
	}
	if text, err := w.Target("image_tag"); err != nil || strings.Contains(string(text), "base_url") {
		t.Errorf("a book gets vars that it does not declare: %s, %v", text, err)
	}
	env, err := w.Steps().Vars(t.Context(), "service")
	if err != nil || len(env["JWT_SECRET"]) < 43 || env["BCRYPT_ROUNDS"] != "12" || env["NODE_ENV"] != "production" {
		t.Errorf("service environment has %d values, %v", len(env), err)
	}
	if _, err := w.Steps().Vars(t.Context(), "file:/etc/passwd"); err == nil {
		t.Error("read a file outside the world")
	}
}

func TestDialLeadsNowhereElse(t *testing.T) {
	t.Parallel()
	w := sharedWith(t)
	host, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close() //nolint:errcheck // nobody came
	world := w.Steps()
	for _, addr := range []string{host.Addr().String(), "192.0.2.1:443", "example.com:80"} {
		if _, err := world.Dial(deadline(t), "tcp", addr); err == nil || !strings.Contains(err.Error(), "not in the practice world") {
			t.Errorf("dial %s: %v", addr, err)
		}
	}
	conn, err := world.Dial(deadline(t), "tcp", w.info.Load().Service)
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
}

func TestDatabaseIsReachedOverTLS(t *testing.T) {
	t.Parallel()
	w := sharedWith(t)
	world := w.Steps()
	secret, err := world.Secret(t.Context(), "database_url")
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := pgx.ParseConfig(secret.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	cfg.DialFunc, cfg.TLSConfig.RootCAs = world.Dial, world.Roots
	conn, err := pgx.ConnectConfig(deadline(t), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background()) //nolint:errcheck // only read
	var tls, monitor, super bool
	err = conn.QueryRow(t.Context(), `SELECT ssl, pg_has_role('pg_monitor', 'MEMBER'), (SELECT bool_or(rolsuper) FROM pg_roles WHERE rolname LIKE 'tickr%')
		FROM pg_stat_ssl WHERE pid = pg_backend_pid()`).Scan(&tls, &monitor, &super)
	if err != nil || !tls || !monitor || super {
		t.Errorf("tls %v, monitor %v, superuser %v, %v", tls, monitor, super, err)
	}
}

func TestTwoStartsAreOneWorld(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	worlds := make([]*World, 2)
	var both sync.WaitGroup
	for i := range worlds {
		both.Go(func() {
			w, err := start(deadline(t), plan{Home: home, Exe: os.Args[0]})
			if err != nil {
				t.Error(err)
				return
			}
			worlds[i] = w
		})
	}
	both.Wait()
	if t.Failed() {
		return
	}
	t.Cleanup(func() { end(t, worlds[0]) })
	if worlds[0].ID() != worlds[1].ID() {
		t.Errorf("two worlds: %s and %s", worlds[0].ID(), worlds[1].ID())
	}
}

func TestKilledWorldRefuses(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	w := startIn(t, home)
	world, st, postmaster := w.Steps(), *w.info.Load(), serverPID(t, w)
	if err := syscall.Kill(st.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	// The socket is refused from the moment the process is gone.
	for world.Practice.Alive(deadline(t)) == nil {
	}
	if err := world.Practice.Alive(deadline(t)); !errors.Is(err, ErrDead) {
		t.Errorf("alive: %v", err)
	}
	if r := do(t, w, "docker", "ps"); r.code != 97 || !strings.Contains(r.err, "dead") {
		t.Errorf("docker in a dead world: %+v", r)
	}
	if _, err := world.Dial(deadline(t), "tcp", st.Service); !errors.Is(err, ErrDead) {
		t.Errorf("dial: %v", err)
	}
	if _, err := world.Secret(t.Context(), "database_url"); !errors.Is(err, steps.ErrSecret) {
		t.Errorf("secret: %v", err)
	}
	if _, err := Find(deadline(t), home); !errors.Is(err, ErrDead) {
		t.Errorf("find: %v", err)
	}
	gone(t, home, w.Dir(), st, postmaster)
	if _, err := Find(deadline(t), home); !errors.Is(err, ErrNone) {
		t.Errorf("find again: %v", err)
	}
}

func TestWithoutPostgres(t *testing.T) {
	t.Parallel()
	w := newBare(t, t.TempDir())
	if st := w.info.Load(); st.PostgreSQL != "" || len(st.Containers) != 1 {
		t.Errorf("status is %+v", st)
	}
	if _, err := w.Steps().Secret(t.Context(), "database_url"); !errors.Is(err, ErrNoPostgres) || !errors.Is(err, steps.ErrSecret) {
		t.Errorf("secret: %v", err)
	}
	if code, _ := get(t, w, "GET", "/api/health", "", nil); code != 503 {
		t.Errorf("health answers %d", code)
	}
	if code, _ := get(t, w, "POST", "/api/auth/login", "", map[string]string{"email": "a@b.example", "password": "x"}); code != 503 {
		t.Errorf("login answers %d", code)
	}
	if _, err := w.Steps().Dial(deadline(t), "tcp", w.info.Load().Database); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("database: %v", err)
	}
}

// The world runs and links its own copy: the program it was started with may
// be rebuilt or deleted, as after `go run`.
func TestProgramIsTheWorldsOwn(t *testing.T) {
	t.Parallel()
	whole, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	exe := filepath.Join(t.TempDir(), "built-for-now")
	if err := os.WriteFile(exe, whole, 0o700); err != nil { // #nosec G306 G703 -- it is run
		t.Fatal(err)
	}
	w, err := start(deadline(t), plan{Home: t.TempDir(), Exe: exe, Path: os.Getenv("PATH")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { end(t, w) })
	if err := os.Remove(exe); err != nil {
		t.Fatal(err)
	}
	if r := do(t, w, "docker", "ps", "--format", "{{.Names}}").want(t, 0); r.out != "tickr-backend\n" {
		t.Errorf("docker ps says %q", r.out)
	}
	if running, err := os.Readlink(filepath.Join("/proc", strconv.Itoa(w.info.Load().PID), "exe")); err == nil && running != program(w.Dir()) {
		t.Errorf("the world's process runs %s", running)
	}
}

func TestClock(t *testing.T) {
	t.Parallel()
	w := newBare(t, t.TempDir())
	other, err := Find(deadline(t), w.home)
	if err != nil {
		t.Fatal(err)
	}
	clock := w.Steps().Clock
	due := clock.Now().Add(24 * time.Hour)
	reached := make(chan error, 1)
	go func() { reached <- clock.Wait(deadline(t), due) }()
	if err := other.Steps().Practice.Jump(t.Context(), due); err != nil {
		t.Fatal(err)
	}
	if err := <-reached; err != nil {
		t.Fatal(err)
	}
	if now := clock.Now(); now.Before(due) {
		t.Errorf("waited until %v, and it is %v", due, now)
	}
	if err := w.Steps().Practice.Jump(t.Context(), due.Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	if now := clock.Now(); now.Before(due) {
		t.Errorf("the clock went back to %v", now)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := clock.Wait(ctx, due.Add(time.Hour)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a real wait ended with %v", err)
	}
}
