package check_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"runbook/steps"
	"runbook/steps/check"
)

// commandName is what the sessions of a test's command are called: the tests
// share one server.
func commandName(t *testing.T) string { return "runbook " + t.Name() + ".1" }

// as is a session with a role and an application name, closed with the test.
func (c *cluster) as(t *testing.T, role, database, app string) *pgx.Conn {
	t.Helper()
	config, err := pgx.ParseConfig(c.url(role, "R0le-Pa55", database, "disable"))
	if err != nil {
		t.Fatal(err)
	}
	config.RuntimeParams["application_name"] = app
	conn, err := pgx.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// inBackground lets a session execute one statement, whose error comes at its end.
func inBackground(t *testing.T, conn *pgx.Conn, sql string) <-chan error {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	ended, gone := make(chan error, 1), make(chan struct{})
	go func() {
		defer close(gone)
		_, err := conn.Exec(ctx, sql)
		ended <- err
	}()
	t.Cleanup(func() { stop(); <-gone })
	return ended
}

func pid(conn *pgx.Conn) int { return int(conn.PgConn().PID()) }

// database opened as a command's secret would lead to it.
func opened(t *testing.T, c *cluster, url string) *check.Database {
	t.Helper()
	w := world(t, nil)
	w.Roots = c.roots
	d, ok := check.NewDatabase("db", steps.NewSecret(url), w)
	if !ok {
		t.Fatalf("%q is no database", url)
	}
	t.Cleanup(d.Close)
	return d
}

func look(t *testing.T, d *check.Database) check.Activity {
	t.Helper()
	seen, err := d.Backends(t.Context(), commandName(t))
	if err != nil {
		t.Fatal(err)
	}
	return seen
}

// until looks until what is seen is as wanted.
func until(t *testing.T, d *check.Database, wanted func(check.Activity) bool) check.Activity {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		seen := look(t, d)
		if wanted(seen) {
			return seen
		}
		if time.Now().After(deadline) {
			t.Fatalf("it did not come to be: %+v", seen)
		}
	}
}

// blockedMigration is an ALTER TABLE of a command behind a transaction that
// psql of role NAME_eve left open, with two readers behind it.
func (c *cluster) blockedMigration(t *testing.T, name string) (alter, eve *pgx.Conn, ended <-chan error) {
	t.Helper()
	owner := c.database(t, name)
	exe(t, owner, "CREATE ROLE "+name+"_eve LOGIN PASSWORD 'R0le-Pa55'; GRANT "+name+" TO "+name+"_eve; ALTER TABLE users.users OWNER TO "+name)
	eve = c.as(t, name+"_eve", name, "psql")
	exe(t, eve, "BEGIN")
	exe(t, eve, "SELECT count(*) FROM users.users WHERE password_hash <> 'hunter2'")
	alter = c.as(t, name, name, commandName(t))
	ended = inBackground(t, alter, `ALTER TABLE users.users ADD locale text DEFAULT 'pass-phrase'`)
	d := opened(t, c, c.url(name, "R0le-Pa55", name, "disable"))
	until(t, d, func(a check.Activity) bool { return len(a.Backends) == 1 && a.Backends[0].Blocked })
	for range 2 {
		inBackground(t, c.as(t, name, name, "tickr"), "SELECT count(*) FROM users.users")
	}
	until(t, d, func(a check.Activity) bool { return a.Behind == 2 })
	return alter, eve, ended
}

func TestBackendOfABlockedMigration(t *testing.T) {
	t.Parallel()
	c := postgres(t)
	alter, eve, ended := c.blockedMigration(t, "blockm")
	exe(t, c.connect(t, "postgres"), "GRANT pg_monitor TO blockm")
	d := opened(t, c, c.url("blockm", "R0le-Pa55", "blockm", "verify-full"))
	seen := look(t, d)
	if len(seen.Backends) != 1 || seen.Behind != 2 || seen.Blind != "" {
		t.Fatalf("saw %+v", seen)
	}
	ours := seen.Backends[0]
	if ours.PID != pid(alter) || ours.User != "blockm" || ours.Database != "blockm" || ours.State != "active" || !ours.Works() ||
		ours.Wait != "Lock relation" || !ours.Blocked || ours.Waits <= 0 || ours.InTransaction <= 0 ||
		ours.Query != `ALTER TABLE users.users ADD locale text DEFAULT '…'` {
		t.Errorf("our own session is %+v", ours)
	}
	if len(ours.Blockers) != 1 {
		t.Fatalf("blocked by %+v", ours.Blockers)
	}
	by := ours.Blockers[0]
	if by.PID != pid(eve) || by.User != "blockm_eve" || by.App != "psql" || by.State != "idle in transaction" || by.InState <= 0 ||
		by.InTransaction < by.InState || !by.Direct || !by.Root || strings.Contains(by.Query, "hunter2") || !strings.Contains(by.Query, "SELECT count(*)") {
		t.Errorf("blocked by %+v", by)
	}

	for name, wrong := range map[string]struct {
		app string
		pid int
	}{
		"the blocker": {commandName(t), pid(eve)}, "another attempt": {commandName(t) + "2", pid(alter)}, "a pid of nobody": {commandName(t), 1 << 30},
	} {
		if sent, err := d.CancelBackend(t.Context(), wrong.app, wrong.pid); sent || err != nil {
			t.Errorf("%s was cancelled: %v, %v", name, sent, err)
		}
	}
	if still := look(t, d); !still.Backends[0].Blocked || still.Backends[0].Blockers[0].PID != pid(eve) {
		t.Fatalf("something was cancelled: %+v", still)
	}
	if sent, err := d.CancelBackend(t.Context(), commandName(t), pid(alter)); !sent || err != nil {
		t.Fatalf("cancel: %v, %v", sent, err)
	}
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "57014") {
		t.Errorf("the migration ended with %v", err)
	}
	if after := until(t, d, func(a check.Activity) bool { return !a.Backends[0].Works() }); after.Behind != 0 || after.Backends[0].Blockers != nil {
		t.Errorf("after the cancel: %+v", after)
	}
	exe(t, eve, "COMMIT") // it was left alone
}

func TestBackendBehindSomebodyWhoWaits(t *testing.T) {
	t.Parallel()
	c := postgres(t)
	conn := c.database(t, "chain")
	exe(t, conn, "GRANT pg_monitor TO chain; ALTER TABLE users.users OWNER TO chain")
	eve := c.as(t, "chain_sees", "chain", "psql")
	exe(t, eve, "BEGIN")
	exe(t, eve, "SELECT count(*) FROM users.users")
	d := opened(t, c, c.url("chain", "R0le-Pa55", "chain", "disable"))
	first := c.as(t, "chain", "chain", "another tool")
	inBackground(t, first, "ALTER TABLE users.users ADD a int")
	watch := c.connect(t, "postgres")
	for waits := false; !waits; {
		if err := watch.QueryRow(t.Context(), "SELECT cardinality(pg_blocking_pids($1)) > 0", pid(first)).Scan(&waits); err != nil {
			t.Fatal(err)
		}
	}
	inBackground(t, c.as(t, "chain", "chain", commandName(t)), "SELECT count(*) FROM users.users")
	seen := until(t, d, func(a check.Activity) bool { return len(a.Backends) == 1 && a.Backends[0].Blocked })
	by := seen.Backends[0].Blockers
	if len(by) != 2 || by[0].PID != pid(first) || !by[0].Direct || by[0].Root || by[1].PID != pid(eve) || by[1].Direct || !by[1].Root {
		t.Errorf("blocked by %+v", by)
	}
}

func TestBackendBehindAPreparedTransaction(t *testing.T) {
	t.Parallel()
	c := postgres(t)
	conn := c.database(t, "twophase")
	exe(t, conn, "ALTER TABLE users.users OWNER TO twophase")
	exe(t, conn, "BEGIN; SELECT count(*) FROM users.users; PREPARE TRANSACTION 'forgotten'")
	t.Cleanup(func() { _, _ = conn.Exec(context.Background(), "ROLLBACK PREPARED 'forgotten'") })
	inBackground(t, c.as(t, "twophase", "twophase", commandName(t)), "ALTER TABLE users.users ADD a int")
	d := opened(t, c, c.url("twophase", "R0le-Pa55", "twophase", "disable"))
	seen := until(t, d, func(a check.Activity) bool { return len(a.Backends) == 1 && a.Backends[0].Blocked })
	if by := seen.Backends[0].Blockers; len(by) != 1 || by[0].PID != 0 || !by[0].Direct || !by[0].Root || seen.Blind != "" {
		t.Errorf("blocked by %+v, blind %q", by, seen.Blind)
	}
}

func TestBackendWithoutPrivileges(t *testing.T) {
	t.Parallel()
	c := postgres(t)
	alter, eve, _ := c.blockedMigration(t, "blind")
	seen := look(t, opened(t, c, c.url("blind", "R0le-Pa55", "blind", "disable")))
	if ours := seen.Backends[0]; ours.State != "active" || !ours.Blocked || seen.Behind != 2 {
		t.Errorf("of its own role it sees %+v", seen)
	}
	by := seen.Backends[0].Blockers
	if len(by) != 1 || by[0].PID != pid(eve) || by[0].User != "blind_eve" || by[0].App != "psql" || by[0].State != "" || by[0].Query != "" {
		t.Errorf("blocked by %+v", by)
	}
	if !strings.Contains(seen.Blind, "role blind does not see what others do") {
		t.Errorf("it does not say what it does not see: %q", seen.Blind)
	}

	// A role that sees, and may not cancel.
	other := opened(t, c, c.url("blind_sees", "R0le-Pa55", "blind", "disable"))
	sent, err := other.CancelBackend(t.Context(), commandName(t), pid(alter))
	if sent || err == nil || !strings.Contains(err.Error(), "role blind_sees may not cancel it") {
		t.Errorf("cancelled by a role that may not: %v, %v", sent, err)
	}
	if again := look(t, other); len(again.Backends) != 1 || !again.Backends[0].Blocked {
		t.Errorf("after the refusal: %+v", again)
	}
}

func TestBackendsKeepTheirConnection(t *testing.T) {
	t.Parallel()
	c := postgres(t)
	conn := c.database(t, "crowd")
	exe(t, conn, "ALTER ROLE crowd_sees CONNECTION LIMIT 1; GRANT pg_signal_backend TO crowd_sees")
	d := opened(t, c, c.url("crowd_sees", "R0le-Pa55", "crowd", "disable"))
	if seen := look(t, d); len(seen.Backends) != 0 {
		t.Fatalf("before anything runs: %+v", seen)
	}
	late := opened(t, c, c.url("crowd_sees", "R0le-Pa55", "crowd", "disable"))
	if _, err := late.Backends(t.Context(), commandName(t)); err == nil || !strings.Contains(err.Error(), "53300") {
		t.Fatalf("there is a connection left, so this tests nothing: %v", err)
	}
	sleeper := c.as(t, "crowd", "crowd", commandName(t))
	ended := inBackground(t, sleeper, "SELECT pg_sleep(600)")
	until(t, d, func(a check.Activity) bool { return len(a.Backends) == 1 && a.Backends[0].State == "active" })
	var state string
	err := conn.QueryRow(t.Context(), "SELECT state FROM pg_stat_activity WHERE usename = 'crowd_sees'").Scan(&state)
	if err != nil || state != "idle" {
		t.Errorf("between looks it is %q, %v: it must hold nothing", state, err)
	}

	// The server ends the look's connection: the next look opens another.
	exe(t, conn, "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE usename = 'crowd_sees'")
	if seen := look(t, d); len(seen.Backends) != 1 {
		t.Errorf("after the connection was lost: %+v", seen)
	}
	if sent, err := d.CancelBackend(t.Context(), commandName(t), pid(sleeper)); !sent || err != nil {
		t.Errorf("cancel: %v, %v", sent, err)
	}
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "57014") {
		t.Errorf("the command's statement ended with %v", err)
	}
}

func TestBackendsThatCannotBeAskedSayWhy(t *testing.T) {
	t.Parallel()
	c := postgres(t)
	c.database(t, "unasked")
	for url, reason := range map[string]string{
		"postgres://a:S3cr3t@" + closedPort(t) + "/x":                "connection refused",
		"postgres://a:S3cr3t@" + silent(t) + "/x?sslmode=disable":    "no answer within 3s",
		"postgres://a:S3cr3t@%zz/x":                                  "not a postgres:// URL",
		"host=127.0.0.1 password=S3cr3t":                             "want a host",
		"host=h user=a service=S3cr3t":                               "not followed",
		c.url("unasked", "wr0ng-S3cr3t", "unasked", "disable"):       "credentials of db are refused",
		c.url("unasked", "R0le-Pa55", "unasked", "verify-full") + "": "",
	} {
		d := opened(t, c, url)
		seen, err := d.Backends(t.Context(), commandName(t))
		switch {
		case reason == "" && err != nil:
			t.Errorf("%v", err)
		case reason != "" && (err == nil || !strings.Contains(err.Error(), reason) || strings.Contains(err.Error(), "S3cr3t")):
			t.Errorf("want %q, got %+v, %v", reason, seen, err)
		}
		if where := d.Where(); strings.Contains(where, "S3cr3t") || where == "" {
			t.Errorf("where is %q", where)
		}
	}
}

func TestBackendsOverKeyValuePairs(t *testing.T) {
	t.Parallel()
	c := postgres(t)
	conn := c.database(t, "pairsdb")
	exe(t, conn, `ALTER ROLE pairsdb PASSWORD 'it''s \ here'`)
	inBackground(t, c.as(t, "pairsdb_sees", "pairsdb", commandName(t)), "SELECT pg_sleep(600)")
	d := opened(t, c, `host=127.0.0.1 port = `+c.port+`  user='pairsdb' dbname=pairsdb password='it\'s \\ here' sslmode=disable`)
	seen := until(t, d, func(a check.Activity) bool { return len(a.Backends) == 1 })
	if ours := seen.Backends[0]; ours.User != "pairsdb_sees" || ours.State != "" || !ours.Works() {
		t.Errorf("a session of another role: %+v", ours)
	}
	for _, other := range []string{"", "s3cret", "a=b", "host", "https://host/x", "password=x host='open", "dbname=x user=y", "=x", "'host'=x"} {
		if _, ok := check.NewDatabase("token", steps.NewSecret(other), &steps.World{}); ok {
			t.Errorf("%q was taken for a database", other)
		}
	}
}

func TestBackendsAreInterrupted(t *testing.T) {
	t.Parallel()
	d, _ := check.NewDatabase("db", steps.NewSecret("postgres://a:b@"+silent(t)+"/x?sslmode=disable"), world(t, nil))
	t.Cleanup(d.Close)
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := d.Backends(ctx, commandName(t)); err == nil {
		t.Error("a look that was given up answered")
	}
}
