package check_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"runbook/steps"
	"runbook/steps/check"
)

// passing is a clock whose waits pass at once, with what happens meanwhile.
type passing struct {
	steps.SystemClock
	meanwhile func() error
	waited    *time.Duration
}

func (p passing) Wait(_ context.Context, t time.Time) error {
	*p.waited = time.Until(t).Round(time.Second)
	return p.meanwhile()
}

// between asks in a world where something happens between two looks.
func (c *cluster) between(t *testing.T, role, database string, q check.Postgres, meanwhile func()) (steps.Result, time.Duration) {
	t.Helper()
	q.DSN = "db"
	w := c.asks(t, role, database, "verify-full")
	var waited time.Duration
	w.Clock = passing{meanwhile: func() error { meanwhile(); return nil }, waited: &waited}
	return do(t, &q, w), waited
}

func often(t *testing.T, conn *pgx.Conn, times int, sql string) {
	t.Helper()
	for range times {
		exe(t, conn, sql)
	}
}

// A service's own statement that was fast for long, and is not today: its
// function is made slow between.
func TestPostgresSlowQueries(t *testing.T) {
	t.Parallel()
	c := postgres(t)
	conn := c.database(t, "slowly")
	exe(t, conn, `CREATE EXTENSION pg_stat_statements SCHEMA users;
		CREATE FUNCTION users.look() RETURNS void LANGUAGE sql AS 'SELECT 1'`)
	const statement = "SELECT users.look()"
	ask := func(role string, q check.Postgres, meanwhile func()) (steps.Result, time.Duration) {
		t.Helper()
		q.Query = "slow_queries"
		return c.between(t, role, "slowly", q, meanwhile)
	}
	nothing := func() {}
	limits := check.Postgres{MaxMS: "20"}

	blind, _ := ask("slowly", limits, nothing)
	want(t, blind, steps.Unknown, "grant it pg_monitor")
	quiet, waited := ask("slowly_sees", limits, nothing)
	want(t, quiet, steps.Unknown, "0 statements were executed within 1m, wanted at least 20")
	if waited != time.Minute {
		t.Errorf("waited %s", waited)
	}
	few, waited := ask("slowly_sees", check.Postgres{MaxMS: "20", Window: short(10 * time.Second)}, func() { often(t, conn, 19, statement) })
	want(t, few, steps.Unknown, "19 statements were executed within 10s, wanted at least 20")
	if waited != 10*time.Second {
		t.Errorf("waited %s", waited)
	}
	fast, _ := ask("slowly_sees", limits, func() { often(t, conn, 20, statement) })
	want(t, fast, steps.Pass, "")

	often(t, conn, 2000, statement)
	exe(t, conn, "CREATE OR REPLACE FUNCTION users.look() RETURNS void LANGUAGE sql AS 'SELECT pg_sleep(0.03)'")
	slow, _ := ask("slowly_sees", limits, func() { often(t, conn, 20, statement) })
	want(t, slow, steps.Fail, "ms on average, wanted below 20 ms")
	if e := evidence(t, slow, statement); e.Limit != "< 20" || !strings.HasPrefix(e.Unit, "ms, 20 times; 0.") {
		t.Errorf("the slow statement is told as %+v", e)
	}
	var lifetime float64
	if err := conn.QueryRow(t.Context(), "SELECT sum(total_exec_time) / sum(calls) FROM users.pg_stat_statements WHERE dbid = (SELECT oid FROM pg_database WHERE datname = 'slowly')").Scan(&lifetime); err != nil || lifetime >= 20 {
		t.Errorf("the old statistics do not hide it: %g ms, %v", lifetime, err)
	}
	hidden, _ := ask("slowly_sees", limits, func() {
		often(t, conn, 20, statement)
		often(t, conn, 200, "SELECT 2 AS quick")
	})
	want(t, hidden, steps.Warn, "1 statements take 20 ms or more on average, though all together take")
}

// What was thrown away between can't be judged. The statistics are the whole
// server's: its own cluster.
func TestPostgresStatisticsThrownAway(t *testing.T) {
	t.Parallel()
	c := postgres(t)
	conn := c.database(t, "forgetful")
	exe(t, conn, "CREATE EXTENSION pg_stat_statements")
	often(t, conn, 30, "SELECT 'kept'")
	ask := func(meanwhile func()) steps.Result {
		t.Helper()
		r, _ := c.between(t, "forgetful_sees", "forgetful", check.Postgres{Query: "slow_queries", MaxMS: "60000"}, meanwhile)
		return r
	}
	want(t, ask(func() { often(t, conn, 30, "SELECT 'kept'") }), steps.Pass, "")
	want(t, ask(func() {
		exe(t, conn, "SELECT pg_stat_statements_reset(0, (SELECT oid FROM pg_database WHERE datname = current_database()), 0)")
		often(t, conn, 25, "SELECT 'kept'")
	}), steps.Unknown, "reset or dropped between the two looks")
	exe(t, conn, "DROP EXTENSION pg_stat_statements")
	want(t, ask(func() {}), steps.Unknown, "not installed and preloaded")
}

func TestPostgresBetweenTwoLooks(t *testing.T) {
	t.Parallel()
	c := postgres(t)
	conn := c.database(t, "twice")
	exe(t, conn, "CREATE EXTENSION pg_stat_statements")
	gone := c.asks(t, "twice_sees", "twice", "verify-full")
	open := 0
	var waited time.Duration
	gone.Clock = passing{waited: &waited, meanwhile: func() error {
		untilSome(t, conn, "SELECT count(*) FROM (SELECT 1 HAVING NOT EXISTS (SELECT 1 FROM pg_stat_activity WHERE usename = 'twice_sees')) s")
		open++
		return errors.New("the operator left")
	}}
	q := &check.Postgres{Query: "slow_queries", DSN: "db"}
	want(t, do(t, q, gone), steps.Unknown, "interrupted between two looks: the operator left")
	if open != 1 {
		t.Errorf("waited %d times", open)
	}

	// The practice world's clock is moved forward, whatever it shows.
	jumped := c.asks(t, "twice_sees", "twice", "verify-full")
	jumped.Clock = passing{waited: &waited, meanwhile: func() error { return nil }}
	jumped.Practice = &steps.Practice{Jump: func(context.Context, time.Time) error {
		often(t, conn, 20, "SELECT 1 AS visit")
		return nil
	}}
	want(t, do(t, &check.Postgres{Query: "slow_queries", DSN: "db", MaxMS: "60000"}, jumped), steps.Pass, "")
	jumped.Practice.Jump = func(context.Context, time.Time) error { return errors.New("the world is dead") }
	want(t, do(t, q, jumped), steps.Unknown, "the world is dead")

	for _, wrong := range []time.Duration{time.Millisecond, time.Hour} {
		bad := &check.Postgres{Query: "slow_queries", DSN: "db", Window: short(wrong)}
		if err := bad.Validate(); err == nil || !strings.Contains(err.Error(), fmt.Sprint(steps.Duration(wrong))) {
			t.Errorf("a window of %s: %v", wrong, err)
		}
	}
	if err := (&check.Postgres{Query: "token_flow", Window: short(7 * 24 * time.Hour)}).Validate(); err != nil {
		t.Errorf("the window of another query: %v", err)
	}
}
