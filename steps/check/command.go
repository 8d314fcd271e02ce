package check

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
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
	return measure(c.where(w), func(r *steps.Result) {
		if err := c.Validate(); err != nil {
			r.Decide(steps.Unknown, "%v", err)
			return
		}
		ctx, cancel := context.WithTimeout(whole, c.limit())
		defer cancel()
		cmd, sign, err := c.prepare(ctx, w)
		if err != nil {
			r.Decide(steps.Unknown, "%v", err)
			return
		}
		var stdout, stderr kept
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		err = cmd.Run()
		if errors.Is(err, exec.ErrWaitDelay) {
			// Something it left behind holds its output; a check leaves nothing.
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		}
		switch {
		case whole.Err() != nil:
			r.Decide(steps.Unknown, "interrupted before it ended")
		case !stderr.begin(sign):
			r.Decide(steps.Unknown, "%s has not executed it: %s", w.Host, outside(lastLine(&stderr)))
		case ctx.Err() != nil:
			r.Decide(steps.Fail, "not done within %s, killed", steps.Duration(c.limit()))
		case cmd.ProcessState == nil:
			r.Decide(steps.Unknown, "could not be started: %s", bare(err))
		case sign != "" && cmd.ProcessState.ExitCode() == noCode:
			r.Decide(steps.Unknown, "exit 255: it ended so, or the connection to %s was lost: %s", w.Host, outside(lastLine(&stderr)))
		default:
			stdout.begin(sign)
			c.judge(whole, w, r, cmd.ProcessState, &stdout, &stderr)
		}
	})
}

// noCode is what ssh ends with when it has no code of the command's.
const noCode = 255

func (c *Command) where(w *steps.World) string {
	if w.Host != "" {
		return "command on " + outside(w.Host)
	}
	return "command in " + outside(w.Dir)
}

// prepare builds the process: the World's environment and directory only, a
// group of its own, killed as a whole. sign is what its output begins behind.
func (c *Command) prepare(ctx context.Context, w *steps.World) (cmd *exec.Cmd, sign string, err error) {
	if !filepath.IsAbs(w.Dir) {
		return nil, "", errors.New("the target has no dir to run in")
	}
	argv := c.Argv
	if c.Sh != "" {
		argv = []string{"bash", "-euo", "pipefail", "-c", c.Sh}
	}
	if w.Host != "" {
		carried, err := w.Carry(ctx, w.Host, argv, w.Env)
		if err != nil {
			return nil, "", err
		}
		cmd, sign = carried.Cmd, carried.Sign
	} else if cmd, err = c.local(ctx, w, argv); err != nil {
		return nil, "", err
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	return cmd, sign, nil
}

func (c *Command) local(ctx context.Context, w *steps.World, argv []string) (*exec.Cmd, error) {
	if c.Sh != "" {
		if _, err := program(w, argv[0]); err != nil {
			argv = []string{"sh", "-euc", c.Sh}
		}
	}
	path, err := program(w, argv[0])
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, path)
	cmd.Args, cmd.Dir = argv, w.Dir
	cmd.Env = append([]string{}, w.Env...) // nil would be our own
	return cmd, nil
}

// program finds a program as the World's PATH says, never as ours does.
// Relative and empty elements would run what lies in the directory.
func program(w *steps.World, name string) (string, error) {
	if strings.Contains(name, "/") {
		if !filepath.IsAbs(name) {
			name = filepath.Join(w.Dir, name)
		}
		return name, nil
	}
	for _, variable := range w.Env {
		list, found := strings.CutPrefix(variable, "PATH=")
		if !found {
			continue
		}
		for _, dir := range filepath.SplitList(list) {
			path := filepath.Join(dir, name)
			info, err := os.Stat(path)
			if filepath.IsAbs(dir) && err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o111 != 0 {
				return path, nil
			}
		}
	}
	return "", fmt.Errorf("%s is not in the target's path", outside(name))
}

func (c *Command) judge(ctx context.Context, w *steps.World, r *steps.Result, ended *os.ProcessState, stdout, stderr *kept) {
	show := c.shower(ctx, w)
	wanted := c.Exit
	if len(wanted) == 0 {
		wanted = []int{0}
	}
	limit := strings.Trim(fmt.Sprint(wanted), "[]")
	code := ended.ExitCode()
	r.Decide(steps.Pass, "")
	if status, ok := ended.Sys().(syscall.WaitStatus); ok && status.Signaled() {
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
		r.Worsen(steps.Fail, "%s matches %q, wanted no match", name, outside(p.pattern))
	case !found && p.wanted:
		r.Worsen(verdict, "%s does not match %q", name, outside(p.pattern))
	case !found && stream.more:
		r.Worsen(steps.Unknown, "%s is over 64 KiB, only its beginning was looked at for %q", name, outside(p.pattern))
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

// firstLine is the first line that says something, of the first stream that
// does.
func firstLine(streams ...*kept) string {
	for _, stream := range streams {
		if text := strings.TrimSpace(stream.head.String()); text != "" {
			line, _, _ := strings.Cut(text, "\n")
			return line
		}
	}
	return "nothing"
}

func lastLine(stream *kept) string {
	text := strings.TrimSpace(stream.head.String())
	return text[strings.LastIndexByte(text, '\n')+1:]
}

// kept is the beginning of a stream; the rest is taken and dropped, so that
// the program never waits.
type kept struct {
	// Not embedded: its ReadFrom would let io.Copy pass Write by.
	head bytes.Buffer
	more bool
}

// begin drops what stands before a sign, and the sign, and reports whether it
// is there: what else a host prints at a login is none of the command's.
func (k *kept) begin(sign string) bool {
	at := bytes.Index(k.head.Bytes(), []byte(sign))
	if at < 0 {
		return false
	}
	k.head.Next(at + len(sign))
	return true
}

func (k *kept) Write(p []byte) (int, error) {
	room := min(len(p), keptOutput-k.head.Len())
	k.more = k.more || room < len(p)
	_, err := k.head.Write(p[:room])
	return len(p), err
}
