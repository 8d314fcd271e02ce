package check

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"time"

	"runbook/steps"
)

func askDuplicateIndexes(ctx context.Context, _ *Postgres, s *session, r *steps.Result) error {
	rows, err := s.shippedQuery(ctx, "duplicate_indexes")
	if err != nil {
		return err
	}
	r.Saw("duplicate indexes", strconv.Itoa(len(rows)), "0", "")
	for _, one := range rows[:min(len(rows), shownRows)] {
		name, kept := outside(one.text("schema")+"."+one.text("drop_me")), outside(one.text("keep"))
		r.Saw(name, outside(one.text("overlap"))+" copy of "+kept, "", one.text("bytes")+" bytes")
		r.Worsen(steps.Warn, "%d indexes do what others do: %s is as good as %s", len(rows), name, kept)
	}
	return nil
}

// askUnusedIndexes trusts counts only once they are as old as the rarest use.
func askUnusedIndexes(ctx context.Context, c *Postgres, s *session, r *steps.Result) error {
	least, err := parseSize(cmp.Or(c.MinSize, "1MiB"))
	if err != nil {
		return unmeasured("min_size: " + err.Error())
	}
	rows, err := s.shippedQuery(ctx, "unused_indexes", int64(0), least)
	if err != nil {
		return err
	}
	r.Saw("unused indexes", strconv.Itoa(len(rows)), "0", "")
	window := cmp.Or(c.Window, steps.Duration(7*24*time.Hour))
	for _, one := range rows[:min(len(rows), shownRows)] {
		name := outside(one.text("schema") + "." + one.text("index"))
		age := steps.Duration(time.Duration(one.count("stats_age_s")) * time.Second)
		r.Saw(name, one.text("bytes"), "", "bytes")
		if age < window {
			r.Worsen(steps.Unknown, "%d were not used since counting began %s ago, %s among them: too short to tell, wanted %s", len(rows), age, name, window)
		}
		r.Worsen(steps.Warn, "%d indexes are never used, %s among them: ask every standby, then drop them", len(rows), name)
	}
	return nil
}

func askForeignKeys(ctx context.Context, _ *Postgres, s *session, r *steps.Result) error {
	rows, err := s.shippedQuery(ctx, "foreign_keys")
	if err != nil {
		return err
	}
	r.Saw("foreign keys without an index", strconv.Itoa(len(rows)), "0", "")
	for _, one := range rows[:min(len(rows), shownRows)] {
		key := outside(fmt.Sprintf("%s (%s)", one.text("table"), one.text("columns")))
		r.Saw(outside(one.text("fk")), key, "", "")
		r.Worsen(steps.Warn, "%d foreign keys have no index, %s among them: a delete in %s reads all of it", len(rows), key, outside(one.text("refs")))
	}
	return nil
}

func askNotValid(ctx context.Context, _ *Postgres, s *session, r *steps.Result) error {
	rows, err := s.shippedQuery(ctx, "not_valid")
	if err != nil {
		return err
	}
	r.Saw("constraints not validated", strconv.Itoa(len(rows)), "0", "")
	for _, one := range rows[:min(len(rows), shownRows)] {
		name := outside(one.text("table") + "." + one.text("name"))
		r.Saw(name, outside(one.text("def")), "", "")
		r.Worsen(steps.Warn, "%d constraints are NOT VALID, %s among them: old rows may break it", len(rows), name)
	}
	return nil
}
