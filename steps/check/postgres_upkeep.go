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

// shippedOf asks what stands in sql/NAME.sql of another table than the one that
// stands there.
func (s *session) shippedOf(ctx context.Context, name, usual, table string, args ...any) ([]row, error) {
	sql, err := shipped.ReadFile("sql/" + name + ".sql")
	if err != nil {
		return nil, unmeasured("the query " + name + " is not shipped")
	}
	_, bare, _ := strings.Cut(string(sql), "\n") // without the comment, which a name could end
	quoted := pgx.Identifier(strings.Split(cmp.Or(table, usual), ".")).Sanitize()
	return s.ask(ctx, strings.ReplaceAll(bare, usual, quoted), args...)
}

// askRetention looks for rows whose time is over. Columns with a time zone and
// without are both read as UTC.
func askRetention(ctx context.Context, c *Postgres, s *session, r *steps.Result) error {
	rows, err := s.shippedOf(ctx, "retention", "users.verification_tokens", c.Table)
	if err != nil {
		return err
	}
	most := cmp.Or(c.Max, steps.Duration(7*24*time.Hour))
	days, known := rows[0].number("oldest_expired_days")
	over := steps.Duration(length(days * 24 * 3600).Truncate(time.Minute))
	r.Saw("expired rows", rows[0].text("expired_rows"), "", "")
	if known {
		r.Saw("the oldest, for", over.String(), most.String(), "")
	}
	if over > most {
		r.Decide(steps.Fail, "%s expired rows are kept, the oldest for %s; wanted them gone within %s", rows[0].text("expired_rows"), over, most)
	}
	return nil
}

// askChecksums trusts a count of damaged pages only where pages have sums.
func askChecksums(ctx context.Context, _ *Postgres, s *session, r *steps.Result) error {
	now, err := s.one(ctx, "checksums")
	if err != nil {
		return err
	}
	r.Saw("data_checksums", outside(now.text("data_checksums")), "on", "")
	failures, known := now.number("checksum_failures")
	if !known || now.text("data_checksums") != "on" {
		return unmeasured("the cluster has no data checksums: damaged pages are not noticed")
	}
	r.Saw("damaged pages", strconv.Itoa(int(failures)), "0", "")
	if failures > 0 {
		r.Decide(steps.Fail, "%d pages were read damaged: stop writing, look at the disk", int(failures))
	}
	return nil
}

// askCron looks at the last runs of pg_cron's jobs.
func askCron(ctx context.Context, c *Postgres, s *session, r *steps.Result) error {
	there, err := s.one(ctx, "cron_tables")
	if err != nil {
		return err
	}
	if there.text("job") == "" || there.text("job_run_details") == "" {
		return unmeasured("pg_cron is not installed in this database")
	}
	// By its own policy, which is not to be an error.
	if _, err := s.ask(ctx, "SELECT set_config('row_security', 'on', true)"); err != nil {
		return err
	}
	rows, err := s.shippedQuery(ctx, "cron_jobs")
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		return unmeasured("no active job is seen: a role sees its own alone")
	}
	most := cmp.Or(c.Max, steps.Duration(25*time.Hour))
	for _, one := range rows {
		name, status := outside(cmp.Or(one.text("jobname"), "job "+one.text("jobid"))), outside(one.text("status"))
		age, ran := one.number("success_age_s")
		last := steps.Duration(length(age).Truncate(time.Second))
		r.Saw(name, cmp.Or(status, "never ran")+", succeeded "+orNone(ran, last.String()+" ago"), most.String(), outside(one.text("schedule")))
		switch {
		case status == "":
			r.Worsen(steps.Unknown, "%s has not run yet, or its runs may not be seen", name)
		case status == "failed":
			r.Worsen(steps.Fail, "the last run of %s failed", name)
		case !ran || last > most:
			r.Worsen(steps.Fail, "%s succeeded last %s, wanted within %s", name, orNone(ran, last.String()+" ago"), most)
		}
	}
	return nil
}

// askActiveUsers counts who was there.
func askActiveUsers(ctx context.Context, c *Postgres, s *session, r *steps.Result) error {
	least, err := number(c.Min, "1")
	if err != nil {
		return unmeasured("min: " + err.Error())
	}
	window := cmp.Or(c.Window, steps.Duration(24*time.Hour))
	column := pgx.Identifier{cmp.Or(c.Column, "last_login_at")}.Sanitize()
	table := pgx.Identifier(strings.Split(cmp.Or(c.Table, "users.users"), ".")).Sanitize()
	rows, err := s.ask(ctx, fmt.Sprintf("SELECT count(*) AS all_of_them, count(*) FILTER (WHERE %[1]s >= now() - $1::text::interval AND %[1]s < now() + interval '5 minutes') AS active FROM %[2]s", column, table), fmt.Sprintf("%d seconds", int(window.D().Seconds())))
	if err != nil {
		return err
	}
	r.Saw("active within "+window.String(), rows[0].text("active"), fmt.Sprintf(">= %g", least), "users")
	r.Saw("all", rows[0].text("all_of_them"), "", "users")
	if rows[0].count("all_of_them") == 0 {
		return unmeasured("there are no users")
	}
	if float64(rows[0].count("active")) < least {
		r.Decide(steps.Fail, "%s users were active within %s, wanted at least %g", rows[0].text("active"), window, least)
	}
	return nil
}
