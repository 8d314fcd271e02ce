package check

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// feed has the database execute a dump. An archive is turned into SQL by
// pg_restore, which is never told of a database; so no password leaves us, and
// nothing in a dump can lead to another one.
func (d drill) feed(ctx context.Context, to *pgconn.PgConn, from artefact) error {
	packed, err := archive(from.path)
	if err != nil {
		return err
	}
	if !packed {
		file, err := os.Open(from.path)
		if err != nil {
			return unmeasured("the backup cannot be read: " + bare(err))
		}
		defer func() { _ = file.Close() }() // only read from
		return execute(ctx, to, &interruptible{ctx, file})
	}
	text, in := io.Pipe()
	turned := make(chan error, 1)
	go func() {
		turn := program{argv: []string{"pg_restore", "--no-owner", "--no-privileges", "--no-subscriptions", "--file=-", from.path}, out: in, limit: maxTurn, keep: keptOutput}
		e, err := turn.run(ctx, d.world)
		switch {
		case err != nil:
			err = unmeasured(err.Error())
		case !e.state.Success():
			err = broken("pg_restore can't read it: " + outside(firstLine(&e.stderr)))
		}
		_ = in.CloseWithError(err) // a pipe's never fails
		turned <- err
	}()
	script := &remembered{from: text}
	err = execute(ctx, to, script)
	_ = text.CloseWithError(errNotWanted) // so that pg_restore ends if we did
	turning := <-turned
	if script.err != nil { // it failed by itself, whatever the server made of that
		return turning
	}
	return err
}

// maxTurn is over long after the drill is.
const maxTurn = 1000 * time.Hour

var errNotWanted = errors.New("no more of it is wanted")

// remembered keeps the error that reading ended with, if it was not the end.
type remembered struct {
	from io.Reader
	err  error
}

func (r *remembered) Read(p []byte) (int, error) {
	n, err := r.from.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		r.err = err
	}
	return n, err
}

// maxStatements bounds what is sent at once, in bytes.
const maxStatements = 64 << 20

// heading stands before each thing that pg_dump writes.
var heading = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^-- (?:Data for )?Name: .*; Type: .*; Schema: .*; Owner: `)
})

// execute sends a script as pg_dump writes it: statements, and COPY with its
// rows behind it. What stands between two COPYs, or two of pg_dump's headings, is
// sent as it is, many statements at once.
func execute(ctx context.Context, to *pgconn.PgConn, script io.Reader) error {
	lines := bufio.NewReaderSize(script, 1<<16)
	var pending bytes.Buffer
	send := func() error {
		if len(bytes.TrimSpace(pending.Bytes())) == 0 {
			return nil
		}
		_, err := to.Exec(ctx, pending.String()).ReadAll()
		pending.Reset()
		return refusal(err)
	}
	dumped, whole := false, false
	for {
		line, err := statementLine(lines)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		last := err != nil
		if strings.HasPrefix(line, "-- PostgreSQL database dump") {
			dumped, whole = true, strings.HasPrefix(line, "-- PostgreSQL database dump complete")
		}
		switch {
		case strings.HasPrefix(line, "-- PostgreSQL database dump complete"), strings.HasPrefix(line, `\restrict `), strings.HasPrefix(line, `\unrestrict `), line == "SET transaction_timeout = 0;\n":
			// Older servers do not know the last, and 0 is how they are.
		case strings.HasPrefix(line, `\`):
			return unmeasured("a line begins with " + outside(strings.Fields(line)[0]) + ", which only psql can execute")
		case strings.HasPrefix(line, "COPY ") && strings.HasSuffix(line, " FROM stdin;\n"):
			if err := send(); err != nil {
				return err
			}
			data := &rows{from: lines}
			_, err := to.CopyFrom(ctx, data, strings.TrimSuffix(line, ";\n"))
			if err := cmp.Or(data.failed, refusal(err)); err != nil {
				return err
			}
		case heading().MatchString(line):
			if err := send(); err != nil {
				return err
			}
		default:
			pending.WriteString(line)
		}
		if pending.Len() > maxStatements {
			return errStatements
		}
		if last {
			break
		}
	}
	switch {
	case !dumped:
		return broken("it is no dump of PostgreSQL")
	case !whole: // cut between two statements, all that is left can be restored
		return broken("it ends without the line that pg_dump writes last: it was cut")
	}
	return send()
}

var errStatements = unmeasured(fmt.Sprintf("it has more than %d MiB of statements at once: dump it without --inserts", maxStatements>>20))

// statementLine reads a line, with io.EOF behind the last.
func statementLine(from *bufio.Reader) (string, error) {
	var line []byte
	for {
		part, err := from.ReadSlice('\n')
		if line = append(line, part...); !errors.Is(err, bufio.ErrBufferFull) {
			return string(line), err
		}
		if len(line) > maxStatements {
			return "", errStatements
		}
	}
}

// refusal is what a server says to a statement of a dump: that fails the
// restore, if it is not our role that may not.
func refusal(err error) error {
	var said *pgconn.PgError
	if errors.As(err, &said) && said.Code != "42501" && said.Code[:2] != "57" && said.Code[:2] != "28" {
		return broken("it can't be restored: " + said.Message + " (" + said.Code + ")")
	}
	return err
}

// rows are those that follow a COPY, up to the line \. behind them.
type rows struct {
	from   *bufio.Reader
	rest   []byte
	long   bool // the line went on beyond the buffer
	done   bool
	failed error // what the server is told only in words
}

func (r *rows) Read(p []byte) (int, error) {
	for len(r.rest) == 0 {
		if r.done {
			return 0, io.EOF
		}
		line, err := r.from.ReadSlice('\n')
		switch {
		case errors.Is(err, io.EOF):
			r.failed = broken("it ends too early: it was cut")
			return 0, r.failed
		case err != nil && !errors.Is(err, bufio.ErrBufferFull):
			r.failed = err
			return 0, err
		case !r.long && string(line) == "\\.\n":
			r.done = true
			continue
		}
		r.long = err != nil
		r.rest = line
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}
