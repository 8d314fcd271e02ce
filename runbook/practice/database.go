package practice

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"strconv"

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
	ca, cert, key, err := issue()
	if err != nil {
		return err
	}
	if err := s.write("ca.pem", string(ca)); err != nil {
		return err
	}
	s.pg, err = cluster.Start(ctx, cluster.Config{
		Bin: s.Bin, Dir: filepath.Join(s.dir, "pg"), Password: s.secrets.Superuser, Cert: cert, Key: key,
	})
	if err != nil {
		return err
	}
	s.ports.database = s.pg.Port
	err = s.pg.Superuser(ctx, "postgres",
		"CREATE ROLE tickr_app LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD '"+s.secrets.App+"'",
		"CREATE ROLE tickr_deploy LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD '"+s.secrets.Deploy+"'",
		"GRANT pg_monitor TO tickr_deploy")
	if err != nil {
		return err
	}
	return s.write("secrets/database_url", s.dsn("tickr_deploy", s.secrets.Deploy, "tickr")+"\n")
}

// freshDatabase drops what was there and builds the state an earlier release
// left: three migrations applied, 400 users.
func (s *server) freshDatabase(ctx context.Context) error {
	if s.pg == nil {
		return nil
	}
	err := s.pg.Superuser(ctx, "postgres",
		"DROP DATABASE IF EXISTS tickr WITH (FORCE)", "CREATE DATABASE tickr OWNER tickr_deploy",
		"DROP DATABASE IF EXISTS tickr_test WITH (FORCE)", "CREATE DATABASE tickr_test OWNER tickr_deploy",
		"REVOKE TEMPORARY ON DATABASE tickr FROM PUBLIC")
	if err != nil {
		return err
	}
	for _, database := range []string{"tickr", "tickr_test"} {
		setup := []string{"REVOKE CREATE ON SCHEMA public FROM PUBLIC", "GRANT USAGE, CREATE ON SCHEMA public TO tickr_deploy"}
		if s.pg.Statements {
			setup = append(setup, "CREATE EXTENSION pg_stat_statements")
		}
		if err := s.pg.Superuser(ctx, database, setup...); err != nil {
			return err
		}
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
	return s.pg.Dump(ctx, s.dsn("tickr_deploy", s.secrets.Deploy, "tickr"), filepath.Join(s.appDir(), "users_backup.dump"))
}

func (s *server) dsn(role, password, database string) string {
	if s.pg == nil {
		return ""
	}
	return s.pg.DSN(role, password, database, filepath.Join(s.dir, "ca.pem"))
}

func (s *server) databaseAddr() string { return loopback(s.ports.database) }

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
