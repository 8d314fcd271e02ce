package check_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"runbook/steps"
	"runbook/steps/check"
)

func TestPostgresPoolSize(t *testing.T) {
	t.Parallel()
	c := postgres(t)
	c.database(t, "pools")
	c.try(t, "pools", map[string]pgCase{
		"no pool":     {"pools", check.Postgres{Query: "pooler"}, steps.Fail, "no pooler stands before the server"},
		"small":       {"pools", check.Postgres{Query: "pooler", Pool: "10", Copies: "2"}, steps.Pass, ""},
		"one copy":    {"pools", check.Postgres{Query: "pooler", Pool: "77"}, steps.Pass, ""},
		"large":       {"pools", check.Postgres{Query: "pooler", Pool: "20", Copies: "4"}, steps.Fail, "4 copies with 20 connections each are 80, wanted at most 77"},
		"no size":     {"pools", check.Postgres{Query: "pooler", Pool: "0"}, steps.Fail, "has no size"},
		"not decided": {"pools", check.Postgres{Query: "connect", Pool: "${pool}"}, steps.Pass, ""},
	})
	ask := func(size, copies string, cause error) steps.Result {
		t.Helper()
		w := c.asks(t, "pools", "pools", "")
		vars := w.Vars
		w.Vars = func(ctx context.Context, source string) (map[string]string, error) {
			all, err := vars(ctx, source)
			if size != "" {
				all["DB_POOL_MAX"] = size
			}
			return all, errors.Join(err, cause)
		}
		return do(t, &check.Postgres{Query: "pooler", Copies: copies}, w)
	}
	want(t, ask("10", "2", nil), steps.Pass, "")
	want(t, ask("10", "8", nil), steps.Fail, "8 copies with 10 connections each are 80, wanted at most 77")
	want(t, ask("many", "2", nil), steps.Unknown, `"many" is not a number`)
	want(t, ask("", "2", nil), steps.Fail, "neither pool nor DB_POOL_MAX is given")
	want(t, ask("", "2", &steps.PartialEnv{Names: map[string]string{"DB_POOL_MAX": "a config map may not be read"}}), steps.Unknown, "DB_POOL_MAX is not known")
}

// bouncer is a real PgBouncer before the cluster, with one server connection for
// all of a role's clients.
func (c *cluster) bouncer(t *testing.T, role string) *cluster {
	t.Helper()
	program := "/usr/sbin/pgbouncer"
	if path, err := exec.LookPath("pgbouncer"); err == nil {
		program = path
	} else if _, err := os.Stat(program); err != nil {
		t.Skip("no PgBouncer on this machine")
	}
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{
		"bouncer.users": fmt.Sprintf("%q \"R0le-Pa55\"\n", role),
		"bouncer.ini": fmt.Sprintf(`[databases]
* = host=127.0.0.1 port=%s
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %s
unix_socket_dir =
auth_type = scram-sha-256
auth_file = %[3]s/bouncer.users
pool_mode = transaction
default_pool_size = 1
server_tls_sslmode = require
client_tls_sslmode = require
client_tls_cert_file = %[3]s/crt
client_tls_key_file = %[3]s/key
`, c.port, port, c.dir),
	}
	for name, text := range files {
		path := filepath.Join(c.dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if c.account != nil {
			if err := os.Chown(path, int(c.account.Uid), int(c.account.Gid)); err != nil {
				t.Fatal(err)
			}
		}
	}
	cmd := c.command(program, filepath.Join(c.dir, "bouncer.ini"))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait() // it ends by a signal
	})
	pooled := &cluster{dir: c.dir, port: port, roots: c.roots, account: c.account}
	for t.Context().Err() == nil {
		conn, err := pgx.Connect(t.Context(), pooled.url(role, "R0le-Pa55", role, "require"))
		if err == nil {
			_ = conn.Close(t.Context())
			break
		}
	}
	return pooled
}

// Every question is asked twice, so that the second comes over a connection
// that the first one used.
func TestPostgresThroughPgBouncer(t *testing.T) {
	t.Parallel()
	c := postgres(t)
	conn := c.database(t, "pooled")
	exe(t, conn, `GRANT pg_monitor TO pooled; GRANT SELECT ON ALL TABLES IN SCHEMA users TO pooled; GRANT SELECT ON ALL SEQUENCES IN SCHEMA users TO pooled; CREATE EXTENSION pg_stat_statements;
		INSERT INTO users.users (password_hash) VALUES ('$2b$12$' || repeat('x', 53)); INSERT INTO users.verification_tokens (token_type, used_at) VALUES ('A', now())`)
	pooled := c.bouncer(t, "pooled")
	w := pooled.asks(t, "pooled", "pooled", "verify-full")
	config, err := pgx.ParseConfig(pooled.url("pooled", "R0le-Pa55", "pooled", "require"))
	if err != nil {
		t.Fatal(err)
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	other, err := pgx.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close(context.Background()) }()
	// What others have left in the server's session stands before no catalog.
	exe(t, other, "CREATE TEMP TABLE pg_roles AS SELECT * FROM pg_catalog.pg_roles LIMIT 0")
	exe(t, other, "CREATE TEMP TABLE pg_stat_activity AS SELECT * FROM pg_catalog.pg_stat_activity LIMIT 0")
	want(t, do(t, &check.Postgres{Query: "role", DSN: "db", Role: "admin"}, w), steps.Fail, "role admin is superuser")
	w.Clock = passing{waited: new(time.Duration), meanwhile: func() error { exe(t, conn, "SELECT 'meanwhile'"); return nil }}
	for range 2 {
		for _, q := range []check.Postgres{
			{Query: "pooler"},
			{Query: "connect"},
			{Query: "version", Min: "14"},
			{Query: "schema", Schema: "users"},
			{Query: "role", Role: "pooled_sees"},
			{Query: "tls"},
			{Query: "grants", Schema: "users", Required: []string{"SELECT"}},
			{Query: "superusers", Allowed: powerful()},
			{Query: "sessions", Role: "admin"},
			{Query: "connections"},
			{Query: "prepared"},
			{Query: "slow_queries", MaxMS: "900000", Min: "1"},
			{Query: "settings", Settings: map[string]string{"wal_level": "replica"}},
			{Query: "extensions", Extensions: []string{"plpgsql"}},
			{Query: "sequences"},
			{Query: "wraparound"},
			{Query: "sizes", MaxSize: "1GiB", MaxGrowth: "100MiB"},
			{Query: "vacuum", Min: "0"},
			{Query: "table_locks", Tables: []string{"users.verification_tokens"}, Max: short(time.Hour)},
			{Query: "index_builds"},
			{Query: "duplicate_indexes"},
			{Query: "unused_indexes"},
			{Query: "foreign_keys"},
			{Query: "not_valid"},
			{Query: "checksums"},
			{Query: "retention"},
			{Query: "bcrypt_cost"},
			{Query: "registrations"},
			{Query: "token_flow"},
			{Query: "active_users", Column: "created_at"},
			{Query: "expected_indexes", Indexes: []string{"users.users_pkey"}},
		} {
			q.DSN = "db"
			if r := do(t, &q, w); r.Verdict != steps.Pass {
				t.Errorf("%s through PgBouncer: %s %q", q.Query, r.Verdict, r.Reason)
			}
		}
	}
	// What a check has set went with its transaction: others get the connection.
	var left string
	if err := other.QueryRow(t.Context(), "SELECT concat_ws(' ', current_setting('lock_timeout'), current_setting('statement_timeout'), current_setting('search_path'), current_setting('row_security'), current_setting('transaction_read_only'))").Scan(&left); err != nil || left != `0 0 "$user", public on off` {
		t.Errorf("a check left %q, %v", left, err)
	}
}
