package check

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"time"

	"runbook/steps"
)

// shownRows bounds how many rows of an answer become evidence.
const shownRows = 10

func askBlockingTree(ctx context.Context, _ *Postgres, s *session, r *steps.Result) error {
	if _, err := s.sees(ctx); err != nil {
		return err
	}
	rows, err := s.shippedQuery(ctx, "blocking_tree")
	if err != nil {
		return err
	}
	r.Saw("waiting", strconv.Itoa(len(rows)), "0", "")
	for _, one := range rows[:min(len(rows), shownRows)] {
		r.Saw(fmt.Sprintf("%s waits", sessionName(one, "waiter", "waiter_user")),
			fmt.Sprintf("%s behind %s (%s, transaction %s old): %s", seconds(one, "waiting_s"), sessionName(one, "blocker", "blocker_user"),
				cmp.Or(outside(one.text("blocker_state")), "no session"), seconds(one, "blocker_xact_s"), statement(one.text("waiter_query"))), "", "")
	}
	if len(rows) > 0 {
		// The first row names a root: somebody who waits for nobody.
		root := rows[0]
		r.Decide(steps.Fail, "%d waits for a lock, the root is %s (%s); wanted none", len(rows),
			sessionName(root, "blocker", "blocker_user"), cmp.Or(outside(root.text("blocker_state")), "no session"))
	}
	return nil
}

// sessionName tells a session by pid and role. Pid 0 is a prepared
// transaction: no session is left to cancel.
func sessionName(one row, pid, user string) string {
	if one.text(pid) == "0" {
		return "a prepared transaction"
	}
	return "pid " + outside(one.text(pid)+" "+one.text(user))
}

func seconds(one row, column string) string {
	n, ok := one.number(column)
	if !ok {
		return "?"
	}
	return strconv.Itoa(int(n)) + "s"
}

func askConnections(ctx context.Context, c *Postgres, s *session, r *steps.Result) error {
	server, err := s.sees(ctx)
	if err != nil {
		return err
	}
	most, err := number(c.MaxPercent, "85")
	if err != nil {
		return unmeasured("max_percent: " + err.Error())
	}
	warn, err := number(c.WarnPercent, "70")
	if err != nil {
		return unmeasured("warn_percent: " + err.Error())
	}
	now, err := s.one(ctx, "connections", server.text("db"))
	if err != nil {
		return err
	}
	percent, ok := now.number("pct")
	if !ok {
		return unmeasured("the server does not say how many connections it has")
	}
	used := strconv.FormatFloat(percent, 'f', 1, 64)
	r.Saw("used", used, fmt.Sprintf("%g", most), "%")
	r.Saw("connections", now.text("used_cluster"), now.text("max_connections"), "")
	r.Saw("in this database", now.text("used_db"), "", "")
	r.Saw("active", now.text("active"), "", "")
	r.Saw("idle in transaction", now.text("idle_in_tx"), "", "")
	worsenFrom(r, percent, warn, most, used+" % of the connections are in use")
	if limit, of := now.number("db_limit"); of && limit >= 0 {
		share := 100 * float64(now.count("used_db")) / max(1, limit)
		r.Saw("of the database's limit", strconv.FormatFloat(share, 'f', 1, 64), fmt.Sprintf("%g", most), "%")
		worsenFrom(r, share, warn, most, fmt.Sprintf("%.1f %% of the %g connections of database %s are in use", share, limit, outside(server.text("db"))))
	}
	return nil
}

func askLongTransactions(ctx context.Context, c *Postgres, s *session, r *steps.Result) error {
	if _, err := s.sees(ctx); err != nil {
		return err
	}
	most := cmp.Or(c.Max, steps.Duration(5*time.Minute))
	rows, err := s.shippedQuery(ctx, "long_transactions", most.D().Seconds())
	if err != nil {
		return err
	}
	r.Saw("long transactions", strconv.Itoa(len(rows)), "0", "")
	for _, one := range rows[:min(len(rows), shownRows)] {
		r.Saw(sessionName(one, "pid", "user"), fmt.Sprintf("%s, %s: %s", seconds(one, "xact_age_s"), outside(one.text("state")), statement(one.text("query"))), most.String(), "")
	}
	if len(rows) > 0 {
		r.Decide(steps.Fail, "%d older than %s, the oldest is %s of %s (%s); wanted none", len(rows), most,
			seconds(rows[0], "xact_age_s"), sessionName(rows[0], "pid", "user"), outside(rows[0].text("state")))
	}
	return nil
}

func askArchiver(ctx context.Context, _ *Postgres, s *session, r *steps.Result) error {
	server, err := s.sees(ctx)
	if err != nil {
		return err
	}
	if server.yes("is_standby") {
		return unmeasured("the server is a standby: ask the primary")
	}
	now, err := s.one(ctx, "archiver")
	if err != nil {
		return err
	}
	mode := outside(now.text("archive_mode"))
	if mode != "on" && mode != "always" {
		r.Saw("archive_mode", mode, "on or always", "")
		r.Decide(steps.Fail, "archive_mode is %s, wanted on", mode)
		return nil
	}
	if now.yes("idle") {
		r.Saw("archive_command", "empty", "set", "")
		r.Decide(steps.Fail, "archive_command is empty: nothing is archived, and all WAL is kept")
		return nil
	}
	queue, err := s.one(ctx, "archive_ready")
	if err != nil {
		return err
	}
	// Counts of failures never go down, and a quiet database archives nothing:
	// what tells is whether the newest attempt failed, and the distance.
	r.Saw("waiting", queue.text("ready"), "10", "segments")
	r.Saw("failing now", yesNo(now.yes("failing_now")), "no", "")
	behind, known := now.number("behind_segments")
	if known {
		r.Saw("behind", strconv.Itoa(int(behind)), "2", "segments")
	}
	r.Saw("archive_mode", mode, "on or always", "")
	switch {
	case now.yes("failing_now"):
		r.Decide(steps.Fail, "archiving fails at %s, wanted no failure", outside(now.text("last_failed_wal")))
	case behind > 2 || queue.count("ready") > 10:
		r.Decide(steps.Fail, "%d segments behind, %d waiting; wanted at most 2 and 10", int(behind), queue.count("ready"))
	case !known:
		return unmeasured("no segment was ever archived")
	}
	return nil
}

// askTableLocks looks at the tables that a migration is going to alter: whoever
// holds a lock on one stops it, and it then stops everyone.
func askTableLocks(ctx context.Context, c *Postgres, s *session, r *steps.Result) error {
	if _, err := s.sees(ctx); err != nil {
		return err
	}
	rows, err := s.shippedQuery(ctx, "table_locks", c.Tables)
	if err != nil {
		return err
	}
	locks := 0
	for _, one := range rows {
		name, mode := outside(one.text("name")), outside(one.text("mode"))
		if !one.yes("present") {
			r.Worsen(steps.Unknown, "table %s does not exist", name)
		}
		if mode == "" {
			continue
		}
		who, held := sessionName(one, "pid", "user"), "holds"
		if !one.yes("granted") {
			held = "waits for"
		}
		if locks++; locks <= shownRows {
			r.Saw(who, fmt.Sprintf("%s %s on %s, transaction %s old", held, mode, name, seconds(one, "xact_age_s")), "<= "+c.Max.String(), outside(one.text("state")))
		}
		if age, known := one.number("xact_age_s"); !known || !one.yes("granted") || age >= c.Max.D().Seconds() {
			r.Worsen(steps.Fail, "%s %s %s on %s, for %s", who, held, mode, name, seconds(one, "xact_age_s"))
		}
	}
	r.Saw("locks of others", strconv.Itoa(locks), "0", "")
	return nil
}

// askIndexBuilds shows how far indexes are that are being built.
func askIndexBuilds(ctx context.Context, _ *Postgres, s *session, r *steps.Result) error {
	if _, err := s.sees(ctx); err != nil {
		return err
	}
	rows, err := s.shippedQuery(ctx, "index_builds")
	if err != nil {
		return err
	}
	r.Saw("indexes being built", strconv.Itoa(len(rows)), "", "")
	for _, one := range rows {
		name, phase := outside(one.text("table")), outside(one.text("phase"))
		done := "?"
		if percent, known := one.number("pct"); known {
			done = fmt.Sprintf("%.0f", percent)
		}
		r.Saw(fmt.Sprintf("%s on %s by pid %s", outside(one.text("command")), name, one.text("pid")), done, "", "% of "+phase)
		if blocker := one.count("blocker"); blocker != 0 {
			r.Worsen(steps.Warn, "an index on %s is %s behind %s", name, phase, sessionName(one, "blocker", "blocker_user"))
		}
	}
	return nil
}
