package check_test

import (
	"testing"

	"runbook/steps"
	"runbook/steps/check"
)

// A database may have a limit of its own, long before the server is full.
func TestPostgresConnectionLimit(t *testing.T) {
	t.Parallel()
	c := postgres(t)
	conn := c.database(t, "limited")
	ask := func() steps.Result {
		t.Helper()
		return do(t, &check.Postgres{Query: "connections", DSN: "db"}, c.asks(t, "limited_sees", "limited", "verify-full"))
	}
	exe(t, conn, "ALTER DATABASE limited CONNECTION LIMIT 50")
	want(t, ask(), steps.Pass, "")
	exe(t, conn, "ALTER DATABASE limited CONNECTION LIMIT 2") // this one, and the check's
	want(t, ask(), steps.Fail, "100.0 % of the 2 connections of database limited are in use, wanted below 85 %")
	exe(t, conn, "ALTER DATABASE limited CONNECTION LIMIT 20")
	c.try(t, "limited", map[string]pgCase{
		"pools":     {"limited_sees", check.Postgres{Query: "pooler", Pool: "16"}, steps.Pass, ""},
		"too large": {"limited_sees", check.Postgres{Query: "pooler", Pool: "17"}, steps.Fail, "wanted at most 16"},
	})
}
