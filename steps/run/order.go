package run

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"runbook/steps"
	"runbook/steps/supervise"
)

// ErrNotFound says that a program is not on the target's path.
var ErrNotFound = errors.New("program not found")

// Validate says what is wrong with the fields as a book gives them.
func (c Command) Validate() error {
	switch {
	case len(c.Argv) == 0 && strings.TrimSpace(c.Sh) == "":
		return errors.New("command needs argv or sh")
	case len(c.Argv) > 0 && c.Sh != "":
		return errors.New("command has argv and sh: keep one")
	case len(c.Argv) > 0 && c.Argv[0] == "":
		return errors.New("the first element of argv is empty: it names the program")
	case c.KillAfter > 0 && strings.TrimSpace(c.Why) == "":
		return errors.New("kill_after needs why: a machine does not kill a command unattended without a reason")
	}
	for _, code := range c.Exit {
		if code < 0 || code > 255 {
			return fmt.Errorf("exit code %d is not between 0 and 255", code)
		}
	}
	return nil
}

// Line is the argv of the command where there is a bash; Resolve gives the
// one of a world.
func (c Command) Line() []string {
	if c.Sh == "" {
		return slices.Clone(c.Argv)
	}
	return []string{"bash", "-euo", "pipefail", "-c", c.Sh}
}

// Success reports whether the outcome is one the book calls success.
func (c Command) Success(o supervise.Outcome) bool {
	if o.Err != "" || o.Signal != "" || o.Cancelled {
		return false
	}
	return o.Exit == 0 && len(c.Exit) == 0 || slices.Contains(c.Exit, o.Exit)
}

// Resolve fixes the command for a world: the program's file is looked up in
// the world's own PATH, a script gets bash, or sh where the world has none.
// The caller adds Files, Secrets and the secrets' variables. A program that
// is not there is ErrNotFound.
func (c Command) Resolve(w *steps.World) (supervise.Order, error) {
	if err := c.Validate(); err != nil {
		return supervise.Order{}, err
	}
	if !filepath.IsAbs(w.Dir) {
		return supervise.Order{}, fmt.Errorf("directory of commands %q is not absolute: set dir in target %s", w.Dir, w.Name)
	}
	o := supervise.Order{Argv: c.Line(), Dir: w.Dir, Agent: c.Agent, Interactive: c.Interactive}
	err := checkPath(w)
	if err != nil {
		return supervise.Order{}, err
	}
	if o.Env, err = environment(w, c.Agent); err != nil {
		return supervise.Order{}, err
	}
	o.Path, err = lookup(o.Argv[0], w)
	if c.Sh != "" && errors.Is(err, ErrNotFound) {
		o.Argv = []string{"sh", "-eu", "-c", c.Sh}
		o.Path, err = lookup("sh", w)
	}
	if err != nil {
		return supervise.Order{}, err
	}
	o.KillAfter = c.KillAfter.D()
	o.ProgramSHA, err = supervise.FileSHA(o.Path)
	if errors.Is(err, fs.ErrPermission) {
		err = nil // it may be executed and not read: it is not held against anything
	}
	return o, err
}

const agentVar = "SSH_AUTH_SOCK"

// environment is the world's, with the SSH agent only where the step may see
// it; a practice world never has one.
func environment(w *steps.World, agent bool) ([]string, error) {
	env := slices.DeleteFunc(slices.Clone(w.Env), func(kv string) bool {
		return strings.HasPrefix(kv, agentVar+"=")
	})
	if !agent || w.Practice != nil {
		return env, nil
	}
	socket := os.Getenv(agentVar)
	if socket == "" {
		return nil, fmt.Errorf("the step asks for the SSH agent, but %s is not set: start one with ssh-agent, or connect with ssh -A", agentVar)
	}
	return append(env, agentVar+"="+socket), nil
}

// lookup finds a program as the world sees it.
func lookup(name string, w *steps.World) (string, error) {
	if strings.Contains(name, "/") {
		if !filepath.IsAbs(name) {
			name = filepath.Join(w.Dir, name)
		}
		return name, program(name)
	}
	path := ""
	for _, kv := range w.Env {
		if v, ok := strings.CutPrefix(kv, "PATH="); ok {
			path = v
		}
	}
	for _, dir := range filepath.SplitList(path) {
		file := filepath.Join(dir, name)
		if err := program(file); !errors.Is(err, ErrNotFound) {
			return file, err
		}
	}
	return "", fmt.Errorf("%w: %q is not on the PATH of target %s (%s): install it, or set path in the target", ErrNotFound, name, w.Name, path)
}

// program checks that file can be executed and that only root and its owner
// could have put it there.
func program(file string) error {
	info, err := os.Stat(file)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) || err == nil && (info.IsDir() || info.Mode()&0o111 == 0) {
		return fmt.Errorf("%w: %s is not an executable file", ErrNotFound, file)
	}
	if err != nil {
		return fmt.Errorf("look up program: %w", err)
	}
	if open := info.Mode().Perm() & 0o022; open != 0 {
		return fmt.Errorf("program %s is writable by others (mode %04o): chmod go-w it", file, info.Mode().Perm())
	}
	dir, err := os.Stat(filepath.Dir(file))
	if err != nil {
		return fmt.Errorf("look up program: %w", err)
	}
	if dir.Mode()&os.ModeSticky != 0 && (owner(info) == 0 || owner(info) == os.Geteuid()) {
		return nil
	}
	return closed(filepath.Dir(file), dir)
}

// checkPath holds every element of the world's PATH, also those behind the
// program's own: the command searches them all. An empty element would be the
// directory it stands in.
func checkPath(w *steps.World) error {
	for _, kv := range w.Env {
		path, ok := strings.CutPrefix(kv, "PATH=")
		if !ok {
			continue
		}
		for dir := range strings.SplitSeq(path, string(filepath.ListSeparator)) {
			if !filepath.IsAbs(dir) {
				return fmt.Errorf("PATH of target %s has the element %q: every element must be an absolute directory", w.Name, dir)
			}
			info, err := os.Stat(dir)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return fmt.Errorf("look at PATH of target %s: %w", w.Name, err)
			}
			if info.Mode()&os.ModeSticky != 0 {
				continue // program looks at the file's owner
			}
			if err := closed(dir, info); err != nil {
				return err
			}
		}
	}
	return nil
}

// closed refuses a directory of programs in which others can write.
func closed(dir string, info os.FileInfo) error {
	if info.Mode().Perm()&0o022 == 0 {
		return nil
	}
	return fmt.Errorf("directory of programs %s is writable by others (mode %04o): chmod go-w it", dir, info.Mode().Perm())
}

// owner is the uid a file belongs to, -1 if the system does not say.
func owner(info os.FileInfo) int {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(st.Uid)
	}
	return -1
}
