package check_test

import (
	"context"
	"net"
	"path/filepath"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"runbook/steps"
	"runbook/steps/check"
)

func TestPostgresGrants(t *testing.T) {
	t.Parallel()
	c := postgres(t)
	conn := c.database(t, "granted")
	exe(t, conn, "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA users TO granted; CREATE SCHEMA bare; GRANT USAGE ON SCHEMA bare TO granted")
	grants := func(change func(*check.Postgres)) check.Postgres {
		q := check.Postgres{Query: "grants", Schema: "users"}
		change(&q)
		return q
	}
	same := func(*check.Postgres) {}
	t.Run("granted", func(t *testing.T) {
		c.try(t, "granted", map[string]pgCase{
			"its own":       {"granted", grants(same), steps.Pass, ""},
			"by name":       {"granted_sees", grants(func(q *check.Postgres) { q.Role = "granted" }), steps.Pass, ""},
			"too few":       {"granted_sees", grants(same), steps.Fail, "granted_sees on users.users: no INSERT,UPDATE,DELETE"},
			"enough":        {"granted_sees", grants(func(q *check.Postgres) { q.Required = []string{"SELECT"} }), steps.Pass, ""},
			"owner":         {"granted", grants(func(q *check.Postgres) { q.Role = "admin" }), steps.Fail, "may CREATE"},
			"too much":      {"granted", grants(func(q *check.Postgres) { q.Forbidden = []string{"DELETE"} }), steps.Fail, "granted on users.users: may DELETE"},
			"no such role":  {"granted", grants(func(q *check.Postgres) { q.Role = "ghost" }), steps.Fail, "role ghost does not exist"},
			"no schema":     {"granted", grants(func(q *check.Postgres) { q.Schema = "orders" }), steps.Fail, "schema orders does not exist"},
			"no tables":     {"granted", grants(func(q *check.Postgres) { q.Schema = "bare" }), steps.Unknown, "schema bare has no tables"},
			"no such right": {"granted", grants(func(q *check.Postgres) { q.Required = []string{"READ"} }), steps.Unknown, "unrecognized privilege"},
		})
	})
	t.Run("spoilt", func(t *testing.T) {
		fresh := c.database(t, "spoilt")
		exe(t, fresh, "GRANT ALL ON ALL TABLES IN SCHEMA users TO spoilt; GRANT CREATE ON SCHEMA public TO PUBLIC")
		want(t, do(t, &check.Postgres{Query: "grants", Schema: "users", DSN: "db"}, c.asks(t, "spoilt", "spoilt", "verify-full")), steps.Fail, "everybody may create in schema public")
		exe(t, fresh, "REVOKE CREATE ON SCHEMA public FROM PUBLIC; ALTER TABLE users.users OWNER TO spoilt; REVOKE USAGE ON SCHEMA users FROM spoilt")
		r := do(t, &check.Postgres{Query: "grants", Schema: "users", DSN: "db"}, c.asks(t, "spoilt", "spoilt", "verify-full"))
		want(t, r, steps.Fail, "no USAGE")
		if e := evidence(t, r, "users.users"); e.Value != "owns it" {
			t.Errorf("told %+v", e)
		}
	})
}

// A member may become the one it is a member of, also where it inherits nothing.
func TestPostgresGrantsByMembership(t *testing.T) {
	t.Parallel()
	c := postgres(t)
	conn := c.database(t, "heir")
	exe(t, conn, `CREATE ROLE heir_owner NOLOGIN; CREATE ROLE heir_rich NOLOGIN; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA users TO heir;
		ALTER ROLE heir NOINHERIT; GRANT heir_rich TO heir; GRANT TRUNCATE ON users.users TO heir_rich`)
	ask := func() steps.Result {
		t.Helper()
		return do(t, &check.Postgres{Query: "grants", Schema: "users", DSN: "db"}, c.asks(t, "heir", "heir", "verify-full"))
	}
	want(t, ask(), steps.Fail, "heir on users.users: may TRUNCATE")
	exe(t, conn, "REVOKE TRUNCATE ON users.users FROM heir_rich; GRANT CREATE ON SCHEMA users TO heir_rich")
	want(t, ask(), steps.Fail, "heir on schema users: may CREATE")
	exe(t, conn, "REVOKE CREATE ON SCHEMA users FROM heir_rich")
	want(t, ask(), steps.Pass, "")
	exe(t, conn, "GRANT heir_owner TO heir; ALTER TABLE users.users OWNER TO heir_owner")
	want(t, ask(), steps.Fail, "heir on users.users: may become its owner heir_owner")
}

func TestPostgresAccess(t *testing.T) {
	t.Parallel()
	c := postgres(t)
	conn := c.database(t, "access")
	exe(t, conn, "CREATE ROLE access_past BYPASSRLS NOLOGIN; CREATE ROLE access_seer LOGIN IN ROLE access_past; CREATE ROLE access_copies LOGIN REPLICATION PASSWORD 'R0le-Pa55'")
	ours := powerful()
	t.Run("looks", func(t *testing.T) {
		c.try(t, "access", map[string]pgCase{
			"superusers":      {"access", check.Postgres{Query: "superusers", Allowed: ours}, steps.Pass, ""},
			"superuser":       {"access", check.Postgres{Query: "superusers"}, steps.Fail, "admin"},
			"past policies":   {"access", check.Postgres{Query: "superusers", Allowed: slices.DeleteFunc(powerful(), func(role string) bool { return role == "access_seer" })}, steps.Fail, "access_seer"},
			"hba":             {"admin", check.Postgres{Query: "hba"}, steps.Pass, ""},
			"hba, no right":   {"access_sees", check.Postgres{Query: "hba"}, steps.Unknown, "missing privilege"},
			"plain, no right": {"access", check.Postgres{Query: "plain_sessions"}, steps.Unknown, "grant it pg_monitor"},
			"no session":      {"access_sees", check.Postgres{Query: "plain_sessions", Role: "nobody"}, steps.Unknown, "has no session now"},
			"sessions, blind": {"access", check.Postgres{Query: "sessions"}, steps.Unknown, "grant it pg_monitor"},
			"none of ours":    {"access_sees", check.Postgres{Query: "sessions"}, steps.Fail, "access_sees has 0 sessions, wanted at least 1"},
		})
	})
	t.Run("rules", func(t *testing.T) {
		// The view reads the file, which the server has not read again.
		if err := appendLine(filepath.Join(c.dir, "data", "pg_hba.conf"), "hostnossl access access 10.0.0.0/8 md5"); err != nil {
			t.Fatal(err)
		}
		w := c.asks(t, "admin", "access", "verify-full")
		r := do(t, &check.Postgres{Query: "hba", DSN: "db"}, w)
		want(t, r, steps.Fail, "hostnossl {access} {access} 10.0.0.0 255.0.0.0 md5")
		// The mask tells whom an address lets in.
		for _, rule := range []string{"host access access 127.0.0.0/8 scram-sha-256", "host access access 127.0.0.1/0 scram-sha-256", "host access access ::1/0 scram-sha-256", "local access access trust"} {
			if err := appendLine(filepath.Join(c.dir, "data", "pg_hba.conf"), rule); err != nil {
				t.Fatal(err)
			}
		}
		r = do(t, &check.Postgres{Query: "hba", DSN: "db"}, w)
		if e := evidence(t, r, "rules that let in too much"); e.Value != "4" {
			t.Errorf("%s rules let in too much, want 4: %q", e.Value, r.Evidence)
		}
	})
	t.Run("sessions", func(t *testing.T) {
		w := c.asks(t, "access_sees", "access", "verify-full")
		ask := func(query, role string) steps.Result {
			t.Helper()
			return do(t, &check.Postgres{Query: query, DSN: "db", Role: role}, w)
		}
		connect := func(sslmode string, dial func(context.Context, string, string) (net.Conn, error)) *pgx.Conn {
			t.Helper()
			config, err := pgx.ParseConfig(c.url("access", "R0le-Pa55", "access", sslmode) + "&application_name=app")
			if err != nil {
				t.Fatal(err)
			}
			if dial != nil {
				config.DialFunc = dial
			}
			one, err := pgx.ConnectConfig(t.Context(), config)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = one.Close(context.Background()) })
			return one
		}
		connect("require", nil)
		want(t, ask("plain_sessions", "access"), steps.Pass, "")
		want(t, ask("sessions", "access"), steps.Pass, "")
		want(t, do(t, &check.Postgres{Query: "sessions", DSN: "db", Role: "access", Min: "2"}, w), steps.Fail, "access has 1 sessions, wanted at least 2")
		copies, err := pgconn.Connect(t.Context(), c.url("access_copies", "R0le-Pa55", "access", "disable")+"&replication=true")
		if err != nil {
			t.Fatal(err)
		}
		want(t, ask("plain_sessions", "access_copies"), steps.Warn, "1 sessions of access_copies come over loopback in plain text")
		_ = copies.Close(t.Context())
		connect("disable", nil)
		want(t, ask("plain_sessions", "access"), steps.Warn, "1 sessions of access come over loopback in plain text")
		far := farAddress(t)
		if far == nil {
			return // a machine that has only loopback
		}
		connect("disable", (&net.Dialer{LocalAddr: &net.TCPAddr{IP: far}}).DialContext)
		want(t, ask("plain_sessions", "access"), steps.Fail, "1 sessions of access come over the network in plain text")
	})
	exe(t, conn, "SELECT 1") // it lives as long as the test
}

// powerful are the roles of all tests that superusers tells of.
func powerful() []string { return []string{"admin", "server_sneaky", "access_seer"} }

// farAddress is one of this machine's that is not on loopback.
func farAddress(t *testing.T) net.IP {
	t.Helper()
	all, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range all {
		if network, ok := one.(*net.IPNet); ok && network.IP.IsGlobalUnicast() && network.IP.To4() != nil {
			return network.IP
		}
	}
	return nil
}
