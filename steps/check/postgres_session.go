package check

import (
	"context"
	"crypto/tls"
	"embed"
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"runbook/steps"
	"runbook/steps/reach"
)

//go:embed sql/*.sql
var shipped embed.FS

// unmeasured is why a question has no answer.
type unmeasured string

func (u unmeasured) Error() string { return string(u) }

// session is one connection in one READ ONLY transaction. What a role, a database
// or a pooler's other clients have set is no part of it: a temporary table does
// not stand before a catalog, a policy leaves no row out but is an error, and a
// time without a zone is one of UTC.
type session struct {
	conn      *pgx.Conn
	at        place
	dir       string // of the target, for files
	connected time.Duration
}

// maxRows bounds an answer. pg_stat_statements counts 5000 statements, if nobody
// has set it otherwise.
const maxRows = 10_000

// openSession connects and begins. Time-outs are set inside the transaction:
// as start-up parameters PgBouncer refuses or silently drops them. The
// server's is shorter than ours, so that it says itself what it could not do.
func openSession(ctx context.Context, w *steps.World, at place, limit time.Duration) (*session, error) {
	config, err := at.config(w)
	if err != nil {
		return nil, unmeasured(err.Error())
	}
	began := time.Now()
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	s := &session{conn: conn, at: at, dir: w.Dir, connected: time.Since(began)}
	if err := s.begin(ctx, limit); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *session) begin(ctx context.Context, limit time.Duration) error {
	if _, err := s.query(ctx, "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY"); err != nil {
		return err
	}
	_, err := s.ask(ctx, `SELECT set_config('statement_timeout', $1, true), set_config('lock_timeout', '300ms', true), set_config('search_path', 'pg_catalog, pg_temp', true),
		set_config('row_security', 'off', true), set_config('TimeZone', 'UTC', true)`,
		strconv.FormatInt(max(1, limit.Milliseconds()*9/10), 10)+"ms")
	return err
}

// close leaves nothing behind, also when the check's own time is over.
func (s *session) close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if !s.conn.IsClosed() {
		// The transaction read only: if this fails, closing ends it as well.
		_, _ = s.query(ctx, "ROLLBACK")
	}
	_ = s.conn.Close(ctx)
}

// ask runs one statement inside the transaction, and makes sure that it was
// inside before and still is after: without it there are no time-outs.
func (s *session) ask(ctx context.Context, sql string, args ...any) ([]row, error) {
	if s.conn.PgConn().TxStatus() != 'T' {
		return nil, unmeasured("the read-only transaction had ended")
	}
	rows, err := s.query(ctx, sql, args...)
	if err == nil && s.conn.PgConn().TxStatus() != 'T' {
		return nil, unmeasured("the statement ended the read-only transaction")
	}
	return rows, err
}

// shippedQuery asks what stands in sql/NAME.sql.
func (s *session) shippedQuery(ctx context.Context, name string, args ...any) ([]row, error) {
	sql, err := shipped.ReadFile("sql/" + name + ".sql")
	if err != nil {
		return nil, unmeasured("the query " + name + " is not shipped")
	}
	return s.ask(ctx, string(sql), args...)
}

// query is the only way a statement is sent: by the extended protocol, which
// takes exactly one statement. (pgx's Exec without arguments takes several.)
func (s *session) query(ctx context.Context, sql string, args ...any) ([]row, error) {
	rows, err := s.conn.Query(ctx, marked(sql), append([]any{pgx.QueryExecModeExec}, args...)...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []row
	for rows.Next() && len(all) < maxRows {
		values, err := rows.Values()
		if err != nil {
			return nil, err
		}
		one := make(row, len(values))
		for i, field := range rows.FieldDescriptions() {
			one[field.Name] = values[i]
		}
		all = append(all, one)
	}
	rows.Close()
	return all, rows.Err()
}

// marked says inside a statement whose it is: pg_stat_statements keeps that, and
// slow_queries leaves out what we ask ourselves. Comments before it may be cut off.
func marked(sql string) string {
	for strings.HasPrefix(sql, "--") {
		_, sql, _ = strings.Cut(sql, "\n")
	}
	verb, rest, _ := strings.Cut(sql, " ")
	return verb + " /* " + ownName + " */ " + rest
}

// one asks for exactly one row.
func (s *session) one(ctx context.Context, name string, args ...any) (row, error) {
	rows, err := s.shippedQuery(ctx, name, args...)
	if err != nil {
		return nil, err
	}
	if len(rows) != 1 {
		return nil, unmeasured(fmt.Sprintf("%d rows came back, wanted one", len(rows)))
	}
	return rows[0], nil
}

// sees refuses to go on without the right to see other sessions: to a role
// without it a busy server looks idle.
func (s *session) sees(ctx context.Context) (row, error) {
	server, err := s.one(ctx, "version")
	if err == nil && !server.yes("full_visibility") {
		err = unmeasured("role " + outside(server.text("user")) + " does not see other sessions: grant it pg_monitor")
	}
	return server, err
}

// encrypted is our own leg's TLS: what the server says about its leg proves
// nothing if a pooler stands between.
func (s *session) encrypted() (tls.ConnectionState, bool) {
	conn, ok := s.conn.PgConn().Conn().(*tls.Conn)
	if !ok {
		return tls.ConnectionState{}, false
	}
	return conn.ConnectionState(), true
}

// fault is what an error of a session means.
func (c *Postgres) fault(whole context.Context, err error) (steps.Verdict, string) {
	var none unmeasured
	if errors.As(err, &none) {
		return steps.Unknown, string(none)
	}
	var said *pgconn.PgError
	if whole.Err() != nil || !errors.As(err, &said) {
		// pgx has no type for it.
		if strings.Contains(err.Error(), "server refused TLS connection") {
			return steps.Fail, "the server refuses TLS, sslmode asks for it"
		}
		verdict, reason := reach.Fault(whole, c.limit(), err)
		if verdict == steps.Unknown && whole.Err() == nil && strings.Contains(err.Error(), "failed to receive message") {
			return steps.Fail, "the server does not speak PostgreSQL there"
		}
		return verdict, reason
	}
	told := outside(said.Message) + " (" + said.Code + ")"
	switch class := said.Code[:min(2, len(said.Code))]; {
	case said.Code == "55P03":
		return steps.Blocked, "our query waited for a lock and gave up: see blocking_tree"
	case said.Code == "57014":
		return steps.Unknown, "the query was not done at its time limit"
	case said.Code == "42501":
		return steps.Unknown, "missing privilege: " + told
	case class == "28" && c.DSN != "":
		return steps.Unknown, "the credentials of " + c.DSN + " are refused: " + told
	case class == "28":
		return steps.Fail, "the service's own credentials are refused: " + told
	case class == "08", class == "53", class == "57", said.Code == "3D000":
		return steps.Fail, "the server refuses: " + told
	}
	return steps.Unknown, "could not be asked: " + told
}

// row is one row of an answer, by column.
type row map[string]any

func (r row) text(column string) string {
	if r[column] == nil {
		return ""
	}
	return fmt.Sprint(r[column])
}

func (r row) yes(column string) bool {
	b, ok := r[column].(bool)
	return ok && b
}

// number is a column's value; NULL, NaN, infinity and text are not one.
func (r row) number(column string) (float64, bool) {
	switch n := r[column].(type) {
	case int16:
		return float64(n), true
	case int32:
		return float64(n), true
	case int64:
		return float64(n), true
	case float64:
		if !math.IsNaN(n) && !math.IsInf(n, 0) {
			return n, true
		}
	}
	return 0, false
}

// count is number for what can't be NULL.
func (r row) count(column string) int {
	n, _ := r.number(column)
	return int(n)
}

// number reads a limit of a book, or its default.
func number(limit, otherwise string) (float64, error) {
	if limit == "" {
		limit = otherwise
	}
	n, err := finite(limit)
	if err == nil && n < 0 {
		err = fmt.Errorf("%q is below 0", limit)
	}
	return n, err
}

// finite reads a number that can be compared: nothing is above or below NaN, and
// nothing above infinity, so as a limit either would hold for all.
func finite(text string) (float64, error) {
	n, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
		return 0, fmt.Errorf("%q is not a number", text)
	}
	return n, nil
}

var literals = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`'(?:[^']|'')*'?|\$([A-Za-z_]*)\$[\s\S]*`)
})

// statement shows a session's SQL without its literals, which may be anybody's
// data.
func statement(sql string) string { return outside(literals().ReplaceAllString(sql, "'…'")) }
