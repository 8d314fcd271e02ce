package check_test

import (
	"testing"

	"runbook/steps"
	"runbook/steps/check"
)

func settings(name, wanted string) check.Postgres {
	return check.Postgres{Query: "settings", Settings: map[string]string{name: wanted}}
}

func TestPostgresSettings(t *testing.T) {
	t.Parallel()
	c := postgres(t)
	conn := c.database(t, "adjusted")
	exe(t, conn, `CREATE ROLE adjusted_migrates LOGIN; ALTER ROLE adjusted_migrates SET lock_timeout = '5s'; ALTER ROLE adjusted_migrates IN DATABASE adjusted SET statement_timeout = '15min';
		ALTER ROLE adjusted_sees SET lock_timeout = '2s'; ALTER DATABASE adjusted SET work_mem = '8MB'; ALTER ROLE adjusted SET idle_in_transaction_session_timeout = '1min'`)
	of := func(role, name, wanted string) check.Postgres {
		q := settings(name, wanted)
		q.Role = role
		return q
	}
	c.try(t, "adjusted", map[string]pgCase{
		"number":           {"adjusted", settings("max_connections", "100"), steps.Pass, ""},
		"at least":         {"adjusted", settings("max_connections", ">= 101"), steps.Fail, "max_connections is 100, wanted >= 101"},
		"at most":          {"adjusted", settings("max_connections", "<= 100"), steps.Pass, ""},
		"between":          {"adjusted", settings("max_connections", "50 to 200"), steps.Pass, ""},
		"above":            {"adjusted", settings("max_connections", "50 to 99"), steps.Fail, "wanted 50 to 99"},
		"memory":           {"adjusted", settings("shared_buffers", ">= 16MB"), steps.Pass, ""},
		"too little":       {"adjusted", settings("shared_buffers", ">= 1GB"), steps.Fail, "8kB, wanted >= 1GB"},
		"of the database":  {"adjusted", settings("work_mem", "8192kB"), steps.Pass, ""},
		"wrong unit":       {"adjusted", settings("work_mem", "8s"), steps.Unknown, "has a unit that is none of B, GB, MB, TB, kB"},
		"no number":        {"adjusted", settings("max_connections", "many"), steps.Unknown, "is no number of it"},
		"switch":           {"adjusted", settings("ssl", "true"), steps.Pass, ""},
		"switched off":     {"adjusted", settings("ssl", "off"), steps.Fail, "ssl is on, wanted off"},
		"no such word":     {"adjusted", settings("ssl_passphrase_command_supports_reload", "disabled"), steps.Unknown, `"disabled" is neither on nor off`},
		"word":             {"adjusted", settings("WAL_level", "replica"), steps.Pass, ""},
		"other word":       {"adjusted", settings("wal_level", "logical"), steps.Fail, "wal_level is replica"},
		"text":             {"adjusted", settings("timezone_abbreviations", "Default"), steps.Pass, ""},
		"hidden":           {"adjusted", settings("shared_preload_libraries", "pg_stat_statements"), steps.Unknown, "grant it pg_read_all_settings"},
		"seen":             {"adjusted_sees", settings("shared_preload_libraries", "pg_stat_statements"), steps.Pass, ""},
		"no such":          {"adjusted_sees", settings("max_memory", "1GB"), steps.Fail, "the server knows no setting max_memory"},
		"own, not ours":    {"adjusted", settings("statement_timeout", "0"), steps.Pass, ""},
		"own role's":       {"adjusted_sees", settings("lock_timeout", "2s"), steps.Pass, ""},
		"role's":           {"adjusted_sees", of("adjusted_migrates", "lock_timeout", "1ms to 10s"), steps.Pass, ""},
		"role's, too long": {"adjusted_sees", of("adjusted_migrates", "statement_timeout", "<= 10min"), steps.Fail, "statement_timeout is 15min, wanted <= 10min"},
		"of all":           {"adjusted_sees", of("adjusted_migrates", "work_mem", "8MB"), steps.Pass, ""},
		"not set":          {"adjusted_sees", of("adjusted_migrates", "idle_in_transaction_session_timeout", "1ms to 1h"), steps.Fail, "is 0 ms, wanted 1ms to 1h"},
		"behind our own":   {"adjusted_sees", of("adjusted", "lock_timeout", "1s"), steps.Unknown, "is set for the role that asks"},
		"no role":          {"adjusted_sees", of("ghost", "lock_timeout", "1s"), steps.Fail, "role ghost does not exist"},
	})
	if err := (&check.Postgres{Query: "settings"}).Validate(); err == nil {
		t.Error("no settings are accepted")
	}
}

// TestPostgresPendingRestart can't be parallel: others look at the settings too.
func TestPostgresPendingRestart(t *testing.T) {
	c := postgres(t)
	conn := c.database(t, "restarts")
	w := c.asks(t, "restarts", "restarts", "verify-full")
	q := settings("max_wal_senders", "10")
	q.DSN = "db"
	want(t, do(t, &q, w), steps.Pass, "")
	exe(t, conn, "ALTER SYSTEM SET max_wal_senders = 11")
	defer func() {
		exe(t, conn, "ALTER SYSTEM RESET max_wal_senders")
		exe(t, conn, "SELECT pg_reload_conf()")
	}()
	exe(t, conn, "SELECT pg_reload_conf()")
	// The server reads its file when it likes.
	r := do(t, &q, w)
	for r.Verdict == steps.Pass && t.Context().Err() == nil {
		r = do(t, &q, w)
	}
	want(t, r, steps.Warn, "will have another value after the next restart")
}

func TestPostgresExtensions(t *testing.T) {
	t.Parallel()
	c := postgres(t)
	conn := c.database(t, "extended")
	exe(t, conn, "CREATE EXTENSION pg_stat_statements; CREATE EXTENSION pgcrypto; REVOKE EXECUTE ON FUNCTION pg_available_extensions() FROM PUBLIC; GRANT EXECUTE ON FUNCTION pg_available_extensions() TO extended_sees; GRANT CREATE ON DATABASE extended TO extended_sees")
	of := func(pending string, names ...string) check.Postgres {
		return check.Postgres{Query: "extensions", Extensions: names, Pending: pending}
	}
	c.try(t, "extended", map[string]pgCase{
		"installed":      {"extended_sees", of("", "plpgsql", "pgcrypto >= 1.2"), steps.Pass, ""},
		"too old":        {"extended_sees", of("", "pgcrypto >= 99"), steps.Fail, "pgcrypto has version 1.3, wanted at least 99"},
		"no version":     {"extended_sees", of("", "pgcrypto >= new"), steps.Unknown, "is no version"},
		"not installed":  {"extended_sees", of("", "uuid-ossp"), steps.Fail, "uuid-ossp is not installed; version 1.1 is available"},
		"may be made":    {"extended_sees", of("any", "uuid-ossp >= 1.1"), steps.Pass, ""},
		"may not be":     {"extended_sees", of("any", "pageinspect"), steps.Fail, "this role may not create it"},
		"unheard of":     {"extended_sees", of("any", "no-such"), steps.Fail, "the server has no package of it"},
		"may not look":   {"extended", of("", "plpgsql"), steps.Unknown, "missing privilege"},
		"a superuser's":  {"admin", of("any", "pageinspect"), steps.Pass, ""},
		"all are judged": {"extended_sees", of("", "plpgsql", "uuid-ossp"), steps.Fail, "uuid-ossp"},
	})
}
