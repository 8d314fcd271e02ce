package check

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"

	"runbook/steps"
)

// statistics makes the views of pg_stat_statements seen, which stand in a schema
// of their installer's choice.
func (s *session) statistics(ctx context.Context) error {
	if _, err := s.sees(ctx); err != nil {
		return err
	}
	there, err := s.one(ctx, "statements")
	if err != nil {
		return err
	}
	if !there.yes("installed") || !there.yes("preloaded") {
		return unmeasured("pg_stat_statements is not installed and preloaded")
	}
	_, err = s.ask(ctx, "SELECT set_config('search_path', 'pg_catalog, ' || $1 || ', pg_temp', true)", there.text("schema"))
	return err
}

// takeStatements is one look at the counters of all statements. The first row is
// there even if no statement was counted.
func takeStatements(ctx context.Context, _ *Postgres, s *session) ([]row, error) {
	if err := s.statistics(ctx); err != nil {
		return nil, err
	}
	rows, err := s.shippedQuery(ctx, "slow_queries")
	if err == nil && (len(rows) == 0 || len(rows) == maxRows) {
		err = unmeasured(fmt.Sprintf("%d statements are counted: all of them can't be compared", len(rows)))
	}
	return rows, err
}

// usage is what a statement has used, since counting began or between two looks.
type usage struct {
	calls float64
	ms    float64
}

func (u usage) mean() float64 { return u.ms / max(1, u.calls) }

// statementOf is what tells a statement from others.
func statementOf(one row) string {
	return one.text("userid") + " " + one.text("dbid") + " " + one.text("queryid")
}

func countersOf(one row) usage {
	ms, _ := one.number("total_ms")
	return usage{float64(one.count("calls")), ms}
}

// judgeSlowQueries judges what was executed between two looks. An average since
// the statistics began hides what has become slow today.
func judgeSlowQueries(c *Postgres, before, after []row, r *steps.Result) error {
	most, err := number(c.MaxMS, "100")
	if err != nil {
		return unmeasured("max_ms: " + err.Error())
	}
	least, err := number(c.Min, "20")
	if err != nil {
		return unmeasured("min: " + err.Error())
	}
	if thrownAway(before, after) {
		return unmeasured("statistics were reset or dropped between the two looks: look again")
	}
	earlier := map[string]usage{}
	for _, one := range before {
		earlier[statementOf(one)] = countersOf(one)
	}
	var all usage
	var slow []row
	for _, one := range after {
		was, now := earlier[statementOf(one)], countersOf(one)
		between := usage{now.calls - was.calls, now.ms - was.ms}
		all.calls, all.ms = all.calls+between.calls, all.ms+between.ms
		if between.calls >= 1 && between.mean() >= most {
			one["was"], one["between"] = was, between
			slow = append(slow, one)
		}
	}
	shown := strconv.FormatFloat(all.mean(), 'f', 1, 64)
	r.Saw("average", shown, fmt.Sprintf("%g", most), "ms")
	r.Saw("executed within "+c.between().String(), fmt.Sprintf("%g", all.calls), fmt.Sprintf(">= %g", least), "statements")
	frequent := sawSlow(r, slow, most, least)
	switch {
	case all.calls < least:
		return unmeasured(fmt.Sprintf("%g statements were executed within %s, wanted at least %g to judge by", all.calls, c.between(), least))
	case all.mean() >= most:
		r.Decide(steps.Fail, "a statement takes %s ms on average, wanted below %g ms", shown, most)
	case frequent > 0:
		r.Decide(steps.Warn, "%d statements take %g ms or more on average, though all together take %s ms", frequent, most, shown)
	}
	return nil
}

// sawSlow shows the slow statements, the costliest first, and counts those that
// were executed often enough to judge by.
func sawSlow(r *steps.Result, slow []row, most, least float64) (frequent int) {
	of := func(one row, column string) usage {
		u, _ := one[column].(usage)
		return u
	}
	slices.SortStableFunc(slow, func(a, b row) int { return cmp.Compare(of(b, "between").ms, of(a, "between").ms) })
	for i, one := range slow {
		between, was := of(one, "between"), of(one, "was")
		if between.calls >= least {
			frequent++
		}
		before := "never before"
		if was.calls > 0 {
			before = fmt.Sprintf("%.1f ms before", was.mean())
		}
		if i < shownRows {
			r.Saw(cmp.Or(statement(one.text("query")), "?"), fmt.Sprintf("%.1f", between.mean()), fmt.Sprintf("< %g", most), fmt.Sprintf("ms, %g times; %s", between.calls, before))
		}
	}
	return frequent
}

// thrownAway reports whether counters were reset between two looks, all or one,
// or dropped to make room: what was added since is then not known.
func thrownAway(before, after []row) bool {
	if before[0].text("stats_reset") != after[0].text("stats_reset") || before[0].text("dealloc") != after[0].text("dealloc") {
		return true
	}
	now := map[string]usage{}
	for _, one := range after {
		now[statementOf(one)] = countersOf(one)
	}
	return slices.ContainsFunc(before, func(one row) bool {
		was, is := countersOf(one), now[statementOf(one)]
		return is.calls < was.calls || is.ms < was.ms
	})
}
