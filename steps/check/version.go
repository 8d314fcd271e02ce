package check

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"runbook/steps"
)

// Version is check.version: a program is there and new enough.
//
//	check.version = { argv = ["docker", "version", "--format", "{{.Server.Version}}"], min = "24.0" }
//
//	argv     the program, found in the target's path, and what makes it tell
//	pattern  a regular expression whose first group is the version; default
//	         the first number with a dot in what it prints
//	min      at least this
//	below    older than this
//	timeout  default "15s"
//
// Versions are compared number by number, 2.9 is older than 2.20; what follows
// the numbers (-rc1, +deb12u1) counts for nothing.
//
// pass: it is there, and its version is within the limits. fail: it is not in
// the path, ends with a code other than 0, is not done in time, or its version
// is not within the limits. unknown: it says no version, or could not be asked.
type Version struct {
	Argv    []string       `mapstructure:"argv"`
	Pattern string         `mapstructure:"pattern"`
	Min     string         `mapstructure:"min"`
	Below   string         `mapstructure:"below"`
	Timeout steps.Duration `mapstructure:"timeout"`
}

var firstVersion = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\d+(?:\.\d+)+`) })

// Touches is false: it asks a program for its version.
func (c *Version) Touches() bool { return false }

// Executes is that program.
func (c *Version) Executes() *Command { return &Command{Argv: c.Argv} }

// Validate reports that there is no program or no limit, and what cannot be
// read.
func (c *Version) Validate() error {
	if len(c.Argv) == 0 || c.Argv[0] == "" {
		return errors.New("argv: missing")
	}
	if c.Min == "" && c.Below == "" {
		return errors.New("min, below: want at least one of them")
	}
	for field, limit := range map[string]string{"min": c.Min, "below": c.Below} {
		if _, err := numbers(limit); limit != "" && err != nil && !unfilled(limit) {
			return fmt.Errorf("%s: %w", field, err)
		}
	}
	if c.Pattern == "" || unfilled(c.Pattern) {
		return nil
	}
	re, err := compile("pattern", c.Pattern)
	if err == nil && re.NumSubexp() == 0 {
		err = errors.New("pattern: has no group that is the version, such as v([0-9.]+)")
	}
	return err
}

// Do asks the program.
func (c *Version) Do(ctx context.Context, w *steps.World) steps.Result {
	return measure(whereOf("version", w), func(r *steps.Result) {
		if err := c.Validate(); err != nil {
			r.Decide(steps.Unknown, "%v", err)
			return
		}
		name := outside(c.Argv[0])
		ended, err := program{argv: c.Argv, limit: cmp.Or(c.Timeout.D(), 15*time.Second), keep: keptOutput}.run(ctx, w)
		var late tooLate
		var missing noProgram
		switch {
		case errors.As(err, &missing), errors.As(err, &late):
			r.Saw(name, outside(err.Error()), c.limits(), "")
			r.Decide(steps.Fail, "%v", err)
		case err != nil:
			r.Decide(steps.Unknown, "%v", err)
		case !ended.state.Success():
			r.Saw(name, ended.state.String(), c.limits(), "")
			r.Decide(steps.Fail, "%s tells no version, %s: %s", name, ended.state, outside(firstLine(&ended.stderr, &ended.stdout)))
		default:
			c.judge(r, name, ended)
		}
	})
}

func (c *Version) limits() string {
	var all []string
	if c.Min != "" {
		all = append(all, ">= "+c.Min)
	}
	if c.Below != "" {
		all = append(all, "< "+c.Below)
	}
	return strings.Join(all, ", ")
}

func (c *Version) judge(r *steps.Result, name string, ended *ended) {
	version, err := c.find(ended.stdout.head.Bytes(), ended.stderr.head.Bytes())
	if err != nil {
		r.Saw(name, outside(firstLine(&ended.stdout, &ended.stderr)), c.limits(), "")
		r.Decide(steps.Unknown, "%v", err)
		return
	}
	r.Saw(name, version, c.limits(), "")
	r.Decide(steps.Pass, "")
	for _, limit := range []struct {
		at    string
		below bool
	}{{c.Min, false}, {c.Below, true}} {
		if limit.at == "" {
			continue
		}
		older, err := older(version, limit.at)
		switch {
		case err != nil:
			r.Worsen(steps.Unknown, "%v", err)
		case older && !limit.below:
			r.Worsen(steps.Fail, "%s is %s, wanted at least %s", name, version, limit.at)
		case !older && limit.below:
			r.Worsen(steps.Fail, "%s is %s, wanted below %s", name, version, limit.at)
		}
	}
}

// find is the version in what a program printed; some tell it on stderr.
func (c *Version) find(streams ...[]byte) (string, error) {
	re, group := firstVersion(), 0
	if c.Pattern != "" {
		var err error
		if re, err = compile("pattern", c.Pattern); err != nil {
			return "", err
		}
		group = 1
	}
	for _, text := range streams {
		if hit := re.FindSubmatch(text); len(hit) > group && len(hit[group]) > 0 {
			return outside(string(hit[group])), nil
		}
	}
	return "", errors.New("no version in what it prints")
}

// older compares two versions; missing numbers are 0.
func older(a, b string) (bool, error) {
	left, err := numbers(a)
	if err != nil {
		return false, err
	}
	right, err := numbers(b)
	if err != nil {
		return false, err
	}
	for i := range max(len(left), len(right)) {
		var x, y int
		if i < len(left) {
			x = left[i]
		}
		if i < len(right) {
			y = right[i]
		}
		if x != y {
			return x < y, nil
		}
	}
	return false, nil
}

// numbers are those that a version begins with.
func numbers(version string) ([]int, error) {
	var all []int
	rest := strings.TrimPrefix(version, "v")
	for {
		digits := rest[:len(rest)-len(strings.TrimLeft(rest, "0123456789"))]
		n, err := strconv.Atoi(digits)
		if err != nil {
			break
		}
		all = append(all, n)
		var dot bool
		if rest, dot = strings.CutPrefix(rest[len(digits):], "."); !dot {
			break
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%q is no version, such as 24.0", outside(version))
	}
	return all, nil
}
