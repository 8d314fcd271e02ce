package cluster

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
)

// DSN is the address of a database for one role, over TLS with the server's
// certificate checked against the CA file. pgx and libpq both read it.
func (c *Cluster) DSN(role, password, database, caFile string) string {
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword(role, password), Path: database,
		Host:     net.JoinHostPort("127.0.0.1", strconv.Itoa(c.Port)),
		RawQuery: url.Values{"sslmode": {"verify-full"}, "sslrootcert": {caFile}}.Encode(),
	}
	return u.String()
}

// Superuser runs statements, each on its own, over the private socket.
func (c *Cluster) Superuser(ctx context.Context, database string, statements ...string) error {
	cfg, err := pgx.ParseConfig("sslmode=disable")
	if err != nil {
		return fmt.Errorf("connect as superuser: %w", err)
	}
	cfg.Host, cfg.Port, cfg.User, cfg.Password, cfg.Database = c.Socket, uint16(c.Port), Superuser, c.password, database // #nosec G115 -- a port
	cfg.TLSConfig, cfg.Fallbacks = nil, nil
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return fmt.Errorf("connect as superuser: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // everything was committed
	for _, sql := range statements {
		if _, err := conn.Exec(ctx, sql); err != nil {
			return fmt.Errorf("prepare database %s: %w", database, err)
		}
	}
	return nil
}

// LibpqEnv gives a DSN of ours to libpq's programs as PG* variables, so that
// its password stands in no command line.
func LibpqEnv(dsn string) []string {
	u, err := url.Parse(dsn)
	if err != nil {
		return nil
	}
	password, _ := u.User.Password()
	return []string{
		"PGHOST=" + u.Hostname(), "PGPORT=" + u.Port(), "PGUSER=" + u.User.Username(), "PGPASSWORD=" + password,
		"PGDATABASE=" + strings.TrimPrefix(u.Path, "/"), "PGSSLMODE=" + u.Query().Get("sslmode"), "PGSSLROOTCERT=" + u.Query().Get("sslrootcert"),
	}
}
