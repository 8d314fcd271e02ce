package check_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"runbook/steps"
	"runbook/steps/check"
)

// asks is a world whose secret "db" leads to a role of a database.
func (c *cluster) asks(t *testing.T, role, database, sslmode string) *steps.World {
	t.Helper()
	password := "R0le-Pa55"
	if role == "admin" {
		password = adminPassword
	}
	w := world(t, map[string]map[string]string{
		"secrets": {"db": c.url(role, password, database, sslmode)},
		"service": {"DB_HOST": "127.0.0.1", "DB_PORT": c.port, "DB_USERNAME": role, "DB_PASSWORD": password, "DB_NAME": database, "DB_SSL": "true"},
	})
	w.Roots = c.roots
	return w
}

type pgCase struct {
	role    string
	check   check.Postgres
	verdict steps.Verdict
	reason  string
}

func (c *cluster) try(t *testing.T, database string, cases map[string]pgCase) {
	t.Helper()
	for name, one := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			one.check.DSN = "db"
			r := do(t, &one.check, c.asks(t, one.role, database, "verify-full"))
			want(t, r, one.verdict, one.reason)
			never(t, r, "Pa55")
			if !strings.HasPrefix(r.Where, "127.0.0.1:") {
				t.Errorf("where is %q", r.Where)
			}
		})
	}
}

func TestPostgresServer(t *testing.T) {
	t.Parallel()
	c := postgres(t)
	conn := c.database(t, "server")
	exe(t, conn, "CREATE ROLE server_boss SUPERUSER NOLOGIN; CREATE ROLE server_sneaky LOGIN PASSWORD 'R0le-Pa55' IN ROLE server_boss")
	c.try(t, "server", map[string]pgCase{
		"connect":              {"server", check.Postgres{Query: "connect"}, steps.Pass, ""},
		"version":              {"server", check.Postgres{Query: "version", Min: "14"}, steps.Pass, ""},
		"older than wanted":    {"server", check.Postgres{Query: "version", Min: "99"}, steps.Fail, "wanted at least 99"},
		"older minor":          {"server", check.Postgres{Query: "version", Min: "15.999"}, steps.Fail, "wanted at least 15.999"},
		"schema":               {"server", check.Postgres{Query: "schema", Schema: "users"}, steps.Pass, ""},
		"no schema":            {"server", check.Postgres{Query: "schema", Schema: "orders"}, steps.Fail, "orders does not exist"},
		"role":                 {"server", check.Postgres{Query: "role"}, steps.Pass, ""},
		"superuser":            {"admin", check.Postgres{Query: "role"}, steps.Fail, "role admin is superuser"},
		"superuser by name":    {"server", check.Postgres{Query: "role", Role: "admin"}, steps.Fail, "superuser"},
		"member of superusers": {"server_sneaky", check.Postgres{Query: "role"}, steps.Fail, "member of server_boss"},
		"no role":              {"server", check.Postgres{Query: "role", Role: "ghost"}, steps.Fail, "ghost does not exist"},
		"tls":                  {"server", check.Postgres{Query: "tls"}, steps.Pass, ""},
		"audit is off":         {"admin", check.Postgres{Query: "audit"}, steps.Fail, "log_connections is off"},
		"audit without right":  {"server", check.Postgres{Query: "audit"}, steps.Unknown, ""},
	})
}

func TestPostgresConnecting(t *testing.T) {
	t.Parallel()
	c := postgres(t)
	c.database(t, "conn")
	query := func(w *steps.World, q string) steps.Result {
		t.Helper()
		r := do(t, &check.Postgres{Query: q, DSN: "db", Timeout: short(time.Second)}, w)
		never(t, r, "Pa55")
		return r
	}
	at := func(url string) *steps.World {
		return world(t, map[string]map[string]string{"secrets": {"db": url}})
	}
	want(t, query(c.asks(t, "conn", "conn", "require"), "tls"), steps.Warn, "sslmode require does not verify")
	want(t, query(c.asks(t, "conn", "conn", "verify-ca"), "tls"), steps.Pass, "")
	want(t, query(c.asks(t, "conn", "conn", "disable"), "tls"), steps.Fail, "plain text")
	want(t, query(c.asks(t, "conn", "conn", "strict"), "tls"), steps.Unknown, "sslmode")
	want(t, query(at(c.url("conn", "R0le-Pa55", "conn", "verify-full")), "connect"), steps.Fail, "unknown authority")
	want(t, query(at(c.url("conn", "R0le-Pa55", "conn", "verify-ca")), "connect"), steps.Fail, "unknown authority")
	want(t, query(at(c.url("conn", "wr0ng-Pa55", "conn", "disable")), "connect"), steps.Unknown, "credentials of db are refused")
	want(t, query(at(c.url("conn", "R0le-Pa55", "nowhere", "disable")), "connect"), steps.Fail, `"nowhere" does not exist`)
	want(t, query(at("postgres://conn:R0le-Pa55@"+closedPort(t)+"/conn"), "connect"), steps.Fail, "connection refused")
	want(t, query(at("postgres://conn:R0le-Pa55@"+silent(t)+"/conn?sslmode=require"), "connect"), steps.Fail, "no answer within 1s")
	want(t, query(at("postgres://conn:R0le-Pa55@"+silent(t)+"/conn?sslmode=disable"), "connect"), steps.Fail, "no answer within 1s")
	want(t, query(at("postgres://conn:R0le-Pa55@169.254.169.254/conn"), "connect"), steps.Unknown, "metadata")
	want(t, query(at("postgres://conn:R0l:e-Pa55@h/conn"), "connect"), steps.Fail, "resolve")
	want(t, query(at("host=h password=R0le-Pa55"), "connect"), steps.Unknown, "not a postgres:// URL")
	want(t, query(at("postgres://conn:%zzPa55@h/conn"), "connect"), steps.Unknown, "not a postgres:// URL")
	want(t, query(world(t, nil), "connect"), steps.Unknown, "not available")

	service := do(t, &check.Postgres{Query: "connect"}, c.asks(t, "conn", "conn", ""))
	want(t, service, steps.Pass, "")
	wrong := c.asks(t, "conn", "conn", "")
	wrong.Vars = func(context.Context, string) (map[string]string, error) {
		return map[string]string{"DATABASE_URL": c.url("conn", "wr0ng-Pa55", "conn", "disable")}, nil
	}
	refused := do(t, &check.Postgres{Query: "connect"}, wrong)
	want(t, refused, steps.Fail, "own credentials are refused")
	never(t, refused, "Pa55")
}

func TestPostgresInterruptedIsUnknown(t *testing.T) {
	t.Parallel()
	listener := listen(t)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		if conn, err := listener.Accept(); err == nil {
			cancel()
			<-t.Context().Done()
			_ = conn.Close()
		}
	}()
	w := world(t, map[string]map[string]string{"secrets": {"db": "postgres://a:b@" + listener.Addr().String() + "/x?sslmode=disable"}})
	want(t, (&check.Postgres{Query: "connect", DSN: "db"}).Do(ctx, w), steps.Unknown, "interrupted")
}

func migrationFile(t *testing.T, dir, name string) {
	t.Helper()
	text := fmt.Sprintf("import { MigrationInterface } from 'typeorm';\n\nexport class %s implements MigrationInterface {\n  name = '%s';\n}\n", name, name)
	if err := os.WriteFile(filepath.Join(dir, name+".ts"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestPostgresMigrations(t *testing.T) {
	t.Parallel()
	c := postgres(t)
	conn := c.database(t, "migr")
	w := c.asks(t, "migr", "migr", "verify-full")
	ask := func(change func(*check.Postgres)) steps.Result {
		t.Helper()
		q := &check.Postgres{Query: "migrations", DSN: "db", Files: "*.ts"}
		change(q)
		return do(t, q, w)
	}
	plain := func(*check.Postgres) {}
	planned := func(q *check.Postgres) { q.Pending = "any" }
	want(t, ask(plain), steps.Unknown, "no TypeORM migrations")
	migrationFile(t, w.Dir, "First1700000000001")
	migrationFile(t, w.Dir, "Second1700000000002")
	want(t, ask(plain), steps.Fail, "2 pending, the first is First1700000000001")
	exe(t, conn, `CREATE TABLE public.migrations (id serial PRIMARY KEY, "timestamp" bigint NOT NULL, name varchar NOT NULL)`)
	want(t, ask(plain), steps.Unknown, "no SELECT")
	exe(t, conn, "GRANT SELECT ON public.migrations TO migr")
	want(t, ask(planned), steps.Pass, "")
	exe(t, conn, "INSERT INTO public.migrations (timestamp, name) VALUES (1700000000001, 'First1700000000001')")
	plan := ask(planned)
	want(t, plan, steps.Pass, "")
	if e := evidence(t, plan, "pending 1"); e.Value != "Second1700000000002" {
		t.Errorf("the plan is %+v", plan.Evidence)
	}
	exe(t, conn, "INSERT INTO public.migrations (timestamp, name) VALUES (1700000000002, 'Second1700000000002')")
	want(t, ask(plain), steps.Pass, "")
	migrationFile(t, w.Dir, "Late1600000000000")
	want(t, ask(planned), steps.Fail, "Late1600000000000 is older")
	exe(t, conn, "INSERT INTO public.migrations (timestamp, name) VALUES (1600000000000, 'Late1600000000000'), (1800000000000, 'Stray1800000000000')")
	want(t, ask(plain), steps.Warn, "Stray1800000000000")
	want(t, ask(func(q *check.Postgres) { q.Table = `public.mig"; drop table x; --` }), steps.Fail, "3 pending")
}

func TestPostgresData(t *testing.T) {
	t.Parallel()
	c := postgres(t)
	conn := c.database(t, "data")
	t.Run("empty", func(t *testing.T) {
		c.try(t, "data", map[string]pgCase{
			"no password":      {"data_sees", check.Postgres{Query: "bcrypt_cost"}, steps.Unknown, "no password was set"},
			"no registration":  {"data_sees", check.Postgres{Query: "registrations"}, steps.Unknown, "no registration"},
			"no token":         {"data_sees", check.Postgres{Query: "token_flow"}, steps.Unknown, "no token"},
			"no right":         {"data", check.Postgres{Query: "bcrypt_cost"}, steps.Unknown, "missing privilege"},
			"no statistics":    {"data_sees", check.Postgres{Query: "slow_queries"}, steps.Unknown, "pg_stat_statements is not installed"},
			"indexes":          {"data", check.Postgres{Query: "invalid_indexes"}, steps.Pass, ""},
			"expected indexes": {"data", check.Postgres{Query: "expected_indexes", Indexes: []string{"users.users_pkey"}}, steps.Pass, ""},
			"missing index":    {"data", check.Postgres{Query: "expected_indexes", Indexes: []string{"users.users_pkey", "idx_users_phone"}}, steps.Fail, "public.idx_users_phone is missing"},
			"schema unseen":    {"data", check.Postgres{Query: "archiver"}, steps.Unknown, "grant it pg_monitor"},
		})
	})
	hash := "$2b$%s$" + strings.Repeat("x", 53)
	exe(t, conn, fmt.Sprintf("INSERT INTO users.users (password_hash, created_at) VALUES ('%s', '2020-01-01')", fmt.Sprintf(hash, "10")))
	exe(t, conn, fmt.Sprintf("INSERT INTO users.users (password_hash) VALUES ('%s')", fmt.Sprintf(hash, "12")))
	exe(t, conn, "INSERT INTO users.verification_tokens (token_type, used_at) VALUES ('EMAIL', now()), ('EMAIL', NULL), ('RESET', NULL)")
	if _, err := conn.Exec(t.Context(), "CREATE TABLE twice AS SELECT 1 AS id UNION ALL SELECT 1"); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(t.Context(), "CREATE UNIQUE INDEX CONCURRENTLY twice_id ON twice (id)"); err == nil {
		t.Fatal("a unique index on duplicates was built")
	}
	t.Run("filled", func(t *testing.T) {
		c.try(t, "data", map[string]pgCase{
			"cost":             {"data_sees", check.Postgres{Query: "bcrypt_cost", Since: "2024-01-01T00:00:00Z"}, steps.Pass, ""},
			"old cost":         {"data_sees", check.Postgres{Query: "bcrypt_cost"}, steps.Fail, "1 of 2 passwords have a cost below 12"},
			"registrations":    {"data_sees", check.Postgres{Query: "registrations"}, steps.Pass, ""},
			"tokens used":      {"data_sees", check.Postgres{Query: "token_flow", TokenType: "EMAIL"}, steps.Pass, ""},
			"tokens unused":    {"data_sees", check.Postgres{Query: "token_flow"}, steps.Fail, "0.0 % of RESET tokens"},
			"invalid index":    {"data_sees", check.Postgres{Query: "invalid_indexes"}, steps.Fail, "public.twice_id is invalid"},
			"cannot tell":      {"data", check.Postgres{Query: "invalid_indexes"}, steps.Unknown, "cannot tell"},
			"expected invalid": {"data", check.Postgres{Query: "expected_indexes", Indexes: []string{"public.twice_id"}}, steps.Fail, "is invalid"},
			"connections":      {"data_sees", check.Postgres{Query: "connections"}, steps.Pass, ""},
			"many connections": {"data_sees", check.Postgres{Query: "connections", WarnPercent: "0"}, steps.Warn, "in use"},
			"all connections":  {"data_sees", check.Postgres{Query: "connections", MaxPercent: "0"}, steps.Fail, "in use"},
			"connections seen": {"data", check.Postgres{Query: "connections"}, steps.Unknown, "grant it pg_monitor"},
		})
	})
}

// TestPostgresLocks holds real locks; nothing else in the cluster waits.
func TestPostgresLocks(t *testing.T) {
	t.Parallel()
	c := postgres(t)
	conn := c.database(t, "locks")
	exe(t, conn, "ALTER TABLE users.users ADD COLUMN last_login_at timestamptz; ALTER TABLE users.users ADD CONSTRAINT counted CHECK (id > 0) NOT VALID; GRANT SELECT ON ALL SEQUENCES IN SCHEMA users TO locks_sees")
	ask := func(role, query string) steps.Result {
		t.Helper()
		return do(t, &check.Postgres{Query: query, DSN: "db", Max: short(time.Millisecond)}, c.asks(t, role, "locks", "verify-full"))
	}
	want(t, ask("locks_sees", "blocking_tree"), steps.Pass, "")
	want(t, ask("locks", "blocking_tree"), steps.Unknown, "grant it pg_monitor")
	want(t, ask("locks", "long_transactions"), steps.Unknown, "grant it pg_monitor")

	idle := c.connect(t, "locks")
	exe(t, idle, "BEGIN")
	exe(t, idle, "SELECT * FROM users.users")
	waiting := c.connect(t, "locks")
	altered := make(chan error, 1)
	go func() {
		_, err := waiting.Exec(context.Background(), "ALTER TABLE users.users ADD COLUMN secret_note text DEFAULT 'do-not-show'")
		altered <- err
	}()
	untilWaiting(t, conn)

	blocked := ask("locks_sees", "blocking_tree")
	want(t, blocked, steps.Fail, fmt.Sprintf("the root is pid %d admin (idle in transaction)", idle.PgConn().PID()))
	never(t, blocked, "do-not-show")
	want(t, ask("locks_sees", "long_transactions"), steps.Fail, "wanted none")
	for _, query := range []string{"bcrypt_cost", "registrations", "active_users", "not_valid"} {
		began := time.Now()
		want(t, ask("locks_sees", query), steps.Blocked, "see blocking_tree")
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("%s waited %s behind what it watches", query, took)
		}
	}
	for _, q := range []check.Postgres{
		{Query: "grants", Schema: "users", Required: []string{"SELECT"}},
		{Query: "superusers", Allowed: powerful()},
		{Query: "plain_sessions"},
		{Query: "sessions", Role: "admin"},
		{Query: "duplicate_indexes"},
		{Query: "unused_indexes"},
		{Query: "foreign_keys"},
		{Query: "pooler", Pool: "1"},
		{Query: "prepared"},
		{Query: "slots"},
		{Query: "checksums"},
		{Query: "settings", Settings: map[string]string{"wal_level": "replica"}},
		{Query: "extensions", Extensions: []string{"plpgsql"}},
		{Query: "sequences"},
		{Query: "wraparound"},
		{Query: "sizes", MaxSize: "1GiB"},
		{Query: "vacuum", Min: "0"},
		{Query: "table_locks", Tables: []string{"users.users"}},
		{Query: "index_builds"},
	} {
		q.DSN = "db"
		if r := do(t, &q, c.asks(t, "locks_sees", "locks", "verify-full")); r.Verdict == steps.Blocked || r.Verdict == steps.Unknown || len(r.Evidence) == 0 {
			t.Errorf("%s has no answer while a migration waits: %s %q", q.Query, r.Verdict, r.Reason)
		}
	}
	exe(t, idle, "ROLLBACK")
	if err := <-altered; err != nil {
		t.Fatalf("the checks disturbed the migration: %v", err)
	}
	want(t, ask("locks_sees", "blocking_tree"), steps.Pass, "")

	// An aborted transaction has no beginning any more, and is idle all the same.
	exe(t, idle, "BEGIN")
	if _, err := idle.Exec(t.Context(), "SELECT 1/0"); err == nil {
		t.Fatal("division by zero passed")
	}
	aborted := ask("locks_sees", "long_transactions")
	want(t, aborted, steps.Fail, "wanted none")
	if e := evidence(t, aborted, fmt.Sprintf("pid %d admin", idle.PgConn().PID())); !strings.Contains(e.Value, "aborted") {
		t.Errorf("the aborted transaction is told as %q", e.Value)
	}
	exe(t, idle, "ROLLBACK")

	// A prepared transaction holds its locks without a session.
	exe(t, idle, "BEGIN; LOCK TABLE users.users IN ACCESS EXCLUSIVE MODE; PREPARE TRANSACTION 'forgotten'")
	go func() {
		_, err := waiting.Exec(context.Background(), "ALTER TABLE users.users ADD COLUMN more int")
		altered <- err
	}()
	untilWaiting(t, conn)
	want(t, ask("locks_sees", "blocking_tree"), steps.Fail, "a prepared transaction (no session)")
	exe(t, conn, "ROLLBACK PREPARED 'forgotten'")
	if err := <-altered; err != nil {
		t.Fatal(err)
	}
}

// untilWaiting returns when a session waits for a relation's lock.
func untilWaiting(t *testing.T, conn *pgx.Conn) {
	t.Helper()
	untilSome(t, conn, "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'relation'")
}

// untilSome returns when a count is no longer 0.
func untilSome(t *testing.T, conn *pgx.Conn, sql string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	for n := 0; n == 0; {
		if err := conn.QueryRow(ctx, sql).Scan(&n); err != nil {
			t.Fatalf("%s stays 0: %v", sql, err)
		}
	}
}

func TestPostgresArchiver(t *testing.T) {
	t.Parallel()
	c := postgres(t)
	conn := c.database(t, "arch")
	w := c.asks(t, "arch_sees", "arch", "verify-full")
	exe(t, conn, "SELECT pg_switch_wal()")
	untilSome(t, conn, "SELECT archived_count FROM pg_stat_archiver")
	want(t, do(t, &check.Postgres{Query: "archiver", DSN: "db"}, w), steps.Pass, "")
	exe(t, conn, "ALTER SYSTEM SET archive_command = ''")
	exe(t, conn, "SELECT pg_reload_conf()")
	untilSome(t, conn, "SELECT count(*) FROM pg_settings WHERE name = 'archive_command' AND setting = ''")
	want(t, do(t, &check.Postgres{Query: "archiver", DSN: "db"}, w), steps.Fail, "archive_command is empty")
	exe(t, conn, "ALTER SYSTEM SET archive_command = 'false'")
	exe(t, conn, "SELECT pg_reload_conf()")
	exe(t, conn, "CREATE TABLE more AS SELECT 1 AS n")
	// The archiver reads its settings when it likes: a segment may still go the
	// old way, and only another one then fails.
	for failed := 0; failed == 0; {
		var tried int
		if err := conn.QueryRow(t.Context(), "SELECT archived_count FROM pg_stat_archiver").Scan(&tried); err != nil {
			t.Fatal(err)
		}
		exe(t, conn, "INSERT INTO more VALUES (2); SELECT pg_switch_wal()")
		untilSome(t, conn, fmt.Sprintf("SELECT greatest(archived_count - %d, failed_count) FROM pg_stat_archiver", tried))
		if err := conn.QueryRow(t.Context(), "SELECT failed_count FROM pg_stat_archiver").Scan(&failed); err != nil {
			t.Fatal(err)
		}
	}
	want(t, do(t, &check.Postgres{Query: "archiver", DSN: "db"}, w), steps.Fail, "archiving fails")
}

// TestPostgresIgnoresOurEnvironment can't be parallel: the variables are ours.
func TestPostgresIgnoresOurEnvironment(t *testing.T) {
	c := postgres(t)
	c.database(t, "clean")
	home := t.TempDir()
	for name, value := range map[string]string{
		"HOME": home, "PGHOST": "169.254.169.254", "PGPORT": "1", "PGUSER": "admin", "PGPASSWORD": "wrong", "PGDATABASE": "postgres", "PGOPTIONS": "-c work_mem=bad",
		"PGSERVICE": "evil", "PGSERVICEFILE": filepath.Join(home, "none"), "PGSSLMODE": "disable", "PGSSLROOTCERT": filepath.Join(home, "none"), "PGSSLCERT": "/none",
		"PGSSLKEY": "/none", "PGTARGETSESSIONATTRS": "standby", "PGREQUIREAUTH": "none", "PGCHANNELBINDING": "require", "PGTZ": "bad/zone", "PGAPPNAME": "evil", "PGSSLNEGOTIATION": "direct",
	} {
		t.Setenv(name, value)
	}
	w := c.asks(t, "clean", "clean", "verify-full")
	var dialled []string
	direct := w.Dial
	w.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		dialled = append(dialled, address)
		return direct(ctx, network, address)
	}
	want(t, do(t, &check.Postgres{Query: "tls", DSN: "db"}, w), steps.Pass, "")
	if len(dialled) != 1 || dialled[0] != "127.0.0.1:"+c.port {
		t.Errorf("dialled %q", dialled)
	}
}
