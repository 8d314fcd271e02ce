package check

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"runbook/steps"
)

// roleOr is the role that is asked about: the session's own if none is named.
func (c *Postgres) roleOr(ctx context.Context, s *session) (string, error) {
	if c.Role != "" {
		return c.Role, nil
	}
	server, err := s.one(ctx, "version")
	return server.text("user"), err
}

func askGrants(ctx context.Context, c *Postgres, s *session, r *steps.Result) error {
	role, err := c.roleOr(ctx, s)
	if err != nil {
		return err
	}
	for _, thing := range []struct{ query, what, name string }{{"role", "role", role}, {"schema", "schema", c.Schema}} {
		there, err := s.shippedQuery(ctx, thing.query, thing.name)
		if err != nil {
			return err
		}
		if len(there) == 0 {
			r.Decide(steps.Fail, "%s %s does not exist", thing.what, outside(thing.name))
			return nil
		}
	}
	required, forbidden := c.Required, c.Forbidden
	if len(required) == 0 {
		required = []string{"SELECT", "INSERT", "UPDATE", "DELETE"}
	}
	if len(forbidden) == 0 {
		forbidden = []string{"TRUNCATE", "TRIGGER", "REFERENCES"}
	}
	tables, err := s.shippedQuery(ctx, "table_grants", role, c.Schema, required, forbidden)
	if err != nil {
		return err
	}
	frame, err := s.one(ctx, "schema_grants", role, c.Schema)
	if err != nil {
		return err
	}
	r.Saw("tables", strconv.Itoa(len(tables)), "", "")
	r.Saw("role", outside(role), "", "")
	wrong := func(name, is, wanted string) {
		r.Saw(name, is, wanted, "")
		r.Worsen(steps.Fail, "%s on %s: %s, wanted %s", outside(role), name, is, wanted)
	}
	if !frame.yes("usage") {
		wrong("schema "+outside(c.Schema), "no USAGE", "USAGE")
	}
	if frame.yes("create") {
		wrong("schema "+outside(c.Schema), "may CREATE", "no CREATE")
	}
	if frame.yes("public_create") {
		r.Saw("schema public", "everybody may CREATE", "no CREATE", "")
		r.Worsen(steps.Fail, "everybody may create in schema public, wanted nobody")
	}
	for _, one := range tables {
		name := outside(c.Schema + "." + one.text("table"))
		if missing := one.text("missing"); missing != "" {
			wrong(name, "no "+outside(missing), strings.Join(required, ", "))
		}
		if excess := one.text("excess"); excess != "" && !one.yes("owned") {
			wrong(name, "may "+outside(excess), "none of "+strings.Join(forbidden, ", "))
		}
		if owner := one.text("owner"); one.yes("owned") && owner == role {
			wrong(name, "owns it", "another owner")
		} else if one.yes("owned") {
			wrong(name, "may become its owner "+outside(owner), "another owner")
		}
	}
	if len(tables) == 0 && r.Verdict == steps.Pass {
		return unmeasured("schema " + c.Schema + " has no tables")
	}
	return nil
}

func askSuperusers(ctx context.Context, c *Postgres, s *session, r *steps.Result) error {
	rows, err := s.shippedQuery(ctx, "superusers", append([]string{}, c.Allowed...))
	if err != nil {
		return err
	}
	var names []string
	for _, one := range rows {
		names = append(names, outside(one.text("role")))
	}
	r.Saw("may all, or see all rows", cmp.Or(strings.Join(names, ", "), "nobody else"), "only "+cmp.Or(strings.Join(c.Allowed, ", "), "nobody"), "")
	if len(names) > 0 {
		r.Decide(steps.Fail, "%s: superuser, member of one, or past row security; wanted only %s", strings.Join(names, ", "), cmp.Or(strings.Join(c.Allowed, ", "), "nobody"))
	}
	return nil
}

func askHBA(ctx context.Context, _ *Postgres, s *session, r *steps.Result) error {
	rows, err := s.shippedQuery(ctx, "hba")
	if err != nil {
		return err
	}
	r.Saw("rules that let in too much", strconv.Itoa(len(rows)), "0", "")
	for _, one := range rows[:min(len(rows), shownRows)] {
		rule := strings.Join([]string{one.text("type"), one.text("database"), one.text("users"), one.text("address"), one.text("netmask"), one.text("auth_method"), one.text("error")}, " ")
		r.Saw("pg_hba.conf line "+one.text("line_number"), outside(strings.Join(strings.Fields(rule), " ")), "", "")
		r.Worsen(steps.Fail, "line %s of pg_hba.conf lets in without TLS, or by trust, password or md5, or cannot be read: %s", one.text("line_number"), outside(rule))
	}
	return nil
}

func askPlainSessions(ctx context.Context, c *Postgres, s *session, r *steps.Result) error {
	if _, err := s.sees(ctx); err != nil {
		return err
	}
	rows, err := s.shippedQuery(ctx, "plain_sessions", c.Role)
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		return unmeasured("role " + cmp.Or(outside(c.Role), "of any name") + " has no session now")
	}
	for _, one := range rows {
		user := outside(one.text("user"))
		r.Saw(user, fmt.Sprintf("%s sessions, %s encrypted, %s not over TCP", one.text("sessions"), one.text("encrypted"), strconv.Itoa(one.count("sessions")-one.count("encrypted")-one.count("plain_tcp"))), "no plain text over TCP", "")
		switch {
		case one.count("plain_remote") > 0:
			r.Worsen(steps.Fail, "%d sessions of %s come over the network in plain text, wanted none", one.count("plain_remote"), user)
		case one.count("plain_tcp") > 0:
			r.Worsen(steps.Warn, "%d sessions of %s come over loopback in plain text: of a pooler?", one.count("plain_tcp"), user)
		case one.count("unknown") > 0:
			r.Worsen(steps.Unknown, "whether %d sessions of %s are encrypted is not told", one.count("unknown"), user)
		}
	}
	return nil
}

// askSessions wants those of a role, such as the service's after it started.
func askSessions(ctx context.Context, c *Postgres, s *session, r *steps.Result) error {
	if _, err := s.sees(ctx); err != nil {
		return err
	}
	role, err := c.roleOr(ctx, s)
	if err != nil {
		return err
	}
	least, err := number(c.Min, "1")
	if err != nil {
		return unmeasured("min: " + err.Error())
	}
	rows, err := s.shippedQuery(ctx, "app_sessions")
	if err != nil {
		return err
	}
	rows = slices.DeleteFunc(rows, func(one row) bool { return one.text("user") != role || one.text("app") == ownName })
	total := 0
	for _, one := range rows {
		total += one.count("sessions")
	}
	r.Saw("sessions of "+outside(role), strconv.Itoa(total), fmt.Sprintf(">= %g", least), "")
	for _, one := range rows[:min(len(rows), shownRows)] {
		r.Saw(outside(cmp.Or(one.text("app"), "no name")+" from "+cmp.Or(one.text("client"), "a socket")), one.text("sessions"), "", one.text("active")+" active")
	}
	if float64(total) < least {
		r.Decide(steps.Fail, "%s has %d sessions, wanted at least %g", outside(role), total, least)
	}
	return nil
}

// askScram wants every password kept so that who reads it can't log in with it.
func askScram(ctx context.Context, c *Postgres, s *session, r *steps.Result) error {
	rows, err := s.shippedQuery(ctx, "scram")
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		return unmeasured("no role that may log in is seen")
	}
	var weak []string
	kept := map[string]int{}
	for _, one := range rows {
		hash := one.text("hash")
		kept[hash]++
		if hash != "scram" && hash != "none" && !slices.Contains(c.Allowed, one.text("role")) {
			weak = append(weak, outside(one.text("role"))+" ("+hash+")")
		}
	}
	for _, hash := range sortedKeys(kept) {
		r.Saw(hash, strconv.Itoa(kept[hash]), "", "roles")
	}
	r.Saw("no SCRAM verifier", cmp.Or(strings.Join(weak[:min(len(weak), shownRows)], ", "), "nobody"), "only "+cmp.Or(strings.Join(c.Allowed, ", "), "nobody"), "")
	encryption := outside(rows[0].text("new_ones"))
	r.Saw("password_encryption", encryption, "scram-sha-256", "")
	switch {
	case len(weak) > 0:
		r.Decide(steps.Fail, "the passwords of %d roles are no SCRAM verifiers: %s; set them anew", len(weak), strings.Join(weak[:min(len(weak), shownRows)], ", "))
	case encryption != "scram-sha-256":
		r.Decide(steps.Warn, "password_encryption is %s: the next password will be no SCRAM verifier", encryption)
	}
	return nil
}
