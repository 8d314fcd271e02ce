package check_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"runbook/steps"
	"runbook/steps/check"
)

// refill makes a database like those of the users module, with what makes a
// restore hard, its backups, and an empty database beside it.
func refill(t *testing.T, name string) (c *cluster, original, scratch *pgx.Conn, w *steps.World) {
	t.Helper()
	c = postgres(t)
	original = c.database(t, name)
	exe(t, original, `INSERT INTO users.users (password_hash) SELECT md5(n::text) FROM generate_series(1, 3000) n;
		INSERT INTO users.users (password_hash) VALUES (E'a\\.\nb\tc\\'), (NULL), (repeat('long', 50000));
		CREATE TYPE users.mood AS ENUM ('fine', 'bad');
		CREATE TABLE "users"."Odd name; --" (m users.mood, id int REFERENCES users.users);
		INSERT INTO "users"."Odd name; --" VALUES ('fine', 1);
		CREATE VIEW users.recent AS SELECT * FROM users.users WHERE created_at > now() - interval '1 day';
		CREATE TABLE public.parted (n int) PARTITION BY RANGE (n);
		CREATE TABLE public.parted_1 PARTITION OF public.parted FOR VALUES FROM (0) TO (10);
		INSERT INTO public.parted VALUES (1), (2);
		CREATE FUNCTION public.twice(n int) RETURNS int LANGUAGE plpgsql AS $f$
-- Name: not a heading; of pg_dump
BEGIN
  RETURN n * 2; -- ; '
END $f$;
		CREATE FUNCTION public.thrice(n int) RETURNS int LANGUAGE SQL BEGIN ATOMIC SELECT n * 3; SELECT n * 3; END;
		SELECT lo_from_bytea(0, 'large');
		GRANT SELECT ON ALL TABLES IN SCHEMA users, public TO `+name+"_sees")
	exe(t, original, "CREATE ROLE "+name+"_back LOGIN PASSWORD 'R0le-Pa55'")
	exe(t, original, "CREATE DATABASE "+name+"_scratch OWNER "+name+"_back TEMPLATE template0")
	scratch = c.connect(t, name+"_scratch")
	exe(t, scratch, "CREATE EXTENSION pg_stat_statements")
	w = world(t, map[string]map[string]string{"secrets": {
		"scratch": c.url(name+"_back", "R0le-Pa55", name+"_scratch", "verify-full"), "original": c.url(name+"_sees", "R0le-Pa55", name, "verify-full"),
		"blind": c.url(name, "R0le-Pa55", name, "verify-full"), "wrong": c.url(name+"_back", "wr0ng-Pa55", name+"_scratch", "verify-full"),
		"guest": c.url(name, "R0le-Pa55", name+"_scratch", "verify-full"), "nowhere": "postgres://a:R0le-Pa55@" + closedPort(t) + "/x",
	}})
	w.Roots = c.roots
	dumps(t, w)
	return c, original, scratch, w
}

func held(t *testing.T, conn *pgx.Conn) (objects int) {
	t.Helper()
	const sql = `SELECT (SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema' AND c.relname NOT LIKE 'pg_stat_statements%')
		+ (SELECT count(*) FROM pg_largeobject_metadata) + (SELECT count(*) FROM pg_namespace WHERE nspname = 'users')`
	if err := conn.QueryRow(t.Context(), sql).Scan(&objects); err != nil {
		t.Fatal(err)
	}
	return objects
}

func TestRestore(t *testing.T) {
	t.Parallel()
	c, original, scratch, w := refill(t, "refill")
	at := func(name string) string { return filepath.Join(w.Dir, name) }
	c.dump(t, "refill", at("whole.dump"), "--format=custom")
	c.dump(t, "refill", at("whole.tar"), "--format=tar")
	c.dump(t, "refill", at("text.sql"), "--no-owner", "--no-privileges")
	c.dump(t, "refill", at("inserts.sql"), "--no-owner", "--no-privileges", "--inserts")
	c.dump(t, "refill", at("create.sql"), "--create")
	whole, err := os.ReadFile(at("whole.dump"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(at("text.sql"))
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		"cut.dump": string(whole[:len(whole)-200]), "cut.sql": string(text[:strings.Index(string(text), "\n\\.\n")]), "notes.txt": "remember the milk\n",
		"short.sql":  string(text[:strings.Index(string(text), "--\n-- PostgreSQL database dump complete")]),
		"twice.sql":  string(text) + "-- PostgreSQL database dump\n\n",
		"line.sql":   "-- PostgreSQL database dump\n\n",
		"empty.dump": "",
		"bad.sql":    strings.Replace(string(text), "CREATE VIEW users.recent AS", "CREATE VIEW nowhere.recent AS", 1),
	} {
		if err := os.WriteFile(at(name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ask := func(from string, change func(*check.Restore)) steps.Result {
		t.Helper()
		q := &check.Restore{From: from, Into: "scratch", Compare: "original"}
		if change != nil {
			change(q)
		}
		r := do(t, q, w)
		never(t, r, "Pa55")
		if n := held(t, scratch); n != 0 {
			t.Fatalf("%s left %d objects", from, n)
		}
		return r
	}
	for _, from := range []string{"whole.dump", "whole.tar", "text.sql", "inserts.sql"} {
		want(t, ask(from, nil), steps.Pass, "")
	}
	named := ask("whole.dump", func(q *check.Restore) { q.Tables = []string{"users.users", "public.parted"} })
	want(t, named, steps.Pass, "")
	if e := evidence(t, named, "tables"); e.Value != "2" || e.Unit != "3005 rows restored" {
		t.Errorf("told %+v", e)
	}
	want(t, ask("whole.dump", func(q *check.Restore) { q.Compare = "" }), steps.Pass, "")
	want(t, ask("whole.dump", func(q *check.Restore) { q.Max = short(time.Millisecond) }), steps.Fail, "not restored within 1ms")
	want(t, ask("whole.dump", func(q *check.Restore) { q.Tables = []string{"users.nobody"} }), steps.Unknown, "users.nobody is no table of the original")
	want(t, ask("cut.dump", nil), steps.Fail, "pg_restore can't read it")
	want(t, ask("cut.sql", nil), steps.Fail, "it was cut")
	want(t, ask("short.sql", nil), steps.Fail, "it was cut")
	want(t, ask("twice.sql", nil), steps.Fail, "it was cut")
	if err := os.Truncate(at("line.sql"), 65<<20); err != nil { // it has no end of a line, and takes no room
		t.Fatal(err)
	}
	want(t, ask("line.sql", nil), steps.Unknown, "more than 64 MiB of statements at once")
	want(t, ask("notes.txt", nil), steps.Fail, "it is no dump of PostgreSQL")
	want(t, ask("empty.dump", nil), steps.Fail, "it is no dump of PostgreSQL")
	want(t, ask("bad.sql", nil), steps.Fail, `it can't be restored: schema "nowhere" does not exist`)
	want(t, ask("create.sql", nil), steps.Unknown, `a line begins with \connect`)
	want(t, ask("none-*", nil), steps.Fail, "there is no backup")
	want(t, ask("whole.dump", func(q *check.Restore) { q.Compare = "blind" }), steps.Unknown, "the original could not be counted: missing privilege")
	want(t, ask("whole.dump", func(q *check.Restore) { q.Compare = "nowhere" }), steps.Unknown, "the original could not be counted: connection refused")
	want(t, ask("whole.dump", func(q *check.Restore) { q.Compare = "scratch" }), steps.Unknown, "into: is the original")
	want(t, ask("whole.dump", func(q *check.Restore) { q.Into = "gone" }), steps.Unknown, "not available")
	want(t, ask("whole.dump", func(q *check.Restore) { q.Into = "wrong" }), steps.Unknown, "the credentials of wrong are refused")
	want(t, ask("whole.dump", func(q *check.Restore) { q.Into = "guest" }), steps.Unknown, "missing privilege")
	want(t, ask("whole.dump", func(q *check.Restore) { q.Into = "nowhere" }), steps.Fail, "connection refused")

	// A row written, or lost, since.
	exe(t, original, "INSERT INTO users.users (password_hash) VALUES ('new')")
	missing := ask("whole.dump", nil)
	want(t, missing, steps.Fail, "users.users: 3003 rows restored, the original has 3004")
	want(t, ask("whole.dump", func(q *check.Restore) { q.Behind = "1" }), steps.Pass, "")
	exe(t, original, "ALTER TABLE public.parted ADD COLUMN more int; CREATE TABLE users.later (); GRANT SELECT ON users.later TO refill_sees")
	differs := ask("whole.dump", func(q *check.Restore) { q.Behind = "1" })
	want(t, differs, steps.Fail, "public.parted: its columns differ")
	evidence(t, differs, "users.later")
}

// What a database holds is not restored over, and stays.
func TestRestoreIntoWhatIsInUse(t *testing.T) {
	t.Parallel()
	c, _, scratch, w := refill(t, "inuse")
	c.dump(t, "inuse", filepath.Join(w.Dir, "whole.dump"), "--format=custom")
	for kind, sql := range map[string][2]string{
		"table public.a":    {"CREATE TABLE public.a (n int)", "DROP TABLE a"},
		"view x.v":          {"CREATE SCHEMA x; CREATE VIEW x.v AS SELECT 1", "DROP SCHEMA x CASCADE"},
		"sequence public.s": {"CREATE SEQUENCE s", "DROP SEQUENCE s"},
		"function public.f": {"CREATE FUNCTION f() RETURNS int LANGUAGE SQL AS 'SELECT 1'", "DROP FUNCTION f"},
		"type public.t":     {"CREATE TYPE t AS ENUM ('a')", "DROP TYPE t"},
		"large object":      {"SELECT lo_from_bytea(0, 'x')", "SELECT lo_unlink(oid) FROM pg_largeobject_metadata"},
	} {
		exe(t, scratch, sql[0])
		before := held(t, scratch)
		want(t, do(t, &check.Restore{From: "whole.dump", Into: "scratch", Compare: "original"}, w), steps.Unknown, "the database of scratch is not empty, it holds "+kind)
		if now := held(t, scratch); now != before {
			t.Errorf("%s: %d objects before, %d now", kind, before, now)
		}
		exe(t, scratch, sql[1])
	}
	exe(t, scratch, "CREATE SCHEMA kept AUTHORIZATION inuse_back")
	want(t, do(t, &check.Restore{From: "whole.dump", Into: "scratch", Compare: "original"}, w), steps.Pass, "")
	var schemas string
	if err := scratch.QueryRow(t.Context(), "SELECT string_agg(nspname, ' ' ORDER BY oid) FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'").Scan(&schemas); err != nil || schemas != "public kept" {
		t.Errorf("schemas are %q, %v", schemas, err)
	}
	probe := &check.Restore{From: "b-*", Into: "scratch", Compare: "original"}
	if plan := fmt.Sprint(probe.Plan()); !probe.Touches() || !strings.Contains(plan, "b-*") || !strings.Contains(plan, "scratch") {
		t.Errorf("plan %s", plan)
	}
	w.Env = []string{"PATH=/nowhere"}
	want(t, do(t, &check.Restore{From: "whole.dump", Into: "scratch"}, w), steps.Unknown, "pg_restore is not in the target's path")
}

// One that is called off half-way takes away what it has made.
func TestRestoreInterrupted(t *testing.T) {
	t.Parallel()
	_, _, scratch, w := refill(t, "halfway")
	if err := os.WriteFile(filepath.Join(w.Dir, "a.dump"), []byte("PGDMP"), 0o600); err != nil {
		t.Fatal(err)
	}
	says(t, w, "pg_restore", `echo '-- PostgreSQL database dump'
echo 'CREATE TABLE public.half (n int);'
echo '-- Name: other; Type: TABLE; Schema: public; Owner: -'
exec sleep 300`)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		defer cancel()
		for n := 0; n == 0 && ctx.Err() == nil; {
			if scratch.QueryRow(ctx, "SELECT count(*) FROM pg_class WHERE relname = 'half'").Scan(&n) != nil {
				return
			}
		}
	}()
	r := (&check.Restore{From: "a.dump", Into: "scratch", Compare: "original"}).Do(ctx, w)
	want(t, r, steps.Unknown, "interrupted")
	if n := held(t, scratch); n != 0 {
		t.Errorf("left %d objects: %+v", n, r)
	}
}
