package check

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"runbook/steps"
)

// percents are the limits from which on a share warns and fails.
func (c *Postgres) percents(warn, most string) (float64, float64, error) {
	w, err := number(c.WarnPercent, warn)
	if err != nil {
		return 0, 0, unmeasured("warn_percent: " + err.Error())
	}
	m, err := number(c.MaxPercent, most)
	if err != nil {
		return 0, 0, unmeasured("max_percent: " + err.Error())
	}
	return w, m, nil
}

// worsenFrom fails from most on, and warns from warn on.
func worsenFrom(r *steps.Result, is, warn, most float64, what string) {
	switch {
	case is >= most:
		r.Worsen(steps.Fail, "%s, wanted below %g %%", what, most)
	case is >= warn:
		r.Worsen(steps.Warn, "%s, wanted below %g %%", what, warn)
	}
}

func askSequences(ctx context.Context, c *Postgres, s *session, r *steps.Result) error {
	warn, most, err := c.percents("70", "85")
	if err != nil {
		return err
	}
	rows, err := s.shippedQuery(ctx, "sequences", c.Schema)
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		return unmeasured("there are no sequences that end")
	}
	r.Saw("sequences", strconv.Itoa(len(rows)), "", "")
	shown := 0
	for _, one := range rows {
		name := outside(one.text("schema") + "." + one.text("seq"))
		if !one.yes("readable") {
			r.Worsen(steps.Unknown, "how far %s is can't be read: grant SELECT on it", name)
			continue
		}
		percent, _ := one.number("pct")
		if shown++; shown <= shownRows {
			r.Saw(name, fmt.Sprintf("%.1f", percent), fmt.Sprintf("< %g", most), "% of "+outside(cmp.Or(one.text("column_name"), one.text("limit_value"))))
		}
		worsenFrom(r, percent, warn, most, fmt.Sprintf("%s has given out %.1f %% of its %s numbers", name, percent, one.text("limit_value")))
	}
	return nil
}

// allTransactions is how many ids there are before one is used again: the server
// stops before that.
const allTransactions = 1 << 31

func askWraparound(ctx context.Context, c *Postgres, s *session, r *steps.Result) error {
	warn, most, err := c.percents("40", "60")
	if err != nil {
		return err
	}
	databases, err := s.shippedQuery(ctx, "wraparound")
	if err != nil {
		return err
	}
	tables, err := s.shippedQuery(ctx, "oldest_tables", int64(shownRows))
	if err != nil {
		return err
	}
	if len(databases) == 0 {
		return unmeasured("no database is seen")
	}
	for i, one := range databases {
		c.judgeAges(r, one, "database "+outside(one.text("db")), i < shownRows, warn, most)
	}
	for i, one := range tables {
		c.judgeAges(r, one, outside(one.text("table")), i < 3, warn, most)
	}
	r.Saw("autovacuum freezes from", outside(databases[0].text("freeze_max")), "", "transactions")
	return nil
}

// judgeAges holds how old the oldest ids of a database or a table are against
// all that there are.
func (c *Postgres) judgeAges(r *steps.Result, one row, name string, shown bool, warn, most float64) {
	for _, kind := range []struct{ column, what string }{{"xid_age", "transactions"}, {"mxid_age", "multixacts"}} {
		age, known := one.number(kind.column)
		if !known {
			r.Worsen(steps.Unknown, "how old the %s of %s are is not told", kind.what, name)
			continue
		}
		percent := 100 * age / allTransactions
		if shown {
			r.Saw(name, strconv.FormatInt(int64(age), 10), fmt.Sprintf("< %g %% of %d", most, int64(allTransactions)), kind.what)
		}
		worsenFrom(r, percent, warn, most, fmt.Sprintf("%s has not frozen its oldest of %d %s, %.1f %% of what there is", name, int64(age), kind.what, percent))
	}
}

// takeSizes looks at the database or at one table, and at what is largest.
func takeSizes(ctx context.Context, c *Postgres, s *session) ([]row, error) {
	table := ""
	if c.Table != "" {
		table = pgx.Identifier(strings.Split(c.Table, ".")).Sanitize()
	}
	sizes, err := s.shippedQuery(ctx, "sizes", table)
	if err != nil {
		return nil, err
	}
	if _, known := sizes[0].number("bytes"); !known {
		return nil, unmeasured("table " + outside(c.Table) + " does not exist")
	}
	if !sizes[0].yes("kept") { // a view has a size, which is 0
		return nil, unmeasured(outside(c.Table) + " is no table")
	}
	largest, err := s.shippedQuery(ctx, "largest_tables", int64(shownRows))
	return append(sizes, largest...), err
}

func judgeSizes(c *Postgres, before, after []row, r *steps.Result) error {
	name, bytes := outside(cmp.Or(c.Table, "the database")), int64(after[0].count("bytes"))
	r.Saw(name, mebibytes(bytes), c.MaxSize, "")
	if c.MaxSize != "" {
		most, err := parseSize(c.MaxSize)
		if err != nil {
			return unmeasured("max_size: " + err.Error())
		}
		if bytes > most {
			r.Worsen(steps.Fail, "%s has %s, wanted at most %s", name, mebibytes(bytes), c.MaxSize)
		}
	}
	if c.MaxGrowth != "" {
		most, err := parseSize(c.MaxGrowth)
		if err != nil {
			return unmeasured("max_growth: " + err.Error())
		}
		grown := bytes - int64(before[0].count("bytes"))
		r.Saw("grown within "+c.between().String(), strconv.FormatInt(grown, 10), c.MaxGrowth, "bytes")
		if grown > most {
			r.Worsen(steps.Fail, "%s has grown by %d bytes within %s, wanted at most %s", name, grown, c.between(), c.MaxGrowth)
		}
	}
	for _, one := range after[1:] {
		r.Saw(outside(one.text("table")), mebibytes(int64(one.count("bytes"))), "", "about "+one.text("est_rows")+" rows")
	}
	return nil
}

// askVacuum looks for tables that nobody cleans. Much that is dead is usual just
// before autovacuum comes; that it has not come for long is not.
func askVacuum(ctx context.Context, c *Postgres, s *session, r *steps.Result) error {
	share, err := number(c.MaxPercent, "20")
	if err != nil {
		return unmeasured("max_percent: " + err.Error())
	}
	least, err := number(c.Min, "10000")
	if err != nil {
		return unmeasured("min: " + err.Error())
	}
	now, err := s.one(ctx, "upkeep")
	if err != nil {
		return err
	}
	rows, err := s.shippedQuery(ctx, "vacuum", int64(least))
	if err != nil {
		return err
	}
	r.Saw("autovacuum", outside(now.text("autovacuum")), "on", "")
	r.Saw("tables", strconv.Itoa(len(rows)), "", fmt.Sprintf("of %g rows or more", least))
	switch {
	case now.yes("is_standby"):
		return unmeasured("the server is a standby, which counts no rows: ask the primary")
	case now.text("autovacuum") != "on":
		r.Decide(steps.Fail, "autovacuum is off, and nobody else cleans or freezes")
	case now.text("track_counts") != "on":
		return unmeasured("track_counts is off: nobody counts what is dead")
	case len(rows) == 0:
		return unmeasured(fmt.Sprintf("no table is known to have %g rows", least))
	case len(rows) == maxRows:
		r.Worsen(steps.Unknown, "%d tables or more: not all of them are looked at", maxRows)
	}
	most := cmp.Or(c.Max, steps.Duration(24*time.Hour))
	for i, one := range rows {
		dead, _ := one.number("dead_pct")
		last, ever := one.lasted("vacuum_age_s"), one["vacuum_age_s"] != nil
		name, ago := outside(one.text("table")), "never"
		if ever {
			ago = steps.Duration(last.Truncate(time.Second)).String() + " ago"
		}
		if i < shownRows {
			r.Saw(name, fmt.Sprintf("%.1f", dead), fmt.Sprintf("< %g", share), "% dead, last vacuum "+ago)
		}
		switch {
		case dead < share:
		case !ever || last > most.D():
			r.Worsen(steps.Fail, "%.1f %% of the rows of %s are dead, last vacuum: %s; wanted one within %s", dead, name, ago, most)
		default:
			r.Worsen(steps.Warn, "%.1f %% of the rows of %s are dead, wanted below %g %%", dead, name, share)
		}
	}
	return nil
}
