package web

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Dialer opens the connections of a service; the world gives one that reaches
// nothing but its own.
type Dialer func(ctx context.Context, network, addr string) (net.Conn, error)

// OpenPool prepares at most so many connections to a service's database, which
// shows them under the service's name. It needs no database yet. The error is a
// DSN that can't be read, without its password.
func OpenPool(ctx context.Context, dsn, name string, most int32, dial Dialer) (*pgxpool.Pool, error) {
	pc, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, fmt.Errorf("read the database address: %w", err)
	}
	pc.MaxConns, pc.MinConns = most, 0
	pc.ConnConfig.ConnectTimeout = 3 * time.Second
	pc.ConnConfig.RuntimeParams["application_name"] = name
	if dial != nil {
		pc.ConnConfig.DialFunc = pgconn.DialFunc(dial)
	}
	pool, err := pgxpool.NewWithConfig(ctx, pc)
	if err != nil {
		return nil, fmt.Errorf("open the connection pool: %w", err)
	}
	return pool, nil
}

// Failed answers for a database that is away (503) or an error of ours (500).
func (a *App) Failed(w http.ResponseWriter, doing string, err error) {
	a.Log.Line("error", doing, map[string]any{"error": err.Error()})
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		Refuse(w, http.StatusInternalServerError, "Internal server error")
		return
	}
	Refuse(w, http.StatusServiceUnavailable, "Service Unavailable")
}
