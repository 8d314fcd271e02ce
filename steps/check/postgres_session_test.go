package check_test

import (
	"encoding/binary"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"runbook/steps"
	"runbook/steps/check"
)

// A policy that leaves rows out would show a table without them.
func TestPostgresRowsThatAreHidden(t *testing.T) {
	t.Parallel()
	c := postgres(t)
	conn := c.database(t, "veiled")
	exe(t, conn, `INSERT INTO users.verification_tokens (token_type, expires_at) VALUES ('A', now() - interval '90 days');
		INSERT INTO users.users (password_hash) VALUES ('plain'), ('$2b$12$' || repeat('x', 53));
		ALTER TABLE users.verification_tokens ENABLE ROW LEVEL SECURITY; ALTER TABLE users.users ENABLE ROW LEVEL SECURITY;
		CREATE POLICY strong ON users.users USING (password_hash LIKE '$2b$%')`)
	c.try(t, "veiled", map[string]pgCase{
		"retention":     {"veiled_sees", check.Postgres{Query: "retention"}, steps.Unknown, "row-level security"},
		"cost":          {"veiled_sees", check.Postgres{Query: "bcrypt_cost"}, steps.Unknown, "row-level security"},
		"registrations": {"veiled_sees", check.Postgres{Query: "registrations"}, steps.Unknown, "row-level security"},
		"by its owner":  {"admin", check.Postgres{Query: "retention"}, steps.Fail, "1 expired rows are kept"},
	})
}

// The time zone of a role or a database is not that of what is compared.
func TestPostgresTimeZoneOfTheRole(t *testing.T) {
	t.Parallel()
	c := postgres(t)
	conn := c.database(t, "zoned")
	exe(t, conn, `ALTER TABLE users.users ALTER created_at TYPE timestamptz; ALTER ROLE zoned_sees SET TimeZone = 'America/Los_Angeles';
		INSERT INTO users.users (password_hash, created_at) VALUES ('$2b$04$' || repeat('x', 53), '2026-01-01 12:00+00'), ('$2b$12$' || repeat('x', 53), '2026-01-03 12:00+00')`)
	c.try(t, "zoned", map[string]pgCase{
		"since": {"zoned_sees", check.Postgres{Query: "bcrypt_cost", Since: "2026-01-01T09:00:00Z"}, steps.Fail, "1 of 2 passwords"},
		"after": {"zoned_sees", check.Postgres{Query: "bcrypt_cost", Since: "2026-01-01T13:00:00Z"}, steps.Pass, ""},
	})
}

// Who logs in is asked about, not whom its role is set to be: RESET ROLE takes that off.
func TestPostgresRoleThatIsSet(t *testing.T) {
	t.Parallel()
	c := postgres(t)
	conn := c.database(t, "masked")
	exe(t, conn, "CREATE ROLE masked_maker LOGIN CREATEDB PASSWORD 'R0le-Pa55' IN ROLE masked; ALTER ROLE masked_maker SET role = 'masked'")
	c.try(t, "masked", map[string]pgCase{
		"role": {"masked_maker", check.Postgres{Query: "role"}, steps.Fail, "role masked_maker is createdb"},
	})
}

// Whoever pretends to answer can't make us keep what it sends.
func TestPostgresEndlessMessage(t *testing.T) {
	t.Parallel()
	l := listen(t)
	var sent atomic.Int64
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer func() { _ = conn.Close() }()
		_, _ = conn.Write(binary.BigEndian.AppendUint32([]byte("R"), 1<<30))
		for block := make([]byte, 1<<20); ; {
			n, err := conn.Write(block)
			if sent.Add(int64(n)); err != nil {
				return
			}
		}
	}()
	w := world(t, map[string]map[string]string{"secrets": {"db": "postgres://a:b@" + l.Addr().String() + "/x?sslmode=disable"}})
	r := do(t, &check.Postgres{Query: "connect", DSN: "db", Timeout: short(20 * time.Second)}, w)
	<-ended
	want(t, r, steps.Fail, "does not speak PostgreSQL")
	if n := sent.Load(); n > 64<<20 {
		t.Errorf("took %d MiB of one message", n>>20)
	}
}

// What speaks another protocol is no database that could not be asked.
func TestPostgresOfAnotherKind(t *testing.T) {
	t.Parallel()
	for name, says := range map[string]string{"http": "HTTP/1.1 400 Bad Request\r\n\r\n", "redis": "-ERR unknown command\r\n", "zeros": strings.Repeat("\x00", 64)} {
		l := listen(t)
		go func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				_, _ = conn.Read(make([]byte, 512))
				_, _ = conn.Write([]byte(says))
				_ = conn.Close()
			}
		}()
		for _, mode := range []string{"disable", "require"} {
			w := world(t, map[string]map[string]string{"secrets": {"db": "postgres://a:b@" + l.Addr().String() + "/x?sslmode=" + mode}})
			r := do(t, &check.Postgres{Query: "connect", DSN: "db", Timeout: short(5 * time.Second)}, w)
			if t.Log(name, mode, r.Verdict, r.Reason); r.Verdict != steps.Fail {
				t.Errorf("%s, %s: %s %q, want fail", name, mode, r.Verdict, r.Reason)
			}
		}
	}
}

// Among the files may lie what nobody writes to.
func TestPostgresMigrationsBesideAPipe(t *testing.T) {
	t.Parallel()
	c := postgres(t)
	c.database(t, "piped")
	w := c.asks(t, "piped", "piped", "verify-full")
	migrationFile(t, w.Dir, "First1700000000001")
	if err := syscall.Mkfifo(filepath.Join(w.Dir, "pipe.ts"), 0o600); err != nil {
		t.Fatal(err)
	}
	want(t, do(t, &check.Postgres{Query: "migrations", DSN: "db", Files: "*.ts", Timeout: short(time.Second)}, w), steps.Unknown, "not a regular file")
}
