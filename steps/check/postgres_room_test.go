package check_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"runbook/steps"
	"runbook/steps/check"
)

func TestPostgresSequences(t *testing.T) {
	t.Parallel()
	c := postgres(t)
	conn := c.database(t, "counting")
	exe(t, conn, `GRANT SELECT ON ALL SEQUENCES IN SCHEMA users TO counting_sees; CREATE SCHEMA bare;
		CREATE SCHEMA small; CREATE SEQUENCE small.n; CREATE TABLE small.t (id int DEFAULT nextval('small.n')); SELECT setval('small.n', 1600000000);
		CREATE SCHEMA down; CREATE SEQUENCE down.n AS smallint INCREMENT -1; SELECT setval('down.n', -30000);
		CREATE SCHEMA round; CREATE SEQUENCE round.n AS smallint CYCLE; SELECT setval('round.n', 32000);
		CREATE SCHEMA large; CREATE TABLE large.t (id int GENERATED ALWAYS AS IDENTITY (SEQUENCE NAME large.n)); SELECT setval('large.n', 2100000000);
		CREATE SCHEMA hidden; CREATE SEQUENCE hidden.n;
		GRANT SELECT ON small.n, down.n, round.n, large.n TO counting_sees`)
	of := func(schema string) check.Postgres { return check.Postgres{Query: "sequences", Schema: schema} }
	c.try(t, "counting", map[string]pgCase{
		"never used":     {"counting_sees", of("users"), steps.Pass, ""},
		"an int4 column": {"counting_sees", of("small"), steps.Warn, "small.n has given out 74.5 % of its 2147483647 numbers, wanted below 70 %"},
		"nearly full":    {"counting_sees", of("large"), steps.Fail, "large.n has given out 97.8 %"},
		"downwards":      {"counting_sees", of("down"), steps.Fail, "down.n has given out 91.6 %"},
		"cycles":         {"counting_sees", of("round"), steps.Unknown, "there are no sequences that end"},
		"none":           {"counting_sees", of("bare"), steps.Unknown, "there are no sequences that end"},
		"not readable":   {"counting_sees", of("hidden"), steps.Unknown, "grant SELECT on it"},
		"own limit":      {"counting_sees", check.Postgres{Query: "sequences", Schema: "large", MaxPercent: "99", WarnPercent: "98"}, steps.Pass, ""},
		"no right":       {"counting", of("users"), steps.Unknown, "grant SELECT on it"},
	})
}

func TestPostgresWraparound(t *testing.T) {
	t.Parallel()
	c := postgres(t)
	conn := c.database(t, "ageing")
	exe(t, conn, "REVOKE EXECUTE ON FUNCTION mxid_age(xid) FROM PUBLIC; GRANT EXECUTE ON FUNCTION mxid_age(xid) TO ageing_sees")
	c.try(t, "ageing", map[string]pgCase{
		"young":    {"ageing_sees", check.Postgres{Query: "wraparound"}, steps.Pass, ""},
		"older":    {"ageing_sees", check.Postgres{Query: "wraparound", WarnPercent: "0.0000001"}, steps.Warn, "has not frozen its oldest of"},
		"too old":  {"ageing_sees", check.Postgres{Query: "wraparound", MaxPercent: "0.0000001"}, steps.Fail, "transactions, 0.0 % of what there is"},
		"no right": {"ageing", check.Postgres{Query: "wraparound"}, steps.Unknown, "missing privilege"},
	})
}

func TestPostgresSizes(t *testing.T) {
	t.Parallel()
	c := postgres(t)
	conn := c.database(t, "growing")
	exe(t, conn, "CREATE TABLE users.filled AS SELECT n, repeat('x', 500) AS text FROM generate_series(1, 4000) n; ANALYZE users.filled")
	of := func(table, most string) check.Postgres {
		return check.Postgres{Query: "sizes", Table: table, MaxSize: most}
	}
	exe(t, conn, `CREATE TABLE users.parted (n int, text text) PARTITION BY RANGE (n); CREATE TABLE users.parted_1 PARTITION OF users.parted FOR VALUES FROM (0) TO (9000);
		INSERT INTO users.parted SELECT n, repeat('x', 500) FROM generate_series(1, 4000) n; CREATE VIEW users.shown AS SELECT * FROM users.filled`)
	c.try(t, "growing", map[string]pgCase{
		"in parts":  {"growing_sees", of("users.parted", "1MiB"), steps.Fail, "users.parted has 2 MiB, wanted at most 1MiB"},
		"a view":    {"growing_sees", of("users.shown", "1MiB"), steps.Unknown, "users.shown is no table"},
		"database":  {"growing_sees", of("", "1GiB"), steps.Pass, ""},
		"too large": {"growing_sees", of("", "1MiB"), steps.Fail, "the database has"},
		"table":     {"growing_sees", of("users.filled", "10MiB"), steps.Pass, ""},
		"its limit": {"growing_sees", of("users.filled", "1MiB"), steps.Fail, "users.filled has 2 MiB, wanted at most 1MiB"},
		"no table":  {"growing_sees", of("users.none", "1MiB"), steps.Unknown, "table users.none does not exist"},
		"hostile":   {"growing_sees", of(`x"; DROP TABLE filled; --`, "1MiB"), steps.Unknown, "does not exist"},
	})
	shown, _ := c.between(t, "growing_sees", "growing", of("", "1GiB"), func() { t.Error("the size alone waits") })
	if e := evidence(t, shown, "users.filled"); e.Value != "2 MiB" || e.Unit != "about 4000 rows" {
		t.Errorf("the largest table is told as %+v", e)
	}
	growth := check.Postgres{Query: "sizes", Table: "users.filled", MaxGrowth: "64KiB"}
	same, waited := c.between(t, "growing_sees", "growing", growth, func() {})
	want(t, same, steps.Pass, "")
	if waited != time.Minute {
		t.Errorf("waited %s", waited)
	}
	grown, _ := c.between(t, "growing_sees", "growing", growth, func() {
		exe(t, conn, "INSERT INTO users.filled SELECT n, repeat('x', 500) FROM generate_series(1, 1000) n")
	})
	want(t, grown, steps.Fail, "bytes within 1m, wanted at most 64KiB")
	// A table's size waits behind whoever alters it, and gives up; the database's does not wait.
	exe(t, conn, "BEGIN; LOCK TABLE users.filled IN ACCESS EXCLUSIVE MODE")
	for table, verdict := range map[string]steps.Verdict{"users.filled": steps.Blocked, "": steps.Pass} {
		one := of(table, "1GiB")
		one.DSN = "db"
		want(t, do(t, &one, c.asks(t, "growing_sees", "growing", "verify-full")), verdict, "")
	}
	exe(t, conn, "ROLLBACK")
}

func TestPostgresVacuum(t *testing.T) {
	t.Parallel()
	c := postgres(t)
	conn := c.database(t, "cleaned")
	// What a session did is counted by others once it has ended.
	counted := func(sql, until string) {
		t.Helper()
		one := c.connect(t, "cleaned")
		exe(t, one, sql)
		_ = one.Close(t.Context())
		untilSome(t, conn, "SELECT count(*) FROM pg_stat_user_tables WHERE "+until)
	}
	counted("CREATE TABLE users.often (n int) WITH (autovacuum_enabled = off); INSERT INTO users.often SELECT n FROM generate_series(1, 1000) n", "relname = 'often' AND n_live_tup = 1000")
	exe(t, conn, "VACUUM users.often")
	ask := func(q check.Postgres) steps.Result {
		t.Helper()
		q.Query, q.DSN, q.Min = "vacuum", "db", "1000"
		return do(t, &q, c.asks(t, "cleaned", "cleaned", "verify-full"))
	}
	want(t, ask(check.Postgres{}), steps.Pass, "")
	counted("DELETE FROM users.often WHERE n <= 400", "relname = 'often' AND n_dead_tup = 400")
	want(t, ask(check.Postgres{}), steps.Warn, "40.0 % of the rows of users.often are dead, wanted below 20 %")
	want(t, ask(check.Postgres{MaxPercent: "50"}), steps.Pass, "")
	want(t, ask(check.Postgres{Max: short(time.Nanosecond)}), steps.Fail, "users.often are dead, last vacuum: ")
	counted("CREATE TABLE users.never (n int) WITH (autovacuum_enabled = off); INSERT INTO users.never SELECT n FROM generate_series(1, 1000) n; DELETE FROM users.never", "relname = 'never' AND n_dead_tup = 1000")
	want(t, ask(check.Postgres{}), steps.Fail, "100.0 % of the rows of users.never are dead, last vacuum: never")
	// Tables that are cleaned often stand before one that nobody ever cleans.
	counted(`DO $$ BEGIN FOR i IN 1..25 LOOP EXECUTE format('CREATE TABLE users.busy%s (n int) WITH (autovacuum_enabled = off)', i); EXECUTE format('INSERT INTO users.busy%s SELECT n FROM generate_series(1, 1000) n', i); END LOOP; END $$`,
		"25 = (SELECT count(*) FROM pg_stat_user_tables WHERE relname LIKE 'busy%' AND n_live_tup = 1000)")
	for i := range 25 {
		exe(t, conn, fmt.Sprintf("VACUUM users.busy%d", i+1))
	}
	counted("DO $$ BEGIN FOR i IN 1..25 LOOP EXECUTE format('DELETE FROM users.busy%s', i); END LOOP; END $$", "25 = (SELECT count(*) FROM pg_stat_user_tables WHERE relname LIKE 'busy%' AND n_dead_tup = 1000)")
	exe(t, conn, "DROP TABLE users.never")
	counted("CREATE TABLE users.behind (n int) WITH (autovacuum_enabled = off); INSERT INTO users.behind SELECT n FROM generate_series(1, 1000) n; DELETE FROM users.behind WHERE n <= 900", "relname = 'behind' AND n_dead_tup = 900")
	want(t, ask(check.Postgres{}), steps.Fail, "90.0 % of the rows of users.behind are dead, last vacuum: never")
	small := &check.Postgres{Query: "vacuum", DSN: "db", Min: "5000"}
	want(t, do(t, small, c.asks(t, "cleaned", "cleaned", "verify-full")), steps.Unknown, "no table is known to have 5000 rows")
	exe(t, conn, "ALTER DATABASE cleaned SET track_counts = off")
	want(t, ask(check.Postgres{}), steps.Unknown, "track_counts is off")
}

func TestPostgresScram(t *testing.T) {
	t.Parallel()
	c := postgres(t)
	conn := c.database(t, "verified")
	exe(t, conn, "CREATE ROLE verified_weak LOGIN PASSWORD 'md50123456789abcdef0123456789abcdef'; CREATE ROLE verified_none LOGIN; GRANT SELECT ON pg_authid TO verified; ALTER ROLE verified SET password_encryption = 'md5'")
	t.Run("looks", func(t *testing.T) {
		for name, one := range map[string]pgCase{
			"weak":       {"admin", check.Postgres{Query: "scram"}, steps.Fail, "verified_weak (md5)"},
			"allowed":    {"admin", check.Postgres{Query: "scram", Allowed: []string{"verified_weak"}}, steps.Pass, ""},
			"the next":   {"verified", check.Postgres{Query: "scram", Allowed: []string{"verified_weak"}}, steps.Warn, "password_encryption is md5"},
			"not to see": {"verified_sees", check.Postgres{Query: "scram"}, steps.Unknown, "missing privilege"},
		} {
			one.check.DSN = "db"
			r := do(t, &one.check, c.asks(t, one.role, "verified", "verify-full"))
			want(t, r, one.verdict, one.reason)
			never(t, r, "0123456789abcdef")
			t.Log(name)
		}
	})
}

func TestPostgresTableLocks(t *testing.T) {
	t.Parallel()
	c := postgres(t)
	conn := c.database(t, "tabled")
	ask := func(role string, limit time.Duration, tables ...string) steps.Result {
		t.Helper()
		return do(t, &check.Postgres{Query: "table_locks", DSN: "db", Tables: tables, Max: short(limit)}, c.asks(t, role, "tabled", "verify-full"))
	}
	want(t, ask("tabled", 0, "users.users"), steps.Unknown, "grant it pg_monitor")
	want(t, ask("tabled_sees", 0, "users.users"), steps.Pass, "")
	want(t, ask("tabled_sees", 0, "users.users", "users.none"), steps.Unknown, "table users.none does not exist")
	reads := c.connect(t, "tabled")
	exe(t, reads, "BEGIN; LOCK TABLE users.users IN ROW EXCLUSIVE MODE")
	held := fmt.Sprintf("pid %d admin holds RowExclusiveLock on users.users", reads.PgConn().PID())
	want(t, ask("tabled_sees", 0, "users.users"), steps.Fail, held)
	want(t, ask("tabled_sees", time.Hour, "users.users"), steps.Pass, "")
	want(t, ask("tabled_sees", 0, "users.verification_tokens"), steps.Pass, "")
	waits, altered := c.connect(t, "tabled"), make(chan error, 1)
	go func() {
		_, err := waits.Exec(context.Background(), "ALTER TABLE users.users ADD COLUMN more int")
		altered <- err
	}()
	untilSome(t, conn, fmt.Sprintf("SELECT count(*) FROM pg_locks WHERE NOT granted AND pid = %d", waits.PgConn().PID()))
	want(t, ask("tabled_sees", time.Hour, "users.users"), steps.Fail, "waits for AccessExclusiveLock on users.users")
	exe(t, reads, "PREPARE TRANSACTION 'tabled'")
	want(t, ask("tabled_sees", 0, "users.users"), steps.Fail, "a prepared transaction holds RowExclusiveLock")
	exe(t, reads, "ROLLBACK PREPARED 'tabled'")
	if err := <-altered; err != nil {
		t.Fatal(err)
	}
	want(t, ask("tabled_sees", 0, "users.users"), steps.Pass, "")
}

func TestPostgresIndexBuilds(t *testing.T) {
	t.Parallel()
	c := postgres(t)
	conn := c.database(t, "building")
	ask := func(role string) steps.Result {
		t.Helper()
		return do(t, &check.Postgres{Query: "index_builds", DSN: "db"}, c.asks(t, role, "building", "verify-full"))
	}
	want(t, ask("building"), steps.Unknown, "grant it pg_monitor")
	want(t, ask("building_sees"), steps.Pass, "")
	writes := c.connect(t, "building")
	exe(t, writes, "BEGIN; INSERT INTO users.users DEFAULT VALUES")
	builds, built := c.connect(t, "building"), make(chan error, 1)
	go func() {
		_, err := builds.Exec(context.Background(), "CREATE INDEX CONCURRENTLY building_created ON users.users (created_at)")
		built <- err
	}()
	untilSome(t, conn, "SELECT count(*) FROM pg_stat_progress_create_index WHERE current_locker_pid <> 0 AND datname = 'building'")
	r := ask("building_sees")
	want(t, r, steps.Warn, fmt.Sprintf("an index on users.users is waiting for writers before build behind pid %d admin", writes.PgConn().PID()))
	exe(t, writes, "ROLLBACK")
	if err := <-built; err != nil {
		t.Fatal(err)
	}
	want(t, ask("building_sees"), steps.Pass, "")
}
