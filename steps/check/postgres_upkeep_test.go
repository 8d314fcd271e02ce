package check_test

import (
	"testing"
	"time"

	"runbook/steps"
	"runbook/steps/check"
)

func TestPostgresUpkeep(t *testing.T) {
	t.Parallel()
	c := postgres(t)
	conn := c.database(t, "upkeep")
	exe(t, conn, "ALTER TABLE users.users ADD COLUMN last_login_at timestamptz")
	t.Run("empty", func(t *testing.T) {
		c.try(t, "upkeep", map[string]pgCase{
			"nothing kept":  {"upkeep_sees", check.Postgres{Query: "retention"}, steps.Pass, ""},
			"no right":      {"upkeep", check.Postgres{Query: "retention"}, steps.Unknown, "missing privilege"},
			"no table":      {"upkeep_sees", check.Postgres{Query: "retention", Table: "users.sessions"}, steps.Unknown, `relation "users.sessions" does not exist`},
			"hostile table": {"upkeep_sees", check.Postgres{Query: "retention", Table: "users.x\"\n; DROP TABLE users_users"}, steps.Unknown, "does not exist"},
			"no users":      {"upkeep_sees", check.Postgres{Query: "active_users"}, steps.Unknown, "there are no users"},
			"no right here": {"upkeep", check.Postgres{Query: "active_users"}, steps.Unknown, "missing privilege"},
			"no pg_cron":    {"upkeep_sees", check.Postgres{Query: "cron"}, steps.Unknown, "pg_cron is not installed"},
		})
	})
	exe(t, conn, `INSERT INTO users.verification_tokens (token_type, expires_at) VALUES ('A', (now() AT TIME ZONE 'UTC') - interval '3 days'), ('B', (now() AT TIME ZONE 'UTC') + interval '3 days');
		INSERT INTO users.users (last_login_at) VALUES (now() - interval '2 hours'), (now() - interval '3 days'), (NULL);
		CREATE TABLE users.sessions (expires_at timestamptz); INSERT INTO users.sessions VALUES (now() - interval '2 hours'); GRANT SELECT ON users.sessions TO upkeep_sees;
		CREATE TABLE users.zero (expires_at timestamptz); INSERT INTO users.zero VALUES ('0001-01-01');
		CREATE TABLE users.endless (expires_at timestamptz); INSERT INTO users.endless VALUES ('-infinity');
		CREATE TABLE users.ahead AS SELECT true AS email_verified, now() - interval '3 days' AS created_at UNION ALL SELECT true, now() + interval '30 years';
		GRANT SELECT ON ALL TABLES IN SCHEMA users TO upkeep_sees;
		ALTER ROLE upkeep_sees SET TimeZone = 'Asia/Tokyo'`)
	t.Run("filled", func(t *testing.T) {
		c.try(t, "upkeep", map[string]pgCase{
			"kept in time":   {"upkeep_sees", check.Postgres{Query: "retention"}, steps.Pass, ""},
			"kept too long":  {"upkeep_sees", check.Postgres{Query: "retention", Max: short(48 * time.Hour)}, steps.Fail, "1 expired rows are kept, the oldest for 3d"},
			"long ago":       {"upkeep_sees", check.Postgres{Query: "retention", Table: "users.zero"}, steps.Fail, "expired rows are kept"},
			"for ever":       {"upkeep_sees", check.Postgres{Query: "retention", Table: "users.endless"}, steps.Fail, "expired rows are kept"},
			"from tomorrow":  {"upkeep_sees", check.Postgres{Query: "registrations", Table: "users.ahead"}, steps.Fail, "none for"},
			"active later":   {"upkeep_sees", check.Postgres{Query: "active_users", Table: "users.ahead", Column: "created_at"}, steps.Fail, "0 users were active"},
			"with a zone":    {"upkeep_sees", check.Postgres{Query: "retention", Table: "users.sessions", Max: short(3 * time.Hour)}, steps.Pass, ""},
			"zone, too long": {"upkeep_sees", check.Postgres{Query: "retention", Table: "users.sessions", Max: short(time.Hour)}, steps.Fail, "the oldest for 2h"},
			"active":         {"upkeep_sees", check.Postgres{Query: "active_users"}, steps.Pass, ""},
			"too few active": {"upkeep_sees", check.Postgres{Query: "active_users", Min: "2"}, steps.Fail, "1 users were active within 1d, wanted at least 2"},
			"in a week":      {"upkeep_sees", check.Postgres{Query: "active_users", Min: "2", Window: short(7 * 24 * time.Hour)}, steps.Pass, ""},
			"no column":      {"upkeep_sees", check.Postgres{Query: "active_users", Column: "seen"}, steps.Unknown, `column "seen" does not exist`},
			"other table":    {"upkeep_sees", check.Postgres{Query: "registrations", Table: "users.users"}, steps.Pass, ""},
		})
	})
}

// pg_cron is no part of PostgreSQL; its tables are made as it makes them.
func TestPostgresCron(t *testing.T) {
	t.Parallel()
	c := postgres(t)
	conn := c.database(t, "crond")
	exe(t, conn, `CREATE SCHEMA cron; GRANT USAGE ON SCHEMA cron TO crond, crond_sees;
		CREATE TABLE cron.job (jobid bigint PRIMARY KEY, schedule text NOT NULL, command text NOT NULL, nodename text, nodeport int, database text, username text, active bool NOT NULL DEFAULT true, jobname name);
		CREATE TABLE cron.job_run_details (jobid bigint, runid bigint, job_pid int, database text, username text, command text, status text, return_message text, start_time timestamptz, end_time timestamptz);
		GRANT SELECT ON ALL TABLES IN SCHEMA cron TO crond_sees`)
	ask := func(role string) steps.Result {
		t.Helper()
		return do(t, &check.Postgres{Query: "cron", DSN: "db", Max: short(26 * time.Hour)}, c.asks(t, role, "crond", "verify-full"))
	}
	want(t, ask("crond"), steps.Unknown, "missing privilege")
	want(t, ask("crond_sees"), steps.Unknown, "no active job is seen")
	exe(t, conn, "INSERT INTO cron.job (jobid, schedule, command, jobname, active) VALUES (1, '0 3 * * *', 'VACUUM', 'nightly', true), (2, '* * * * *', 'x', 'off', false)")
	want(t, ask("crond_sees"), steps.Unknown, "nightly has not run yet")
	exe(t, conn, "INSERT INTO cron.job_run_details (jobid, runid, status, start_time, end_time) VALUES (1, 1, 'succeeded', now() - interval '50 hours', now() - interval '49 hours')")
	want(t, ask("crond_sees"), steps.Fail, "nightly succeeded last 49h")
	exe(t, conn, "INSERT INTO cron.job_run_details (jobid, runid, status, start_time, end_time) VALUES (1, 2, 'succeeded', now() - interval '3 hours', now() - interval '2 hours'), (1, 3, 'running', now(), NULL)")
	want(t, ask("crond_sees"), steps.Pass, "")
	exe(t, conn, "INSERT INTO cron.job_run_details (jobid, runid, status, start_time, end_time) VALUES (1, 4, 'failed', now() - interval '1 hour', now())")
	want(t, ask("crond_sees"), steps.Fail, "the last run of nightly failed")
}

func TestPostgresPrepared(t *testing.T) {
	t.Parallel()
	c := postgres(t)
	c.database(t, "forgotten")
	ask := func(limit time.Duration) steps.Result {
		t.Helper()
		return do(t, &check.Postgres{Query: "prepared", DSN: "db", Max: short(limit)}, c.asks(t, "forgotten", "forgotten", "verify-full"))
	}
	want(t, ask(0), steps.Pass, "")
	one := c.connect(t, "forgotten")
	exe(t, one, "BEGIN; UPDATE users.users SET email_verified = true; PREPARE TRANSACTION 'left'")
	want(t, ask(0), steps.Fail, "left of admin is prepared for")
	want(t, ask(time.Hour), steps.Pass, "")
	exe(t, one, "ROLLBACK PREPARED 'left'")
}
