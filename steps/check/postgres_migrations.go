package check

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/jackc/pgx/v5"

	"runbook/steps"
)

var (
	migrationClass = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?m)^\s*(?:export\s+)?(?:default\s+)?class\s+([A-Za-z_$][\w$]*?(\d{13,16}))\b[^{]*\bMigrationInterface\b`)
	})
	migrationName = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?m)^\s*(?:public\s+|readonly\s+)*name\s*(?::\s*string\s*)?=\s*['"]([A-Za-z_$][\w$]*?(\d{13,16}))['"]`)
	})
)

// migration is one of a release: its name as TypeORM stores it, which ends in
// the time it was written.
type migration struct {
	name  string
	stamp int64
}

// maxMigrations bounds how many files are read.
const maxMigrations = maxRows - 1

// migrationsIn reads the files of a glob, oldest migration first.
func migrationsIn(dir, glob string) ([]migration, error) {
	if !filepath.IsAbs(glob) {
		if dir == "" {
			return nil, unmeasured("files is relative, and the target has no dir")
		}
		glob = filepath.Join(escapeGlob(dir), glob)
	}
	paths, err := filepath.Glob(glob)
	if err != nil {
		return nil, unmeasured("files: " + outside(err.Error()))
	}
	if len(paths) > maxMigrations {
		return nil, unmeasured(fmt.Sprintf("files: %d files; the limit is %d", len(paths), maxMigrations))
	}
	var found []migration
	for _, path := range paths {
		text, err := readHead(path)
		if err != nil {
			return nil, unmeasured(outside(filepath.Base(path)) + " cannot be read: " + bare(err))
		}
		// A name property wins over the class's name, as in TypeORM.
		hits := migrationName().FindAllSubmatch(text, -1)
		if len(hits) == 0 {
			hits = migrationClass().FindAllSubmatch(text, -1)
		}
		for _, hit := range hits {
			stamp, err := strconv.ParseInt(string(hit[2]), 10, 64)
			if err != nil {
				return nil, unmeasured(outside(filepath.Base(path)) + ": the time in the migration's name cannot be read")
			}
			found = append(found, migration{string(hit[1]), stamp})
		}
	}
	if len(found) == 0 {
		return nil, unmeasured("no TypeORM migrations in the files " + outside(glob))
	}
	slices.SortStableFunc(found, func(a, b migration) int { return cmp.Compare(a.stamp, b.stamp) })
	return found, nil
}

func escapeGlob(dir string) string {
	return regexp.MustCompile(`[*?\[\\]`).ReplaceAllString(dir, `\$0`)
}

func readHead(path string) ([]byte, error) {
	// Without O_NONBLOCK, opening a named pipe would wait for its writer.
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // only read from
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return nil, cmp.Or(err, error(unmeasured("not a regular file")))
	}
	return io.ReadAll(io.LimitReader(bufio.NewReader(file), maxBody))
}

func askMigrations(ctx context.Context, c *Postgres, s *session, r *steps.Result) error {
	release, err := migrationsIn(s.dir, c.Files)
	if err != nil {
		return err
	}
	states, err := migrationStates(ctx, s, cmp.Or(c.Table, "public.migrations"), release)
	if err != nil {
		return err
	}
	wanted := "0"
	if c.Pending == "any" {
		wanted = ""
	}
	r.Saw(steps.LeftToDo, strconv.Itoa(len(states["pending"])), wanted, "")
	r.Saw("applied", strconv.Itoa(len(states["applied"])), strconv.Itoa(len(release)), "")
	for i, name := range states["pending"] {
		r.Saw("pending "+strconv.Itoa(i+1), outside(name), "", "")
	}
	if late := states["out_of_order"]; len(late) > 0 {
		r.Saw("out of order", outside(strings.Join(late, ", ")), "none", "")
		r.Worsen(steps.Fail, "%s is older than a migration that was already applied, wanted in order", outside(late[0]))
	}
	if pending := states["pending"]; len(pending) > 0 && c.Pending != "any" {
		r.Worsen(steps.Fail, "%d pending, the first is %s; wanted none", len(pending), outside(pending[0]))
	}
	if stray := states["unknown"]; len(stray) > 0 {
		r.Saw("not in the release", outside(strings.Join(stray, ", ")), "none", "")
		r.Worsen(steps.Warn, "the database has %s, which the release does not: a newer or another release was here", outside(stray[0]))
	}
	return nil
}

// migrationStates are the names by state: applied, pending, out_of_order,
// unknown. Without a table everything is pending.
func migrationStates(ctx context.Context, s *session, table string, release []migration) (map[string][]string, error) {
	names := make([]string, len(release))
	for i, m := range release {
		names[i] = m.name
	}
	name := pgx.Identifier(strings.Split(table, ".")).Sanitize()
	there, err := s.one(ctx, "migrations_table", name)
	if err != nil {
		return nil, err
	}
	if there.text("migrations_table") == "" {
		return map[string][]string{"pending": names}, nil
	}
	if !there.yes("readable") {
		return nil, unmeasured("no SELECT on " + outside(table))
	}
	sql, err := shipped.ReadFile("sql/migrations.sql")
	if err != nil {
		return nil, unmeasured("the query migrations is not shipped")
	}
	rows, err := s.ask(ctx, strings.ReplaceAll(string(sql), "public.migrations", name), names)
	if err != nil {
		return nil, err
	}
	if len(rows) == maxRows {
		return nil, unmeasured(fmt.Sprintf("%d migrations or more: too many to compare", maxRows))
	}
	states := map[string][]string{}
	for _, one := range rows {
		states[one.text("state")] = append(states[one.text("state")], one.text("name"))
	}
	return states, nil
}
