package check_test

import (
	"path/filepath"
	"testing"

	"runbook/steps"
	"runbook/steps/check"
)

// What is in no schema, or no table, is taken away too: the next drill would meet it.
func TestRestoreTakesAwayAll(t *testing.T) {
	t.Parallel()
	c, original, scratch, w := refill(t, "extras")
	exe(t, original, `CREATE PUBLICATION changes FOR TABLE users.users; CREATE COLLATION public.plain FROM "C"; CREATE TEXT SEARCH CONFIGURATION public.words (COPY = simple);
		CREATE OPERATOR public.=== (FUNCTION = int4eq, LEFTARG = int, RIGHTARG = int)`)
	exe(t, scratch, `CREATE COLLATION public.before FROM "C"`)
	c.dump(t, "extras", filepath.Join(w.Dir, "whole.dump"), "--format=custom")
	for range 2 {
		want(t, do(t, &check.Restore{From: "whole.dump", Into: "scratch", Compare: "original"}, w), steps.Pass, "")
		var left string
		if err := scratch.QueryRow(t.Context(), `SELECT concat_ws(' ', (SELECT string_agg(pubname, ' ') FROM pg_publication), (SELECT string_agg(collname, ' ') FROM pg_collation WHERE oid >= 16384),
			(SELECT string_agg(cfgname, ' ') FROM pg_ts_config WHERE oid >= 16384), (SELECT string_agg(oprname, ' ') FROM pg_operator WHERE oid >= 16384))`).Scan(&left); err != nil || left != "before" {
			t.Errorf("left %q, %v", left, err)
		}
	}
}

// The last of many tables counts as well.
func TestRestoreOfManyTables(t *testing.T) {
	t.Parallel()
	c, original, _, w := refill(t, "crowded")
	exe(t, original, `DO $$ BEGIN FOR i IN 1..1000 LOOP EXECUTE format('CREATE TABLE users.t%s (n int)', i); END LOOP; END $$; CREATE TABLE users.z_last (n int); GRANT SELECT ON ALL TABLES IN SCHEMA users TO crowded_sees`)
	c.dump(t, "crowded", filepath.Join(w.Dir, "less.dump"), "--format=custom", "--exclude-table=users.z_last")
	want(t, do(t, &check.Restore{From: "less.dump", Into: "scratch", Compare: "original"}, w), steps.Fail, "users.z_last: it is missing")
}
