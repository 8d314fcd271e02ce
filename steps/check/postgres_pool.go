package check

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"strconv"
	"time"

	"runbook/steps"
)

// askPooler finds out whether something pools between us and the server: what
// answers at first then tells another process than the one that executes. The
// port we dialled says nothing, behind a translated address.
func askPooler(ctx context.Context, c *Postgres, s *session, r *steps.Result) error {
	server, err := s.one(ctx, "pooler")
	if err != nil {
		return err
	}
	pooled := uint32(server.count("backend_pid")) != s.conn.PgConn().PID() //nolint:gosec // a pid
	r.Saw("a pooler answers", yesNo(pooled), "", "")
	switch pool := cmp.Or(c.Pool, s.at.pool); {
	case pooled && c.Pool == "":
		return nil // the service's connections are the pooler's
	case pool == "":
		r.Decide(steps.Fail, "no pooler stands before the server, and the service's pool is not known: neither pool nor %s is given", poolVar)
		return nil
	default:
		return c.sizing(ctx, s, pool, r)
	}
}

// sizing holds the pools of all copies of a service against the server's room.
func (c *Postgres) sizing(ctx context.Context, s *session, size string, r *steps.Result) error {
	pool, err := number(size, "")
	if err != nil {
		return unmeasured("the size of the service's pool: " + err.Error())
	}
	copies, err := number(c.Copies, "1")
	if err != nil {
		return unmeasured("copies: " + err.Error())
	}
	now, err := s.one(ctx, "connections", s.at.database)
	if err != nil {
		return err
	}
	most, known := now.number("max_connections")
	if !known {
		return unmeasured("the server does not say how many connections it allows")
	}
	most -= float64(now.count("reserved"))
	if limit, of := now.number("db_limit"); of && limit >= 0 {
		most = min(most, limit)
	}
	room := math.Floor(0.8 * most)
	r.Saw("all pools", strconv.Itoa(int(pool*copies)), fmt.Sprintf("<= %g", room), "connections")
	if pool == 0 {
		r.Decide(steps.Fail, "the service's pool has no size")
	} else if pool*copies > room {
		r.Decide(steps.Fail, "%g copies with %g connections each are %g, wanted at most %g: 80 %% of what the server allows", copies, pool, pool*copies, room)
	}
	return nil
}

// askPrepared looks for transactions that were prepared and forgotten: they hold
// their locks, and no session shows them.
func askPrepared(ctx context.Context, c *Postgres, s *session, r *steps.Result) error {
	rows, err := s.shippedQuery(ctx, "prepared")
	if err != nil {
		return err
	}
	r.Saw("prepared transactions", strconv.Itoa(len(rows)), "", "")
	for _, one := range rows {
		age := steps.Duration(one.lasted("age_s").Truncate(time.Second))
		name := outside(one.text("gid"))
		r.Saw(name, age.String()+" old", "<= "+c.Max.String(), "of "+outside(one.text("owner")))
		if age >= c.Max {
			r.Worsen(steps.Fail, "%s of %s is prepared for %s and holds its locks: ask its owner, then ROLLBACK PREPARED", name, outside(one.text("owner")), age)
		}
	}
	return nil
}
