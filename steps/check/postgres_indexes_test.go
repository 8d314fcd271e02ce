package check_test

import (
	"testing"
	"time"

	"runbook/steps"
	"runbook/steps/check"
)

func TestPostgresIndexes(t *testing.T) {
	t.Parallel()
	c := postgres(t)
	conn := c.database(t, "indexed")
	t.Run("right", func(t *testing.T) {
		c.try(t, "indexed", map[string]pgCase{
			"no duplicates":   {"indexed", check.Postgres{Query: "duplicate_indexes"}, steps.Pass, ""},
			"all used":        {"indexed", check.Postgres{Query: "unused_indexes"}, steps.Pass, ""},
			"no foreign keys": {"indexed", check.Postgres{Query: "foreign_keys"}, steps.Pass, ""},
			"all valid":       {"indexed", check.Postgres{Query: "not_valid"}, steps.Pass, ""},
		})
	})
	exe(t, conn, `ALTER TABLE users.verification_tokens ADD COLUMN user_id int REFERENCES users.users;
		CREATE INDEX one ON users.users (created_at); CREATE INDEX two ON users.users (created_at, email_verified); CREATE INDEX part ON users.users (created_at) WHERE email_verified;
		ALTER TABLE users.users ADD CONSTRAINT filled CHECK (password_hash <> '') NOT VALID`)
	t.Run("broken", func(t *testing.T) {
		c.try(t, "indexed", map[string]pgCase{
			"duplicates":    {"indexed", check.Postgres{Query: "duplicate_indexes"}, steps.Warn, "1 indexes do what others do: users.one is as good as two"},
			"not used":      {"indexed", check.Postgres{Query: "unused_indexes", MinSize: "1", Window: short(time.Nanosecond)}, steps.Warn, "3 indexes are never used"},
			"too young":     {"indexed", check.Postgres{Query: "unused_indexes", MinSize: "1"}, steps.Unknown, "too short to tell"},
			"too small":     {"indexed", check.Postgres{Query: "unused_indexes", MinSize: "1GB"}, steps.Pass, ""},
			"key, no index": {"indexed", check.Postgres{Query: "foreign_keys"}, steps.Warn, "users.verification_tokens (user_id) among them: a delete in users.users"},
			"NOT VALID":     {"indexed", check.Postgres{Query: "not_valid"}, steps.Warn, "users.users.filled among them"},
		})
	})
	exe(t, conn, "DROP INDEX users.one; CREATE UNIQUE INDEX again ON users.users (id); CREATE UNIQUE INDEX apart ON users.users (id DESC)")
	want(t, do(t, &check.Postgres{Query: "duplicate_indexes", DSN: "db"}, c.asks(t, "indexed", "indexed", "verify-full")), steps.Warn, "1 indexes do what others do: users.again is as good as users_pkey")
	exe(t, conn, "CREATE INDEX ON users.verification_tokens (user_id); ALTER TABLE users.users VALIDATE CONSTRAINT filled")
	w := c.asks(t, "indexed", "indexed", "verify-full")
	want(t, do(t, &check.Postgres{Query: "unused_indexes", DSN: "db", MinSize: "big"}, w), steps.Unknown, "min_size")
	for _, query := range []string{"foreign_keys", "not_valid"} {
		want(t, do(t, &check.Postgres{Query: query, DSN: "db"}, w), steps.Pass, "")
	}
}
