package check

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"runbook/steps"
)

// program is what a check executes to look: here as the World says, in its
// environment and its directory and with nothing else, or on its Host. There is
// no input and no terminal.
type program struct {
	argv  []string
	sh    string   // instead: a script of bash, of sh where there is none
	env   []string // beside the World's: NAME=VALUE
	limit time.Duration
	keep  int       // bytes of each stream; what follows is read and dropped
	out   io.Writer // gets all of the output of one that is executed here, instead
}

// ended is a program that has ended by itself.
type ended struct {
	state          *os.ProcessState
	stdout, stderr kept
}

// tooLate is a program that was killed at its limit.
type tooLate time.Duration

func (l tooLate) Error() string {
	return fmt.Sprintf("not done within %s, killed", steps.Duration(l))
}

// noProgram says that a program is not in the path of where it was looked for.
type noProgram string

func (n noProgram) Error() string { return string(n) }

// whereOf is the place of a look that executes programs.
func whereOf(kind string, w *steps.World) string {
	if w.Host != "" {
		return kind + " on " + outside(w.Host)
	}
	return kind + " in " + outside(w.Dir)
}

// run waits for a program's end. The error is tooLate, or says in words of ours
// why it is not known how the program ends.
func (p program) run(whole context.Context, w *steps.World) (*ended, error) {
	ctx, cancel := context.WithTimeout(whole, p.limit)
	defer cancel()
	cmd, sign, err := p.prepare(ctx, w)
	if err != nil {
		return nil, err
	}
	e := &ended{stdout: kept{most: p.keep}, stderr: kept{most: p.keep}}
	cmd.Stdout, cmd.Stderr = &e.stdout, &e.stderr
	if p.out != nil {
		cmd.Stdout = p.out
	}
	err = cmd.Run()
	if errors.Is(err, exec.ErrWaitDelay) {
		// Something it left behind holds its output; a check leaves nothing.
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	}
	e.state = cmd.ProcessState
	switch {
	case errors.Is(whole.Err(), context.DeadlineExceeded):
		return nil, errors.New("not done when the time of the check was over, killed")
	case whole.Err() != nil:
		return nil, errors.New("interrupted before it ended")
	case !e.stderr.begin(sign):
		return nil, unexecuted(w.Host, lastLine(&e.stderr))
	case ctx.Err() != nil:
		return nil, tooLate(p.limit)
	case e.state == nil:
		return nil, fmt.Errorf("could not be started: %s", bare(err))
	case sign != "" && e.state.ExitCode() == noCode:
		return nil, fmt.Errorf("exit 255: it ended so, or the connection to %s was lost: %s", w.Host, outside(lastLine(&e.stderr)))
	}
	e.stdout.begin(sign)
	return e, nil
}

// noCode is what ssh ends with when it has no code of the command's.
const noCode = 255

func unexecuted(host, said string) error {
	text := host + " has not executed it: " + outside(said)
	if strings.Contains(said, " is not on the path of "+host) {
		return noProgram(text)
	}
	return errors.New(text)
}

// prepare builds the process, in a group of its own that is killed as a whole.
// sign is what its output begins behind.
func (p program) prepare(ctx context.Context, w *steps.World) (cmd *exec.Cmd, sign string, err error) {
	if !filepath.IsAbs(w.Dir) {
		return nil, "", errors.New("the target has no dir to run in")
	}
	argv := p.argv
	if p.sh != "" {
		argv = []string{"bash", "-euo", "pipefail", "-c", p.sh}
	}
	if w.Host != "" {
		carried, err := w.Carry(ctx, w.Host, argv, append(append([]string{}, w.Env...), p.env...))
		if err != nil {
			return nil, "", err
		}
		cmd, sign = carried.Cmd, carried.Sign
	} else if cmd, err = p.local(ctx, w, argv); err != nil {
		return nil, "", err
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	return cmd, sign, nil
}

func (p program) local(ctx context.Context, w *steps.World, argv []string) (*exec.Cmd, error) {
	if p.sh != "" {
		if _, err := inPath(w, argv[0]); err != nil {
			argv = []string{"sh", "-euc", p.sh}
		}
	}
	path, err := inPath(w, argv[0])
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, path)
	cmd.Args, cmd.Dir = argv, w.Dir
	cmd.Env = append(append([]string{}, w.Env...), p.env...) // nil would be our own
	return cmd, nil
}

// inPath finds a program as the World's PATH says, never as ours does.
// Relative and empty elements would run what lies in the directory.
func inPath(w *steps.World, name string) (string, error) {
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
	return "", noProgram(outside(name) + " is not in the target's path")
}

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
	most int // bytes
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
	room := min(len(p), k.most-k.head.Len())
	k.more = k.more || room < len(p)
	_, err := k.head.Write(p[:room])
	return len(p), err
}
