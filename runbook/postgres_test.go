package runbook

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"

	"runbook/runbook/journal"
)

// server is a real, throwaway PostgreSQL. Its one password is every role's.
type server struct{ dir, port string }

const serverPassword = "Thr0w-Away"

// postgres starts a server that ends with the test.
func postgres(t *testing.T) *server {
	t.Helper()
	initdb, err := exec.LookPath("initdb")
	if err != nil {
		found, globErr := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
		if globErr != nil || len(found) == 0 {
			t.Skip("no PostgreSQL binaries on this machine")
		}
		initdb = found[len(found)-1]
	}
	if _, err := exec.LookPath("psql"); err != nil {
		t.Skip("no psql on this machine")
	}
	dir, err := os.MkdirTemp("/tmp", "rbpg") // another uid enters it, and a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	s := &server{dir: dir, port: freePort(t)}
	must(t, os.WriteFile(filepath.Join(dir, "pw"), []byte(serverPassword), 0o600))
	account := serverAccount(t, dir, filepath.Join(dir, "pw"))
	data := filepath.Join(dir, "data")
	start := func(name string, args ...string) *exec.Cmd {
		cmd := exec.CommandContext(context.Background(), filepath.Join(filepath.Dir(initdb), name), args...)
		cmd.Dir, cmd.Env = dir, []string{"PATH=/usr/bin:/bin", "LANG=C"}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: account}
		return cmd
	}
	if out, err := start("initdb", "-D", data, "-U", "admin", "-A", "scram-sha-256", "--pwfile", filepath.Join(dir, "pw"), "--no-sync").CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	process := start("postgres", "-D", data, "-p", s.port, "-k", dir, "-h", "127.0.0.1", "-F")
	must(t, process.Start())
	t.Cleanup(func() {
		_ = process.Process.Signal(syscall.SIGQUIT)
		_ = process.Wait()
	})
	waitFor(t, func() bool {
		conn, err := pgx.Connect(t.Context(), s.url("admin"))
		return err == nil && conn.Close(t.Context()) == nil
	})
	return s
}

// serverAccount is whom the server runs as: not root. It gets the files.
func serverAccount(t *testing.T, files ...string) *syscall.Credential {
	t.Helper()
	if os.Geteuid() != 0 {
		return nil
	}
	account, err := user.Lookup("postgres")
	must(t, err)
	uid, err := strconv.Atoi(account.Uid)
	must(t, err)
	gid, err := strconv.Atoi(account.Gid)
	must(t, err)
	for _, file := range files {
		must(t, os.Chown(file, uid, gid))
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	_, port, err := net.SplitHostPort(l.Addr().String())
	must(t, errors.Join(err, l.Close()))
	return port
}

func (s *server) url(role string) string {
	return fmt.Sprintf("postgres://%s:%s@127.0.0.1:%s/postgres?sslmode=disable", role, serverPassword, s.port)
}

// session is one of a role, closed with the test.
func (s *server) session(t *testing.T, role, app string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.url(role)+"&application_name="+app)
	must(t, err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func exe(t *testing.T, conn *pgx.Conn, sql string) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// notes are what the log says beside the steps' verbs, oldest first.
func (f *fixture) notes() []string {
	f.t.Helper()
	entries, err := journal.Read(f.run.Dir)
	must(f.t, err)
	var all []string
	for _, e := range entries {
		if body, err := decode[noteBody](e); e.Kind == kindNote && err == nil {
			all = append(all, body.Step+": "+body.Text)
		}
	}
	return all
}
