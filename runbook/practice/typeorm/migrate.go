package typeorm

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

const createTable = `CREATE TABLE IF NOT EXISTS public.migrations (id serial PRIMARY KEY, "timestamp" bigint NOT NULL, name varchar NOT NULL)`

// Session is one connection on which migrations run, and where their
// statements are shown, if anywhere.
type Session struct {
	Conn *pgx.Conn
	Out  io.Writer
}

// Applied returns the names in public.migrations, oldest first.
func (s Session) Applied(ctx context.Context) ([]string, error) {
	if err := s.exec(ctx, createTable); err != nil {
		return nil, err
	}
	rows, err := s.Conn.Query(ctx, `SELECT name FROM public.migrations ORDER BY id`)
	if err != nil {
		return nil, fmt.Errorf("read public.migrations: %w", err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("read public.migrations: %w", err)
	}
	return names, nil
}

// Run applies what is pending of all, in one transaction: every one or none.
// It returns how many ran.
func (s Session) Run(ctx context.Context, all []Migration) (int, error) {
	applied, err := s.Applied(ctx)
	if err != nil {
		return 0, err
	}
	pending := Pending(all, applied)
	if len(pending) == 0 {
		s.say("No migrations are pending")
		return 0, nil
	}
	s.say("%d migrations are already loaded in the database.", len(applied))
	s.say("%d migrations were found in the source code.", len(all))
	s.say("%d migrations are new migrations must be executed.", len(pending))
	err = s.transaction(ctx, func() error {
		for _, m := range pending {
			if err := s.all(ctx, m.Name, m.Up); err != nil {
				return err
			}
			record := `INSERT INTO public.migrations ("timestamp", name) VALUES ($1, $2)`
			if _, err := s.Conn.Exec(ctx, record, m.Timestamp, m.Name); err != nil {
				return fmt.Errorf("record migration %s: %w", m.Name, err)
			}
			s.say("query: %s -- PARAMETERS: [%d,%q]", record, m.Timestamp, m.Name)
			s.say("Migration %s has been executed successfully.", m.Name)
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return len(pending), nil
}

// Revert undoes the migration that was applied last, and no other. The name
// is empty if there was none.
func (s Session) Revert(ctx context.Context, all []Migration) (string, error) {
	applied, err := s.Applied(ctx)
	if err != nil {
		return "", err
	}
	if len(applied) == 0 {
		s.say("No migrations were found in the database. Nothing to revert!")
		return "", nil
	}
	last := applied[len(applied)-1]
	for _, m := range all {
		if m.Name != last {
			continue
		}
		s.say("%d migrations are already loaded in the database.", len(applied))
		s.say("%s is the last executed migration.\nNow reverting it...", m.Name)
		return last, s.transaction(ctx, func() error {
			if err := s.all(ctx, m.Name, m.Down); err != nil {
				return err
			}
			if _, err := s.Conn.Exec(ctx, `DELETE FROM public.migrations WHERE "timestamp" = $1 AND name = $2`, m.Timestamp, m.Name); err != nil {
				return fmt.Errorf("record the revert of %s: %w", m.Name, err)
			}
			s.say("Migration %s has been reverted successfully.", m.Name)
			return nil
		})
	}
	return "", fmt.Errorf("No migration %s was found in the source code. Make sure you have this migration in your codebase and its included in the connection options.", last) //nolint:staticcheck // TypeORM's own words
}

// Pending are the migrations whose names are not applied.
func Pending(all []Migration, applied []string) []Migration {
	done := map[string]bool{}
	for _, name := range applied {
		done[name] = true
	}
	var pending []Migration
	for _, m := range all {
		if !done[m.Name] {
			pending = append(pending, m)
		}
	}
	return pending
}

func (s Session) all(ctx context.Context, name string, statements []string) error {
	for _, sql := range statements {
		if err := s.exec(ctx, sql); err != nil {
			s.say("Migration %q failed, error: %v", name, err)
			return err
		}
	}
	return nil
}

// transaction commits what do did, or rolls all of it back and says so.
func (s Session) transaction(ctx context.Context, do func() error) error {
	if err := s.exec(ctx, "START TRANSACTION"); err != nil {
		return err
	}
	if err := do(); err != nil {
		undo, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_ = s.exec(undo, "ROLLBACK") // the server rolls back a lost connection by itself
		return err
	}
	return s.exec(ctx, "COMMIT")
}

// exec runs one statement and shows it with what it took.
func (s Session) exec(ctx context.Context, sql string) error {
	began := time.Now()
	_, err := s.Conn.Exec(ctx, sql)
	s.say("query: %s (%.1f ms)", strings.Join(strings.Fields(sql), " "), float64(time.Since(began).Microseconds())/1000)
	if err != nil {
		return fmt.Errorf("query failed: %s: %w", strings.Join(strings.Fields(sql), " "), err)
	}
	return nil
}

func (s Session) say(format string, args ...any) {
	if s.Out != nil {
		_, _ = fmt.Fprintf(s.Out, format+"\n", args...) // a reader that left does not stop a migration
	}
}
