package check

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"runbook/steps"
)

// scratch is what an empty database holds all the same.
type scratch struct {
	extensions, schemas []string
	others              []string // ids of what is in no schema, or no table
}

// empty refuses a database that holds anything, and tells what stays.
func (d drill) empty(ctx context.Context) (scratch, error) {
	var before scratch
	err := d.look(ctx, d.into, scratchLimit, func(ctx context.Context, s *session) error {
		held, err := s.shippedQuery(ctx, "scratch")
		if err != nil {
			return err
		}
		if len(held) > 0 {
			return unmeasured(fmt.Sprintf("the database of %s is not empty, it holds %s %s: name one that is", d.name, held[0].text("kind"), outside(held[0].text("name"))))
		}
		frame, err := s.shippedQuery(ctx, "scratch_frame")
		for _, one := range frame {
			if one.text("kind") == "extension" {
				before.extensions = append(before.extensions, one.text("name"))
			} else {
				before.schemas = append(before.schemas, one.text("name"))
			}
		}
		if err != nil {
			return err
		}
		others, err := s.shippedQuery(ctx, "scratch_others", []string{})
		for _, one := range others {
			before.others = append(before.others, one.text("id"))
		}
		return err
	})
	return before, err
}

// look opens a session that only reads, for as long as it takes.
func (d drill) look(whole context.Context, at place, limit time.Duration, do func(ctx context.Context, s *session) error) error {
	ctx, cancel := context.WithTimeout(whole, limit)
	defer cancel()
	s, err := openSession(ctx, d.world, at, limit)
	if err != nil {
		return err
	}
	defer s.close()
	return do(ctx, s)
}

// clean drops all that was not there before, also when the drill's own time is
// over. It answers what is left.
func (d drill) clean(before scratch) (left string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	config, err := d.into.config(d.world)
	if err != nil {
		return "", err
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return "", err
	}
	s := &session{conn: conn, at: d.into}
	defer func() { _ = conn.Close(ctx) }()
	var refused error // what can't be dropped is left
	for _, which := range []struct {
		name string
		args []any
	}{{"scratch_others", []any{before.others}}, {"scratch_drops", []any{before.extensions, before.schemas}}} {
		drops, err := s.outOfTransaction(ctx, which.name, which.args...)
		if err != nil {
			return "", err
		}
		for _, one := range drops {
			if _, err := s.query(ctx, one.text("statement")); err != nil && refused == nil {
				refused = err
			}
		}
	}
	for _, which := range []struct {
		name string
		args []any
	}{{"scratch", nil}, {"scratch_others", []any{before.others}}} {
		held, err := s.outOfTransaction(ctx, which.name, which.args...)
		if err != nil {
			return "", err
		}
		if len(held) > 0 {
			return fmt.Sprintf("left %s %s: %v", held[0].text("kind"), held[0].text("name"), refused), nil
		}
	}
	return "", nil
}

// outOfTransaction asks what stands in sql/NAME.sql of a session that writes.
func (s *session) outOfTransaction(ctx context.Context, name string, args ...any) ([]row, error) {
	sql, err := shipped.ReadFile("sql/" + name + ".sql")
	if err != nil {
		return nil, err
	}
	return s.query(ctx, string(sql), args...)
}

// counted is a table with its rows and its columns.
type counted struct {
	rows    int64
	columns string
}

// compare counts both sides.
func (d drill) compare(ctx context.Context, c *Restore, r *steps.Result) error {
	var names []string
	var original, restored map[string]counted
	err := d.look(ctx, d.original, countLimit, func(ctx context.Context, s *session) (err error) {
		names, original, err = count(ctx, s, c.Tables)
		return err
	})
	if err != nil {
		return unmeasuredBy(ctx, c.Compare, err)
	}
	err = d.look(ctx, d.into, countLimit, func(ctx context.Context, s *session) (err error) {
		_, restored, err = count(ctx, s, names)
		return err
	})
	if err != nil {
		return err
	}
	return c.judge(r, names, original, restored)
}

// unmeasuredBy keeps an original that could not be asked from looking like a
// backup that is bad.
func unmeasuredBy(ctx context.Context, name string, err error) error {
	_, reason := (&Postgres{DSN: name, Timeout: steps.Duration(countLimit)}).fault(ctx, err)
	return unmeasured("the original could not be counted: " + reason)
}

// count counts the rows of tables, of all if none are named.
func count(ctx context.Context, s *session, wanted []string) (names []string, all map[string]counted, err error) {
	tables, err := s.shippedQuery(ctx, "restore_tables", append([]string{}, wanted...))
	if err != nil {
		return nil, nil, err
	}
	if len(tables) == maxRows {
		return nil, nil, unmeasured(fmt.Sprintf("%d tables or more: name those that count", maxRows))
	}
	all = map[string]counted{}
	for _, one := range tables {
		rows, err := s.ask(ctx, "SELECT count(*) AS n FROM "+pgx.Identifier{one.text("schema"), one.text("table")}.Sanitize())
		if err != nil {
			return nil, nil, err
		}
		name := one.text("schema") + "." + one.text("table")
		n, _ := rows[0].number("n")
		all[name] = counted{int64(n), one.text("columns")}
		names = append(names, name)
	}
	for _, name := range wanted {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names, all, nil
}

func (c *Restore) judge(r *steps.Result, names []string, original, restored map[string]counted) error {
	behind, err := number(c.Behind, "0")
	if err != nil {
		return unmeasured("behind: " + err.Error())
	}
	if len(names) == 0 {
		return unmeasured("the original holds no tables")
	}
	var total int64
	for _, name := range names {
		there, here := original[name], restored[name]
		label := outside(name)
		if _, ok := original[name]; !ok {
			r.Worsen(steps.Unknown, "%s is no table of the original", label)
			continue
		}
		total += here.rows
		missing := there.rows - here.rows
		wrong := ""
		switch {
		case here.columns == "":
			wrong = "it is missing"
		case here.columns != there.columns:
			wrong = "its columns differ"
		case math.Abs(float64(missing)) > behind/100*float64(there.rows):
			wrong = fmt.Sprintf("%d rows restored, the original has %d", here.rows, there.rows)
		default:
			continue
		}
		r.Saw(label, cmp.Or(wrong, "equal"), "equal", "")
		r.Worsen(steps.Fail, "%s: %s", label, wrong)
	}
	r.Saw("tables", strconv.Itoa(len(names)), "equal", fmt.Sprintf("%d rows restored", total))
	r.Saw("named", outside(strings.Join(names, " ")), "", "")
	return nil
}
