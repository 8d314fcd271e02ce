package check

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"strconv"
	"strings"
	"time"

	"runbook/steps"
)

func askConnect(ctx context.Context, _ *Postgres, s *session, r *steps.Result) error {
	began := time.Now()
	if _, err := s.one(ctx, "connect"); err != nil {
		return err
	}
	r.Saw("connected", milliseconds(s.connected), "", "ms")
	r.Saw("answered", milliseconds(time.Since(began)), "", "ms")
	return nil
}

// askVersion takes min as a major version ("14") or with its minor ("14.9").
func askVersion(ctx context.Context, c *Postgres, s *session, r *steps.Result) error {
	server, err := s.one(ctx, "version")
	if err != nil {
		return err
	}
	major, minor, _ := strings.Cut(c.Min, ".")
	wanted, err := strconv.Atoi(major)
	if err != nil {
		return unmeasured(fmt.Sprintf("min: %q is not a version", c.Min))
	}
	least, err := strconv.Atoi("0" + minor)
	if err != nil {
		return unmeasured(fmt.Sprintf("min: %q is not a version", c.Min))
	}
	version := outside(server.text("version"))
	r.Saw("version", version, ">= "+c.Min, "")
	r.Saw("standby", yesNo(server.yes("is_standby")), "no", "")
	if server.count("version_num") < wanted*10000+least {
		r.Worsen(steps.Fail, "version is %s, wanted at least %s", version, c.Min)
	}
	if server.yes("is_standby") {
		r.Worsen(steps.Fail, "the server is a standby, wanted the primary")
	}
	return nil
}

func askSchema(ctx context.Context, c *Postgres, s *session, r *steps.Result) error {
	rows, err := s.shippedQuery(ctx, "schema", c.Schema)
	if err != nil {
		return err
	}
	r.Saw("schema "+c.Schema, yesNo(len(rows) == 1), "yes", "")
	if len(rows) == 0 {
		r.Decide(steps.Fail, "schema %s does not exist, wanted it there", c.Schema)
		return nil
	}
	r.Saw("owner", outside(rows[0].text("owner")), "", "")
	r.Saw("tables", rows[0].text("tables"), "", "")
	return nil
}

func askRole(ctx context.Context, c *Postgres, s *session, r *steps.Result) error {
	role := c.Role
	if role == "" {
		server, err := s.one(ctx, "version")
		if err != nil {
			return err
		}
		role = server.text("user")
	}
	rows, err := s.shippedQuery(ctx, "role", role)
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		r.Decide(steps.Fail, "role %s does not exist", outside(role))
		return nil
	}
	var excess []string
	for _, attribute := range []string{"superuser", "createdb", "createrole", "replication", "bypassrls"} {
		r.Saw(attribute, yesNo(rows[0].yes(attribute)), "no", "")
		if rows[0].yes(attribute) {
			excess = append(excess, attribute)
		}
	}
	// Membership counts: a member of a superuser's group is one SET ROLE away.
	groups := outside(rows[0].text("member_of_dangerous"))
	r.Saw("member of powerful roles", cmp.Or(groups, "none"), "none", "")
	r.Saw("role", outside(role), "", "")
	if groups != "" {
		excess = append(excess, "member of "+groups)
	}
	if len(excess) > 0 {
		r.Decide(steps.Fail, "role %s is %s, wanted none of it", outside(role), strings.Join(excess, ", "))
	}
	return nil
}

func askTLS(ctx context.Context, _ *Postgres, s *session, r *steps.Result) error {
	server, err := s.one(ctx, "tls")
	if err != nil {
		return err
	}
	state, ours := s.encrypted()
	spoken := "plain text"
	if ours {
		spoken = tls.VersionName(state.Version)
	}
	r.Saw("our connection", spoken, "TLS 1.2 or later", "")
	r.Saw("the server's session", outside(strings.TrimSpace("ssl "+yesNo(server.yes("ssl"))+" "+server.text("version"))), "ssl yes", "")
	r.Saw("certificate verified", yesNo(ours && s.at.verifies()), "yes", "")
	version := server.text("version")
	switch {
	case !ours:
		r.Decide(steps.Fail, "our connection is plain text, wanted TLS")
	case !server.yes("ssl"):
		r.Decide(steps.Fail, "the server's session is plain text though ours is not: a pooler in between? wanted TLS on both")
	case version != "TLSv1.2" && version != "TLSv1.3":
		r.Decide(steps.Fail, "the server speaks %s, wanted TLSv1.2 or later", outside(version))
	case !s.at.verifies():
		r.Decide(steps.Warn, "encrypted, but sslmode %s does not verify the certificate; wanted verify-ca or verify-full", sslmodeName(s.at.sslmode))
	}
	return nil
}

func sslmodeName(mode string) string {
	if mode == "" {
		return "prefer"
	}
	return mode
}

func askAudit(ctx context.Context, _ *Postgres, s *session, r *steps.Result) error {
	server, err := s.one(ctx, "audit")
	if err != nil {
		return err
	}
	var off []string
	for _, setting := range []string{"log_connections", "log_disconnections"} {
		value := outside(server.text(setting))
		r.Saw(setting, value, "on", "")
		if value == "off" || value == "" {
			off = append(off, setting+" is off")
		}
	}
	logged := outside(server.text("log_statement"))
	r.Saw("log_statement", logged, "ddl, mod or all, or pgaudit", "")
	r.Saw("pgaudit", yesNo(server.yes("pgaudit_loaded")), "", "")
	if logged == "none" && !server.yes("pgaudit_loaded") {
		off = append(off, "changes are not logged")
	}
	if len(off) > 0 {
		r.Decide(steps.Fail, "%s", strings.Join(off, ", "))
	}
	return nil
}
