package check

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"runbook/steps"
)

// lagLimit is how far a standby may be behind.
func (c *Postgres) lagLimit() steps.Duration {
	return cmp.Or(c.Max, steps.Duration(10*time.Second))
}

// askReplication asks the primary for its standbys.
func askReplication(ctx context.Context, c *Postgres, s *session, r *steps.Result) error {
	server, err := s.sees(ctx)
	if err != nil {
		return err
	}
	if server.yes("is_standby") {
		return unmeasured("the server is a standby: ask the primary")
	}
	least, err := number(c.Min, "1")
	if err != nil {
		return unmeasured("min: " + err.Error())
	}
	rows, err := s.standbys(ctx)
	if err != nil {
		return err
	}
	streaming := 0
	for _, one := range rows {
		name := outside(cmp.Or(one.text("standby"), "a standby") + " at " + cmp.Or(one.text("addr"), "a socket"))
		behind, state := one.lasted("replay_lag_s"), outside(one.text("state"))
		r.Saw(name, fmt.Sprintf("%s, %s and %s bytes behind", state, steps.Duration(behind.Truncate(time.Millisecond)), one.text("replay_lag_bytes")), c.lagLimit().String(), "")
		if state != "streaming" {
			continue
		}
		streaming++
		if lagUnknown(one) {
			r.Worsen(steps.Unknown, "%s has %s bytes to replay, and for how long is not known", name, cmp.Or(one.text("replay_lag_bytes"), "an unknown number of"))
		}
		if behind > c.lagLimit().D() {
			r.Worsen(steps.Fail, "%s is %s behind, wanted at most %s", name, steps.Duration(behind.Truncate(time.Millisecond)), c.lagLimit())
		}
	}
	r.Saw("streaming", strconv.Itoa(streaming), fmt.Sprintf(">= %g", least), "standbys")
	if float64(streaming) < least {
		r.Worsen(steps.Fail, "%d standbys stream, wanted at least %g", streaming, least)
	}
	return nil
}

// standbys are as the primary tells them. Of one that was idle the lag is told
// only once it has answered what was just written: it is asked for again, a
// second or two.
func (s *session) standbys(ctx context.Context) ([]row, error) {
	for again := 10; ; again-- {
		rows, err := s.shippedQuery(ctx, "replication")
		if err != nil || again == 0 || !slices.ContainsFunc(rows, lagUnknown) {
			return rows, err
		}
		timer := time.NewTimer(200 * time.Millisecond)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return rows, nil
		}
	}
}

// lagUnknown reports whether a standby that streams has something to replay, and
// nothing says for how long. The lag is NULL too of one that has caught up with
// an idle primary.
func lagUnknown(one row) bool {
	_, known := one.number("replay_lag_s")
	left, ok := one.number("replay_lag_bytes")
	return one.text("state") == "streaming" && !known && (!ok || left > 0)
}

// askStandby asks a standby how far it is.
func askStandby(ctx context.Context, c *Postgres, s *session, r *steps.Result) error {
	if _, err := s.sees(ctx); err != nil {
		return err
	}
	now, err := s.one(ctx, "standby")
	if err != nil {
		return err
	}
	r.Saw("in recovery", yesNo(now.yes("in_recovery")), "yes", "")
	if !now.yes("in_recovery") {
		r.Decide(steps.Fail, "the server is no standby")
		return nil
	}
	receiver, behind := cmp.Or(outside(now.text("receiver")), "none"), now.lasted("lag_s")
	shown := steps.Duration(behind.Truncate(time.Millisecond))
	r.Saw("receiver", receiver, "streaming", "")
	r.Saw("behind", shown.String(), c.lagLimit().String(), "")
	_, known := now.number("lag_s")
	switch {
	case receiver != "streaming":
		r.Decide(steps.Fail, "the receiver is %s, wanted streaming", receiver)
	case now.yes("paused"):
		r.Decide(steps.Fail, "replay is paused")
	case !known:
		return unmeasured("it has replayed no transaction yet, so its lag is not known")
	case behind > c.lagLimit().D():
		r.Decide(steps.Fail, "it is %s behind, wanted at most %s", shown, c.lagLimit())
	}
	return nil
}

// askSlots looks for slots that nobody reads: they keep WAL until the disk is
// full.
func askSlots(ctx context.Context, c *Postgres, s *session, r *steps.Result) error {
	most, err := parseSize(cmp.Or(c.MaxSize, "1GiB"))
	if err != nil {
		return unmeasured("max_size: " + err.Error())
	}
	rows, err := s.shippedQuery(ctx, "slots")
	if err != nil {
		return err
	}
	r.Saw("slots", strconv.Itoa(len(rows)), "", "")
	for _, one := range rows {
		name, kept := outside(one.text("slot_name")), int64(one.count("retained_bytes"))
		status := outside(one.text("wal_status"))
		r.Saw(name, fmt.Sprintf("active %s, %s, keeps %s", yesNo(one.yes("active")), cmp.Or(status, "keeps nothing"), mebibytes(kept)), cmp.Or(c.MaxSize, "1GiB"), "")
		switch {
		case status == "lost" || status == "unreserved":
			r.Worsen(steps.Fail, "slot %s is %s: what it needs is gone, or going", name, status)
		case kept > most:
			r.Worsen(steps.Fail, "slot %s keeps %s of WAL, wanted at most %s", name, mebibytes(kept), cmp.Or(c.MaxSize, "1GiB"))
		case !one.yes("active"):
			r.Worsen(steps.Warn, "nobody reads slot %s, and it keeps WAL", name)
		}
	}
	return nil
}
