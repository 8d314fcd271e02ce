package practice

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"runbook/runbook/practice/cluster"
	"runbook/runbook/practice/typeorm"
)

// appliedAtStart is how many of the application's migrations an earlier
// release has run; the others are pending.
const appliedAtStart = 3

// seed are users and tokens of the days before. Nobody knows their password;
// the hash has the cost that production asks for.
const seed = `WITH u AS (
	INSERT INTO users.users (email, password_hash, first_name, last_name, email_verified, created_at, updated_at)
	SELECT 'user' || n || '@example.com', '$2a$12$C6UzMDM.H6dfI/f/IKcEeO7ZL0nQwDBvVYVJhWqZxXH3TQ1fKzv6W', 'User', n::text, n % 10 <> 0, t, t
	FROM (SELECT n, (now() AT TIME ZONE 'UTC') - n * interval '25 minutes' AS t FROM generate_series(1, 400) n) s
	RETURNING id, email_verified, created_at)
	INSERT INTO users.verification_tokens (user_id, token_type, token_hash, expires_at, used_at, created_at)
	SELECT id, 'email_verification', encode(sha256(id::text::bytea), 'hex'), created_at + interval '1 day',
		CASE WHEN email_verified THEN created_at + interval '4 minutes' END, created_at FROM u`

func (s *server) startDatabase(ctx context.Context) (err error) {
	if s.ports.service, err = cluster.FreePort(); err != nil {
		return err
	}
	if s.Bin == "" {
		s.ports.database, err = cluster.FreePort() // nobody listens there
		return err
	}
	s.pg, err = cluster.Start(ctx, cluster.Config{
		Bin: s.Bin, Dir: filepath.Join(s.dir, "pg"), Password: s.secrets.Superuser, Cert: s.cert, Key: s.key,
	})
	if err != nil {
		return err
	}
	s.ports.database = s.pg.Port
	if err := s.makeRoles(ctx); err != nil {
		return err
	}
	return s.secret(tickrSite, "database_url", s.dsn("tickr_deploy", s.secrets.Deploy, "tickr"))
}

// makeRoles makes the service's role, which may only log in, and the one that
// migrates and restores. What every new database holds goes into template1;
// the extension has no comment there, as only its owner could restore that.
func (s *server) makeRoles(ctx context.Context) error {
	template := []string{
		"CREATE ROLE tickr_app LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD '" + s.secrets.App + "'",
		"CREATE ROLE tickr_deploy LOGIN NOSUPERUSER CREATEDB NOCREATEROLE PASSWORD '" + s.secrets.Deploy + "'",
		"GRANT pg_monitor TO tickr_deploy",
	}
	if s.pg.Major() < 15 { // before, the owner of a database did not own its schema public
		template = append(template, "REVOKE CREATE ON SCHEMA public FROM PUBLIC", "GRANT CREATE ON SCHEMA public TO tickr_deploy")
	}
	if s.pg.Statements {
		template = append(template, "CREATE EXTENSION pg_stat_statements", "COMMENT ON EXTENSION pg_stat_statements IS NULL")
	}
	return s.pg.Superuser(ctx, "template1", template...)
}

// fillDatabase makes the state an earlier release left: three migrations
// applied, 400 users.
func (s *server) fillDatabase(ctx context.Context) error {
	if s.pg == nil {
		return nil
	}
	copied := "" // without the copy's pages in the log, which would all be archived
	if s.pg.Major() >= 15 {
		copied = " STRATEGY file_copy"
	}
	err := s.pg.Superuser(ctx, "postgres",
		"CREATE DATABASE tickr OWNER tickr_deploy"+copied, "CREATE DATABASE tickr_test OWNER tickr_deploy"+copied,
		"REVOKE TEMPORARY ON DATABASE tickr FROM PUBLIC", "SELECT pg_switch_wal()")
	if err != nil {
		return err
	}
	conn, err := pgx.Connect(ctx, s.dsn("tickr_deploy", s.secrets.Deploy, "tickr"))
	if err != nil {
		return fmt.Errorf("migrate the practice database: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // everything was committed
	all, err := typeorm.Read(filepath.Join(s.appDir(), "src", "migrations"))
	if err != nil {
		return err
	}
	if _, err := (typeorm.Session{Conn: conn}).Run(ctx, all[:appliedAtStart]); err != nil {
		return fmt.Errorf("migrate the practice database: %w", err)
	}
	if _, err := conn.Exec(ctx, seed); err != nil {
		return fmt.Errorf("fill the practice database: %w", err)
	}
	if _, err := conn.Exec(ctx, "ANALYZE users.users, users.verification_tokens"); err != nil {
		return fmt.Errorf("fill the practice database: %w", err)
	}
	dump := filepath.Join(s.appDir(), "users_backup.dump")
	if err := s.pg.Dump(ctx, s.dsn("tickr_deploy", s.secrets.Deploy, "tickr"), dump); err != nil {
		return err
	}
	return s.baseBackups(dump)
}

// baseBackups lays copies of the dump where base backups would lie: of today
// and of yesterday.
func (s *server) baseBackups(dump string) error {
	content, err := os.ReadFile(dump) // #nosec G304 -- made just now
	if errors.Is(err, fs.ErrNotExist) {
		return nil // no pg_dump made it
	}
	if err := errors.Join(err, os.Mkdir(filepath.Join(s.appDir(), "backups"), 0o700)); err != nil {
		return err
	}
	for _, age := range []time.Duration{26 * time.Hour, 2 * time.Hour} {
		at := time.Now().Add(-age)
		name := "base-" + at.UTC().Format("20060102T150405Z")
		if err := writeAt(filepath.Join(s.appDir(), "backups", name), content, at); err != nil {
			return err
		}
	}
	return nil
}

func (s *server) dsn(role, password, database string) string {
	if s.pg == nil {
		return ""
	}
	return s.pg.DSN(role, password, database, filepath.Join(s.dir, "ca.pem"))
}

func (s *server) databaseAddr() string { return loopback(s.ports.database) }

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
