// Package cluster runs a throwaway PostgreSQL: its own directory, uid, port,
// password and certificate, and nothing of it left afterwards.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// ErrMissing says that this machine has no PostgreSQL to run.
var ErrMissing = errors.New("no PostgreSQL on this machine: install it (Debian: apt install postgresql), or put initdb and postgres on PATH")

// places are where Debian, openSUSE, the PostgreSQL project's packages, Alpine,
// a build from source and Homebrew put the programs. scripts/setup knows the
// same.
var places = []string{
	"/usr/lib/postgresql/*/bin", "/usr/lib/postgresql*/bin", "/usr/pgsql-*/bin", "/usr/libexec/postgresql*",
	"/usr/local/pgsql/bin", "/opt/homebrew/opt/postgresql*/bin", "/usr/local/opt/postgresql*/bin",
}

// Find returns the directory of the newest PostgreSQL's programs: the first on
// path, else where distributions put them. The error is ErrMissing.
func Find(path string) (string, error) {
	dirs := slices.DeleteFunc(filepath.SplitList(path), func(d string) bool { return !filepath.IsAbs(d) })
	for _, pattern := range places {
		dirs = append(dirs, newest(pattern)...)
	}
	for _, dir := range dirs {
		initdb, err := filepath.EvalSymlinks(filepath.Join(dir, "initdb"))
		if err != nil {
			continue
		}
		// A link on PATH often stands alone: its neighbours lie where it leads.
		if home := filepath.Dir(initdb); executable(initdb) && executable(filepath.Join(home, "postgres")) {
			return home, nil
		}
	}
	return "", ErrMissing
}

func executable(file string) bool {
	info, err := os.Stat(file)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

var number = regexp.MustCompile(`\d+`)

// newest sorts the matches by the version number in their path, highest first.
func newest(pattern string) []string {
	dirs, err := filepath.Glob(pattern)
	if err != nil {
		return nil
	}
	version := func(dir string) int {
		n, err := strconv.Atoi(number.FindString(dir))
		if err != nil {
			return 0
		}
		return n
	}
	slices.SortFunc(dirs, func(a, b string) int { return version(b) - version(a) })
	return dirs
}

// Version is what the server calls itself, such as "15.18".
func Version(ctx context.Context, bin string) (string, error) {
	out, err := exec.CommandContext(ctx, filepath.Join(bin, "postgres"), "--version").Output() // #nosec G204 -- found by Find
	if err != nil {
		return "", fmt.Errorf("ask %s for its version: %w", filepath.Join(bin, "postgres"), err)
	}
	fields := strings.Fields(string(out))
	if len(fields) < 3 {
		return "", fmt.Errorf("ask %s for its version: it said %q", filepath.Join(bin, "postgres"), out)
	}
	return fields[2], nil
}

// Major is the first number of the version, such as 15.
func (c *Cluster) Major() int {
	n, err := strconv.Atoi(number.FindString(c.Version))
	if err != nil {
		return 0
	}
	return n
}
