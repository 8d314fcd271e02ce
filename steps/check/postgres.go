package check

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"runbook/steps"
)

// Postgres is check.postgres: one of the questions below, asked of a
// PostgreSQL server. The SQL is shipped with runbook; a book names it.
//
//	check.postgres = { query = "migrations", dsn = "database_url", files = "src/migrations/*.ts" }
//
//	query    see below
//	dsn      a secret var of the book: a postgres:// URL
//	source   instead of dsn, an environment: "service" or "file:PATH", with
//	         DATABASE_URL, or DB_HOST DB_PORT DB_USERNAME (or DB_USER)
//	         DB_PASSWORD DB_NAME (or DB_DATABASE) and DB_SSL or DB_SSLMODE.
//	         Default "service"
//	timeout  for everything, from the connection on; default "5s"
//
// What each query wants, with its fields:
//
//	connect            an answer to SELECT 1
//	version            min = "14": at least this version, on the primary
//	schema             schema: exists
//	tls                TLS 1.2 or later on our leg and on the server's; warn if
//	                   sslmode does not verify the certificate
//	pooler             a pooler such as PgBouncer stands before the server; or
//	                   copies (default "1") times pool, the connections that each
//	                   copy of the service may open (default: DB_POOL_MAX of
//	                   source), are at most 80 % of those allowed. fail: no
//	                   pooler, and no pool
//	settings           settings = { max_connections = ">= 100", wal_level =
//	                   "replica", lock_timeout = "1ms to 10s" }: what a new session
//	                   has, of role if it is given. 0 and -1 often switch a limit
//	                   off: give both bounds. warn: another value waits for a
//	                   restart
//	extensions         extensions = ["pgcrypto", "uuid-ossp >= 1.1"]: installed;
//	                   pending = "any": or available, and this role may create them
//
// Who may do what:
//
//	role               role (default: the session's own): no superuser, createdb,
//	                   createrole, replication, bypassrls, no member of such
//	grants             role, on the tables of schema: has all of required
//	                   (default SELECT, INSERT, UPDATE, DELETE), none of forbidden
//	                   (default TRUNCATE, TRIGGER, REFERENCES), owns none, and is
//	                   no member of who has or owns such; may use the schema and
//	                   not create in it; and nobody in public
//	superusers         no role that may log in is superuser, past row security or
//	                   member of such, but those of allowed
//	hba                no rule of pg_hba.conf lets in from afar without TLS, or
//	                   anybody by trust, password or md5
//	plain_sessions     of role (default: of all): none comes over the network in
//	                   plain text. warn: over loopback
//	scram              no role that may log in has a password that is kept as
//	                   anything but a SCRAM verifier, but those of allowed. warn:
//	                   the next one will be
//	audit              connections, disconnections and changes are logged
//
// What goes on:
//
//	sessions           role (default: the session's own) has at least min ("1")
//	connections        below max_percent (default "85") of those that the server
//	                   and the database allow; warn from warn_percent ("70") on
//	blocking_tree      no session waits for another one's lock
//	long_transactions  none older than max (default "5m")
//	prepared           no prepared transaction, or none older than max
//	table_locks        nobody else holds or waits for a lock on one of tables, or
//	                   none in a transaction older than max
//	index_builds       shows how far they are; warn if one waits for a session
//	slow_queries       average of all statements that are executed within window
//	                   (default "1m", at most "15m") below max_ms (default "100"):
//	                   two looks, at least min (default "20") statements between.
//	                   warn: one that was executed min times takes max_ms or more
//
// What a release leaves:
//
//	migrations         files = glob of TypeORM migrations, relative to the
//	                   target's dir; table (default "public.migrations");
//	                   pending = "none" (default): none is pending, or "any":
//	                   the plan is evidence. fail: out of order. warn: the
//	                   database has one that the files do not
//	invalid_indexes    none; one that is being built warns
//	expected_indexes   indexes = ["schema.index"]: there and valid
//	duplicate_indexes  none does what another does; else warn
//	unused_indexes     none of min_size (default "1MiB") or more; else warn, once
//	                   the statistics are older than window (default "7d")
//	foreign_keys       each has an index; else warn
//	not_valid          no constraint is NOT VALID; else warn
//
// What keeps data:
//
//	archiver           WAL archiving is on, has a command, does not fail, is at
//	                   most 2 segments behind and has at most 10 waiting
//	replication        at least min (default "1") standbys stream, each at most max
//	                   (default "10s") behind; asked of the primary. Who reads by
//	                   a logical slot is none
//	standby            the server is one, streams, and is at most max behind
//	slots              none has lost what it needs or keeps more than max_size
//	                   (default "1GiB"); warn: nobody reads one
//	checksums          no page was read damaged; they must be on
//	sequences          of those of schema (default: of all) each has given out less
//	                   than max_percent (default "85") of what its column can hold;
//	                   warn from warn_percent (default "70") on
//	wraparound         no database, no table of this one has frozen so little that
//	                   max_percent (default "60") of all transaction ids or
//	                   multixacts are in use; warn from warn_percent ("40") on
//	sizes              the database, or table with its partitions, has at most
//	                   max_size, and grows by at most max_growth within window
//	                   (default "1m", at most "15m")
//	vacuum             of each table of min (default "10000") rows or more less than
//	                   max_percent (default "20") are dead; else warn, and fail if
//	                   no vacuum came within max (default "1d"). fail too if
//	                   autovacuum is off
//	retention          in table (default users.verification_tokens) no row is older
//	                   than its expires_at by more than max (default "7d")
//	cron               of each active job of pg_cron the last run did not fail, and
//	                   one succeeded within max (default "25h")
//
// What users do, in table (default users.users, users.verification_tokens):
//
//	bcrypt_cost        min (default "12") for every password set since `since`
//	                   (RFC 3339; default: all)
//	registrations      one within max (default "24h")
//	token_flow         of the tokens issued within window (default "7d"), of each
//	                   type or of token_type, at least min (default "1") percent
//	                   were used
//	active_users       at least min (default "1") have a column (default
//	                   "last_login_at") within window (default "24h")
//
// A check never waits behind what it watches: it reads in one READ ONLY
// transaction with a lock time-out of 300 ms. Neither PG* variables nor
// service or password files are consulted. Between two looks it has no session.
//
// pass, warn and fail: as above; fail too if the server refuses, or is silent
// until the limit, or refuses the service's own credentials. blocked: our
// query waited for a lock (blocking_tree shows whose). unknown: a privilege is
// missing (pg_monitor for what looks at other sessions), row-level security
// would hide rows, credentials given by dsn are refused, a table is missing, or
// there is nothing to count.
type Postgres struct {
	Query       string            `mapstructure:"query"`
	DSN         string            `mapstructure:"dsn"`
	Source      string            `mapstructure:"source"`
	Timeout     steps.Duration    `mapstructure:"timeout"`
	Min         string            `mapstructure:"min"`
	Schema      string            `mapstructure:"schema"`
	Role        string            `mapstructure:"role"`
	Files       string            `mapstructure:"files"`
	Table       string            `mapstructure:"table"`
	Pending     string            `mapstructure:"pending"`
	MaxPercent  string            `mapstructure:"max_percent"`
	WarnPercent string            `mapstructure:"warn_percent"`
	Max         steps.Duration    `mapstructure:"max"`
	Indexes     []string          `mapstructure:"indexes"`
	MaxMS       string            `mapstructure:"max_ms"`
	Since       string            `mapstructure:"since"`
	Window      steps.Duration    `mapstructure:"window"`
	TokenType   string            `mapstructure:"token_type"`
	Column      string            `mapstructure:"column"`
	MinSize     string            `mapstructure:"min_size"`
	MaxSize     string            `mapstructure:"max_size"`
	Required    []string          `mapstructure:"required"`
	Forbidden   []string          `mapstructure:"forbidden"`
	Allowed     []string          `mapstructure:"allowed"`
	Pool        string            `mapstructure:"pool"`
	Copies      string            `mapstructure:"copies"`
	Settings    map[string]string `mapstructure:"settings"`
	Extensions  []string          `mapstructure:"extensions"`
	Tables      []string          `mapstructure:"tables"`
	MaxGrowth   string            `mapstructure:"max_growth"`
}

// question is one named query: what it reads and how that is judged. It sets
// the result, or returns why nothing could be measured.
type question func(ctx context.Context, c *Postgres, s *session, r *steps.Result) error

var questions = map[string]question{
	"active_users":      askActiveUsers,
	"archiver":          askArchiver,
	"audit":             askAudit,
	"bcrypt_cost":       askBcryptCost,
	"blocking_tree":     askBlockingTree,
	"checksums":         askChecksums,
	"connect":           askConnect,
	"connections":       askConnections,
	"cron":              askCron,
	"duplicate_indexes": askDuplicateIndexes,
	"expected_indexes":  askExpectedIndexes,
	"extensions":        askExtensions,
	"foreign_keys":      askForeignKeys,
	"grants":            askGrants,
	"hba":               askHBA,
	"index_builds":      askIndexBuilds,
	"invalid_indexes":   askInvalidIndexes,
	"long_transactions": askLongTransactions,
	"migrations":        askMigrations,
	"not_valid":         askNotValid,
	"plain_sessions":    askPlainSessions,
	"pooler":            askPooler,
	"prepared":          askPrepared,
	"registrations":     askRegistrations,
	"replication":       askReplication,
	"retention":         askRetention,
	"role":              askRole,
	"schema":            askSchema,
	"scram":             askScram,
	"sequences":         askSequences,
	"sessions":          askSessions,
	"settings":          askSettings,
	"slots":             askSlots,
	"standby":           askStandby,
	"superusers":        askSuperusers,
	"table_locks":       askTableLocks,
	"tls":               askTLS,
	"token_flow":        askTokenFlow,
	"unused_indexes":    askUnusedIndexes,
	"vacuum":            askVacuum,
	"version":           askVersion,
	"wraparound":        askWraparound,
}

// queries are the names of all questions.
func queries() []string {
	names := append(sortedKeys(questions), sortedKeys(spans)...)
	slices.Sort(names)
	return names
}

// SecretVars is its dsn.
func (c *Postgres) SecretVars() []SecretVar { return []SecretVar{{"dsn", c.DSN}} }

// Touches is false: it reads, in a READ ONLY transaction.
func (c *Postgres) Touches() bool { return false }

// Validate reports an unknown query, a missing field of it, and limits that
// cannot be read.
func (c *Postgres) Validate() error {
	if !slices.Contains(queries(), c.Query) && !unfilled(c.Query) {
		return fmt.Errorf("query: %q is none of %s", c.Query, strings.Join(queries(), ", "))
	}
	if c.DSN != "" && c.Source != "" {
		return errors.New("dsn and source: want at most one of them")
	}
	for _, needed := range []struct{ query, field, value string }{
		{"version", "min", c.Min},
		{"schema", "schema", c.Schema},
		{"migrations", "files", c.Files},
		{"expected_indexes", "indexes", strings.Join(c.Indexes, "")},
		{"grants", "schema", c.Schema},
		{"settings", "settings", strings.Join(sortedKeys(c.Settings), "")},
		{"extensions", "extensions", strings.Join(c.Extensions, "")},
		{"table_locks", "tables", strings.Join(c.Tables, "")},
		{"sizes", "max_size or max_growth", c.MaxSize + c.MaxGrowth},
	} {
		if c.Query == needed.query && needed.value == "" {
			return fmt.Errorf("%s: missing, the query %s needs it", needed.field, c.Query)
		}
	}
	if err := validNumbers(map[string]string{"min": c.Min, "max_percent": c.MaxPercent, "warn_percent": c.WarnPercent, "max_ms": c.MaxMS, "pool": c.Pool, "copies": c.Copies}); err != nil {
		return err
	}
	for field, size := range map[string]string{"min_size": c.MinSize, "max_size": c.MaxSize, "max_growth": c.MaxGrowth} {
		if _, err := parseSize(size); size != "" && err != nil && !unfilled(size) {
			return fmt.Errorf("%s: %w", field, err)
		}
	}
	if c.spans() && (c.between().D() < minBetween || c.between().D() > maxBetween) {
		return fmt.Errorf("window: %s is the time between two looks, wanted %s to %s", c.Window, steps.Duration(minBetween), steps.Duration(maxBetween))
	}
	if c.Since != "" && !unfilled(c.Since) {
		if _, err := time.Parse(time.RFC3339, c.Since); err != nil {
			return fmt.Errorf("since: %q is not a time such as 2026-11-21T09:00:00Z", c.Since)
		}
	}
	switch {
	case c.Pending == "", c.Pending == "none", c.Pending == "any", unfilled(c.Pending):
		return nil
	}
	return fmt.Errorf("pending: %q is neither none nor any", c.Pending)
}

func (c *Postgres) limit() time.Duration {
	if c.Timeout == 0 {
		return 5 * time.Second
	}
	return c.Timeout.D()
}

// Do connects, asks and closes.
func (c *Postgres) Do(whole context.Context, w *steps.World) steps.Result {
	return measure("postgres", func(r *steps.Result) {
		if err := c.Validate(); err != nil {
			r.Decide(steps.Unknown, "%v", err)
			return
		}
		at, err := c.place(whole, w)
		if err != nil {
			r.Decide(steps.Unknown, "%v", err)
			return
		}
		r.Where = outside(at.where())
		if of, changes := spans[c.Query]; changes {
			err = c.twice(whole, w, at, of, r)
		} else {
			err = c.inSession(whole, w, at, func(ctx context.Context, s *session) error {
				r.Decide(steps.Pass, "")
				return questions[c.Query](ctx, c, s, r)
			})
		}
		if err != nil {
			verdict, reason := c.fault(whole, err)
			r.Decide(verdict, "%s", outside(redact(reason, []steps.Secret{at.password})))
		}
	})
}

// inSession opens a session for one look, and closes it.
func (c *Postgres) inSession(whole context.Context, w *steps.World, at place, look func(context.Context, *session) error) error {
	ctx, cancel := context.WithTimeout(whole, c.limit())
	defer cancel()
	s, err := openSession(ctx, w, at, c.limit())
	if err != nil {
		return err
	}
	defer s.close()
	return look(ctx, s)
}
