package check

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"runbook/steps"
)

func askInvalidIndexes(ctx context.Context, _ *Postgres, s *session, r *steps.Result) error {
	server, err := s.one(ctx, "version")
	if err != nil {
		return err
	}
	rows, err := s.shippedQuery(ctx, "invalid_indexes")
	if err != nil {
		return err
	}
	r.Saw("invalid indexes", strconv.Itoa(len(rows)), "0", "")
	for _, one := range rows {
		name := outside(one.text("schema") + "." + one.text("index"))
		switch {
		case one.yes("in_progress"):
			r.Worsen(steps.Warn, "%s is being built", name)
		case !server.yes("full_visibility"):
			r.Worsen(steps.Unknown, "%s is invalid, or being built: without pg_monitor this role cannot tell", name)
		default:
			r.Worsen(steps.Fail, "%s is invalid, wanted it rebuilt", name)
		}
		r.Saw(name, "invalid", "valid", "")
	}
	return nil
}

func askExpectedIndexes(ctx context.Context, c *Postgres, s *session, r *steps.Result) error {
	names := make([]string, len(c.Indexes))
	for i, name := range c.Indexes {
		if names[i] = name; !strings.Contains(name, ".") {
			names[i] = "public." + name
		}
	}
	rows, err := s.shippedQuery(ctx, "expected_indexes", names)
	if err != nil {
		return err
	}
	var bad []string
	for _, one := range rows {
		state := "valid"
		switch {
		case !one.yes("present"):
			state = "missing"
		case !one.yes("valid"):
			state = "invalid"
		}
		r.Saw(outside(one.text("expected")), state, "valid", "")
		if state != "valid" {
			bad = append(bad, outside(one.text("expected"))+" is "+state)
		}
	}
	if len(bad) > 0 {
		r.Decide(steps.Fail, "%s; wanted all there and valid", strings.Join(bad, ", "))
	}
	return nil
}

func askBcryptCost(ctx context.Context, c *Postgres, s *session, r *steps.Result) error {
	least, err := number(c.Min, "12")
	if err != nil {
		return unmeasured("min: " + err.Error())
	}
	since := time.Unix(0, 0).UTC()
	if c.Since != "" {
		if since, err = time.Parse(time.RFC3339, c.Since); err != nil {
			return unmeasured("since cannot be read")
		}
	}
	rows, err := s.shippedOf(ctx, "bcrypt_cost", "users.users", c.Table, since)
	if err != nil {
		return err
	}
	counted, weak := 0, 0
	for _, one := range rows {
		if !one.yes("after_deploy") {
			continue
		}
		cost, bcrypt := one.number("cost")
		name := "no bcrypt"
		if bcrypt {
			name = fmt.Sprintf("cost %g", cost)
		}
		r.Saw(name, one.text("users"), fmt.Sprintf("cost >= %g", least), "passwords")
		counted += one.count("users")
		if cost < least {
			weak += one.count("users")
		}
	}
	switch {
	case counted == 0:
		return unmeasured("no password was set since " + cmp.Or(c.Since, "the beginning"))
	case weak > 0:
		r.Decide(steps.Fail, "%d of %d passwords have a cost below %g", weak, counted, least)
	}
	return nil
}

func askRegistrations(ctx context.Context, c *Postgres, s *session, r *steps.Result) error {
	rows, err := s.shippedOf(ctx, "registrations", "users.users", c.Table)
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		return unmeasured("no registration within 7 days")
	}
	total, verified := 0, 0
	for _, one := range rows {
		total += one.count("n")
		verified += one.count("verified")
	}
	last, ok := rows[len(rows)-1]["bucket"].(time.Time)
	if !ok {
		return unmeasured("the hours of the registrations cannot be read")
	}
	// The row tells an hour's beginning: its end is when the last one was at
	// the latest.
	most := cmp.Or(c.Max, steps.Duration(24*time.Hour))
	r.Saw("last hour with one", last.Format("2006-01-02 15:04 UTC"), most.String(), "")
	r.Saw("within 7 days", strconv.Itoa(total), "", "registrations")
	r.Saw("email verified", strconv.Itoa(verified), "", "registrations")
	if quiet := time.Since(last.Add(time.Hour)); quiet > most.D() {
		r.Decide(steps.Fail, "none for %s, wanted one within %s", steps.Duration(quiet.Truncate(time.Minute)), most)
	}
	return nil
}

func askTokenFlow(ctx context.Context, c *Postgres, s *session, r *steps.Result) error {
	least, err := number(c.Min, "1")
	if err != nil {
		return unmeasured("min: " + err.Error())
	}
	window := cmp.Or(c.Window, steps.Duration(7*24*time.Hour))
	rows, err := s.shippedOf(ctx, "token_flow", "users.verification_tokens", c.Table, fmt.Sprintf("%d seconds", int(window.D().Seconds())))
	if err != nil {
		return err
	}
	counted := 0
	for _, one := range rows {
		name := outside(one.text("token_type"))
		if c.TokenType != "" && name != c.TokenType {
			continue
		}
		counted++
		used, ok := one.number("used_pct")
		if !ok {
			return unmeasured("the share of used tokens cannot be read")
		}
		r.Saw(name+" issued", one.text("issued"), "", "")
		r.Saw(name+" used", fmt.Sprintf("%.1f", used), fmt.Sprintf(">= %g", least), "%")
		if used < least {
			r.Worsen(steps.Fail, "%.1f %% of %s tokens were used within %s, wanted at least %g %%", used, name, window, least)
		}
	}
	if counted == 0 {
		return unmeasured("no token was issued within " + window.String())
	}
	return nil
}
