package practice

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"runbook/runbook/practice/docker"
	"runbook/runbook/practice/typeorm"
)

// mailUser is whom the mail server knows, and who sends.
const mailUser = "notify@localhost"

// mailApplied is how many of the second application's migrations run before.
const mailApplied = 3

// mailSeed are messages of the days before, beside the users that seed makes.
const mailSeed = `INSERT INTO mail.messages (user_id, body, created_at)
	SELECT id, sha256(id::text::bytea), created_at + interval '1 minute' FROM users.users`

// fillMail makes the databases of production and staging, and an empty one to
// restore into.
func (s *server) fillMail(ctx context.Context) error {
	if s.pg == nil {
		return nil
	}
	copied := ""
	if s.pg.Major() >= 15 {
		copied = " STRATEGY file_copy"
	}
	err := s.pg.Superuser(ctx, "postgres",
		"CREATE ROLE email_app LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD '"+s.mail.secrets["app"]+"'",
		"CREATE ROLE email_deploy LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD '"+s.mail.secrets["deploy"]+"'",
		"GRANT pg_monitor TO email_deploy",
		"CREATE DATABASE encrypted_email OWNER email_deploy"+copied, "CREATE DATABASE encrypted_email_scratch OWNER email_deploy"+copied,
		"REVOKE TEMPORARY ON DATABASE encrypted_email FROM PUBLIC")
	if err != nil {
		return err
	}
	if err := s.migrateMail(ctx, "encrypted_email", mailApplied, seed, mailSeed, "ANALYZE users.users, users.verification_tokens, mail.messages, mail.files"); err != nil {
		return err
	}
	if err := s.pg.Superuser(ctx, "postgres", "CREATE DATABASE encrypted_email_staging TEMPLATE encrypted_email OWNER email_deploy"+copied); err != nil {
		return err
	}
	if err := s.migrateMail(ctx, "encrypted_email_staging", -1); err != nil {
		return err
	}
	for name, database := range map[string]string{"database_url": "encrypted_email", "scratch_database_url": "encrypted_email_scratch"} {
		if err := s.secret(emailSite, name, s.dsn("email_deploy", s.mail.secrets["deploy"], database)); err != nil {
			return err
		}
	}
	return nil
}

// migrateMail runs migrations up to a number, all if it is negative, and then
// statements.
func (s *server) migrateMail(ctx context.Context, database string, upTo int, statements ...string) error {
	conn, err := pgx.Connect(ctx, s.dsn("email_deploy", s.mail.secrets["deploy"], database))
	if err != nil {
		return fmt.Errorf("fill %s: %w", database, err)
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // everything was committed
	all, err := typeorm.Read(filepath.Join(s.dir, emailSite, "src", "migrations"))
	if err != nil {
		return err
	}
	if upTo >= 0 {
		all = all[:upTo]
	}
	if _, err := (typeorm.Session{Conn: conn}).Run(ctx, all); err != nil {
		return fmt.Errorf("fill %s: %w", database, err)
	}
	for _, sql := range statements {
		if _, err := conn.Exec(ctx, sql); err != nil {
			return fmt.Errorf("fill %s: %w", database, err)
		}
	}
	return nil
}

// addMailImages are what the registry has: both releases of both parts.
func (s *server) addMailImages() {
	ages := map[string]time.Duration{emailBefore: 12 * 24 * time.Hour, emailNow: 3 * time.Hour}
	for _, repository := range []string{backend, frontend} {
		for _, version := range []string{emailBefore, emailNow} {
			built := docker.Context{Digest: sha256.Sum256([]byte(s.secrets.Nonce + repository + version)), Files: 12, Size: 1 << 20}
			s.engine.AddImage(repository+":"+version, version, built, time.Now().Add(-ages[version]))
		}
	}
}

// docker runs one command of the engine; the error is what it said.
func (s *server) docker(ctx context.Context, dir string, args ...string) error {
	var said bytes.Buffer
	if code := s.engine.Run(ctx, docker.Call{Args: args, Dir: dir, Out: &said, Err: &said}); code != 0 {
		return fmt.Errorf("docker %s: %s", strings.Join(args, " "), strings.TrimSpace(said.String()))
	}
	return nil
}

// mailTarget is the target of encrypted-email.
func (s *server) mailTarget(context.Context) error {
	g := s.mail
	vars := map[string]string{
		"base_url":        "https://" + local(g.front.HTTPS),
		"staging_url":     "https://" + local(g.staging.HTTPS),
		"green_url":       "https://" + local(g.next.HTTPS),
		"edge_ssh":        local(g.gate.Addr),
		"address":         "127.0.0.1",
		"server_disk":     s.dir,
		"server_memory":   "256MB", // of whatever computer somebody practises on
		"server_storage":  "1GB",
		"server_free":     "1",
		"memory_limit":    "999999999999999", // of a process minutes old no slope means anything
		"redis_address":   g.redis.Addr(),
		"resolver":        g.names.Addr,
		"image_tag":       emailNow,
		"previous_tag":    emailBefore,
		"commit":          commitOf(emailNow),
		"previous_commit": commitOf(emailBefore),
		"compose_file":    "docker-compose.prod.yml",
		"namespace":       "encrypted-email",
		"kube_context":    "practice",
		"smtp_address":    local(g.post.Addr),
		"smtp_user":       mailUser,
		"mail_from":       mailUser,
		"mail_to":         "probe@localhost",
		"backup_dir":      "backups",
		"restore_file":    "latest-backup.tar.gz.gpg",
		"env_file":        ".env",
		"metrics_url":     "http://" + loopback(g.blue.backend) + "/metrics",
		"migrations":      "src/migrations/*.ts",
		"data_source":     "src/data-source.ts",
		"environment":     environment,
		"db_role":         "email_app",
		"db_schema":       "users",
		"replicas":        "2",
	}
	maps.Copy(vars, edgeVars(g.front))
	maps.Copy(vars, g.closed)
	maps.Copy(vars, g.urls)
	return s.writeTarget(emailSite, target{
		Vars: vars, Env: ".env",
		Secrets: []string{
			"database_url", "scratch_database_url", "redis_password", "smtp_password", "forge_token", "grafana_token", "payment_key", "webhook_url",
		},
	})
}
