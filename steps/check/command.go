package check

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"runbook/steps"
)

// Command is check.command: a program that looks, and how it must end.
//
//	check.command = { argv = ["docker", "inspect", "tickr-backend"], stdout = '"Running": true' }
//
//	argv       the program, found in the target's path, and its arguments
//	sh         instead: a script of bash -euo pipefail (sh -eu without a bash)
//	exit       codes that mean success; default [0]
//	stdout     a regular expression that the output must match
//	not_stdout one that it must not
//	stderr     the same for the errors
//	not_stderr
//	timeout    default "30s"; then the whole process group is killed
//	secrets    names of the secret vars it sees; no others reach it
//
// The output is kept to 64 KiB each; what follows is read and dropped. There
// is no input and no terminal. Evidence shows the first line of the output,
// without the secrets it was given.
//
// pass: it ended with a wanted code, and the output is as wanted. fail: it did
// not, or was not done within its time. unknown: it could not be started, was
// interrupted, or a text was not found in the first 64 KiB of a longer output.
type Command struct {
	Argv      []string       `mapstructure:"argv"`
	Sh        string         `mapstructure:"sh"`
	Exit      []int          `mapstructure:"exit"`
	Stdout    string         `mapstructure:"stdout"`
	NotStdout string         `mapstructure:"not_stdout"`
	Stderr    string         `mapstructure:"stderr"`
	NotStderr string         `mapstructure:"not_stderr"`
	Timeout   steps.Duration `mapstructure:"timeout"`
	Secrets   []string       `mapstructure:"secrets"`
}

// keptOutput bounds what is kept of each stream, in bytes.
const keptOutput = 64 << 10

// Touches is false: a command under check promises to look only.
func (c *Command) Touches() bool { return false }

// Executes is the command itself.
func (c *Command) Executes() *Command { return c }

// SecretVars are those it sees.
func (c *Command) SecretVars() []SecretVar {
	named := make([]SecretVar, len(c.Secrets))
	for i, name := range c.Secrets {
		named[i] = SecretVar{fmt.Sprintf("secrets[%d]", i), name}
	}
	return named
}

// Validate reports that there is no one program, and what cannot be read.
func (c *Command) Validate() error {
	if (len(c.Argv) == 0) == (c.Sh == "") || len(c.Argv) > 0 && c.Argv[0] == "" {
		return errors.New("argv or sh: want exactly one of them")
	}
	for _, code := range c.Exit {
		if code < 0 || code > 255 {
			return fmt.Errorf("exit: %d is not an exit code", code)
		}
	}
	for _, p := range c.patterns() {
		if err := validPattern(p.field, p.pattern); err != nil {
			return err
		}
	}
	return nil
}

// pattern is one of the four expectations.
type pattern struct {
	field, pattern string
	errors, wanted bool // of which stream, and whether it must match
}

func (c *Command) patterns() []pattern {
	return []pattern{
		{"stdout", c.Stdout, false, true},
		{"not_stdout", c.NotStdout, false, false},
		{"stderr", c.Stderr, true, true},
		{"not_stderr", c.NotStderr, true, false},
	}
}

func (c *Command) limit() time.Duration {
	if c.Timeout == 0 {
		return 30 * time.Second
	}
	return c.Timeout.D()
}

// Do runs it and waits for its end.
func (c *Command) Do(whole context.Context, w *steps.World) steps.Result {
	return measure(whereOf("command", w), func(r *steps.Result) {
		if err := c.Validate(); err != nil {
			r.Decide(steps.Unknown, "%v", err)
			return
		}
		ended, err := program{argv: c.Argv, sh: c.Sh, limit: c.limit(), keep: keptOutput}.run(whole, w)
		var late tooLate
		switch {
		case errors.As(err, &late):
			r.Decide(steps.Fail, "%v", err)
		case err != nil:
			r.Decide(steps.Unknown, "%v", err)
		default:
			c.judge(whole, w, r, ended)
		}
	})
}

func (c *Command) judge(ctx context.Context, w *steps.World, r *steps.Result, ended *ended) {
	show, stdout, stderr := c.shower(ctx, w), &ended.stdout, &ended.stderr
	wanted := c.Exit
	if len(wanted) == 0 {
		wanted = []int{0}
	}
	limit := strings.Trim(fmt.Sprint(wanted), "[]")
	code := ended.state.ExitCode()
	r.Decide(steps.Pass, "")
	if status, ok := ended.state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		r.Saw("exit", "signal "+status.Signal().String(), limit, "")
		r.Decide(steps.Fail, "ended by signal %s, wanted exit %s", status.Signal(), limit)
	} else {
		r.Saw("exit", strconv.Itoa(code), limit, "")
		if !slices.Contains(wanted, code) {
			r.Decide(steps.Fail, "exit %d, wanted %s: %s", code, limit, show(firstLine(stderr, stdout)))
		}
	}
	r.Saw("output", show(firstLine(stdout, stderr)), "", "")
	for _, p := range c.patterns() {
		if p.pattern != "" {
			p.judge(r, stdout, stderr)
		}
	}
}

func (p pattern) judge(r *steps.Result, stdout, stderr *kept) {
	stream, name := stdout, "stdout"
	if p.errors {
		stream, name = stderr, "stderr"
	}
	re, err := compile(p.field, p.pattern)
	if err != nil {
		r.Worsen(steps.Unknown, "%v", err)
		return
	}
	found := re.Match(stream.head.Bytes())
	r.Saw(name+" matches", yesNo(found), yesNo(p.wanted)+": "+outside(p.pattern), "")
	verdict := steps.Fail
	if !found && stream.more { // what was dropped might have matched
		verdict = steps.Unknown
	}
	switch {
	case found && !p.wanted:
		r.Worsen(steps.Fail, "%s matches %s, wanted no match", name, outside(p.pattern))
	case !found && p.wanted:
		r.Worsen(verdict, "%s does not match %s", name, outside(p.pattern))
	case !found && stream.more:
		r.Worsen(steps.Unknown, "%s is over 64 KiB, only its beginning was looked at for %s", name, outside(p.pattern))
	}
}

// shower makes output fit to be shown: without the secrets the command was
// given. If they can't be known, nothing is shown.
func (c *Command) shower(ctx context.Context, w *steps.World) func(string) string {
	var given []steps.Secret
	for _, name := range c.Secrets {
		if w.Secret == nil {
			return withheld
		}
		secret, err := w.Secret(ctx, name)
		if err != nil {
			return withheld
		}
		given = append(given, secret)
	}
	return func(text string) string { return outside(redact(text, given)) }
}

func withheld(string) string { return "withheld: its secrets could not be read to take them out" }
