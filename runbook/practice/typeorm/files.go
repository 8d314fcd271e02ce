// Package typeorm runs the migrations of the practice application: it reads
// TypeORM's migration files, runs the SQL in them for real, and keeps
// public.migrations as TypeORM does.
package typeorm

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Migration is one file: a class whose name ends in its timestamp, and the
// statements of its two directions.
type Migration struct {
	File      string
	Name      string // of the class, with the timestamp
	Timestamp int64  // milliseconds, of the class name
	Up, Down  []string
}

var (
	class  = regexp.MustCompile(`export class (\w+?)(\d{13}) implements MigrationInterface`)
	method = regexp.MustCompile(`public async (up|down)\(`)
	query  = regexp.MustCompile("(?s)queryRunner\\.query\\(\\s*`([^`]*)`")
)

// Read returns the migrations of a directory's *.ts files in the order of
// their timestamps.
func Read(dir string) ([]Migration, error) {
	names, err := filepath.Glob(filepath.Join(dir, "*.ts"))
	if err != nil {
		return nil, fmt.Errorf("list migrations: %w", err)
	}
	var all []Migration
	for _, name := range names {
		text, err := os.ReadFile(name) // #nosec G304 -- a migration of the application
		if err != nil {
			return nil, fmt.Errorf("read migration: %w", err)
		}
		m, err := parse(filepath.Base(name), string(text))
		if err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	slices.SortFunc(all, func(a, b Migration) int { return int(a.Timestamp - b.Timestamp) })
	return all, nil
}

func parse(file, text string) (Migration, error) {
	m := Migration{File: file}
	found := class.FindStringSubmatch(text)
	if found == nil {
		return m, fmt.Errorf("%s: no class named with a timestamp implements MigrationInterface", file)
	}
	m.Name = found[1] + found[2]
	var err error
	if m.Timestamp, err = strconv.ParseInt(found[2], 10, 64); err != nil {
		return m, fmt.Errorf("%s: timestamp: %w", file, err)
	}
	bodies := method.FindAllStringSubmatchIndex(text, -1)
	for i, at := range bodies {
		end := len(text)
		if i+1 < len(bodies) {
			end = bodies[i+1][0]
		}
		var statements []string
		for _, q := range query.FindAllStringSubmatch(text[at[1]:end], -1) {
			statements = append(statements, strings.TrimSpace(q[1]))
		}
		if text[at[2]:at[3]] == "up" {
			m.Up = statements
		} else {
			m.Down = statements
		}
	}
	return m, nil
}

// Lint says what is wrong with a directory of migrations, one line each.
func Lint(dir string) ([]string, error) {
	all, err := Read(dir)
	if err != nil {
		return []string{err.Error()}, nil //nolint:nilerr // a file that can't be read is the finding
	}
	var wrong []string
	seen := map[int64]string{}
	for _, m := range all {
		if prefix := strconv.FormatInt(m.Timestamp, 10) + "-"; m.File != prefix+strings.TrimSuffix(m.Name, prefix[:13])+".ts" {
			wrong = append(wrong, fmt.Sprintf("%s: holds class %s", m.File, m.Name))
		}
		if other := seen[m.Timestamp]; other != "" {
			wrong = append(wrong, fmt.Sprintf("%s: same timestamp as %s", m.File, other))
		}
		seen[m.Timestamp] = m.File
		if len(m.Up) == 0 {
			wrong = append(wrong, m.File+": up runs no query")
		}
		if len(m.Down) == 0 {
			wrong = append(wrong, m.File+": down runs no query")
		}
	}
	return wrong, nil
}
