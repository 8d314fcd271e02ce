package check

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"runbook/steps"
)

// Database is a PostgreSQL that a command was given the address of. What the
// command does there is looked at over one connection that stays open: behind
// a blocked migration the server may soon have none left for anybody new.
type Database struct {
	name   string // of the secret that holds the address
	at     place
	world  *steps.World
	broken error // why the address can't be used

	turn chan struct{} // holds a token while somebody asks
	open *session      // nil until somebody asked, and after an error
}

// databaseLimit is how long one look may take, the connection included.
const databaseLimit = 3 * time.Second

// NewDatabase reads the address in a secret: a postgres:// URL, or key=value
// pairs with a host. ok is false for a secret that is neither. Nothing is
// connected to yet.
func NewDatabase(name string, secret steps.Secret, w *steps.World) (d *Database, ok bool) {
	at, ok, err := address(name, secret.Reveal())
	return &Database{name: name, at: at, world: w, broken: err, turn: make(chan struct{}, 1)}, ok
}

// Where is host:port/database, without user and password.
func (d *Database) Where() string {
	if d.broken != nil {
		return d.name
	}
	return outside(d.at.where())
}

// Same reports whether two addresses lead to one server.
func (d *Database) Same(other *Database) bool {
	return d.at.host == other.at.host && d.at.port == other.at.port
}

// Close ends the connection.
func (d *Database) Close() {
	d.turn <- struct{}{}
	defer func() { <-d.turn }()
	d.shut()
}

func (d *Database) shut() {
	if d.open != nil {
		d.open.close()
		d.open = nil
	}
}

// ask gives do a read-only transaction of its own, with the time-outs that
// every check has, and answers in our words why something could not be asked.
func (d *Database) ask(whole context.Context, do func(ctx context.Context, s *session) error) (err error) {
	if d.broken != nil {
		return d.broken
	}
	defer func() {
		if p := recover(); p != nil { // as in measure: it must not take the operator's session along
			err = fmt.Errorf("this look broke (%T): report it as a defect of runbook", p)
		}
	}()
	ctx, stop := context.WithTimeout(whole, databaseLimit)
	defer stop()
	select {
	case d.turn <- struct{}{}:
		defer func() { <-d.turn }()
	case <-ctx.Done():
		return errors.New("another look was still waiting for an answer")
	}
	err = d.begin(ctx)
	if err == nil {
		err = do(ctx, d.open)
		d.end(ctx)
	}
	if err == nil {
		return nil
	}
	verdict := &Postgres{DSN: d.name, Timeout: steps.Duration(databaseLimit)}
	_, reason := verdict.fault(whole, err)
	return errors.New(outside(redact(reason, []steps.Secret{d.at.password})))
}

// begin opens the connection if there is none, or none any more.
func (d *Database) begin(ctx context.Context) error {
	if d.open != nil {
		if err := d.open.begin(ctx, databaseLimit); err == nil {
			return nil
		}
		d.shut()
	}
	s, err := openSession(ctx, d.world, d.at, databaseLimit)
	d.open = s
	return err
}

// end gives the transaction back. A connection on which that fails is of no
// more use.
func (d *Database) end(ctx context.Context) {
	if d.open.conn.IsClosed() {
		d.shut()
		return
	}
	if _, err := d.open.query(ctx, "ROLLBACK"); err != nil {
		d.shut()
	}
}

// CancelBackend asks the server to cancel what a session does, if it is one of
// the command with that application name; the statement that cancels decides
// that. It answers false if there is no such session any more. It ends a
// statement, not a session: one that is idle goes on being so.
func (d *Database) CancelBackend(ctx context.Context, app string, pid int) (sent bool, err error) {
	err = d.ask(ctx, func(ctx context.Context, s *session) error {
		rows, err := s.shippedQuery(ctx, "cancel_backend", app, int32(pid)) //nolint:gosec // a pid
		sent = len(rows) == 1 && rows[0].yes("sent")
		var said *pgconn.PgError
		if errors.As(err, &said) && said.Code == "42501" {
			return unmeasured("role " + outside(s.at.user) + " may not cancel it: that takes its own role, or pg_signal_backend")
		}
		return err
	})
	return sent, err
}
