package run

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"runbook/steps"
	"runbook/steps/supervise"
)

// Remote is a command on a host, all of it decided, and the ssh that carries
// it there.
type Remote struct {
	Host  Host
	Argv  []string        // as the program there sees it; its file is looked up there
	Path  string          // PATH there
	Env   []string        // KEY=VALUE there beside PATH, HOME and USER; the last two are the host's own
	Local supervise.Order // the ssh of here, without its input

	kill time.Duration // kill_after
}

// On fixes the command for a host. w is the world without the vars of the
// book: ssh sees none of them. vars are KEY=VALUE, secrets among them; they
// reach the host on ssh's input, and no other way.
func (c Command) On(h Host, w *steps.World, vars []string) (Remote, error) {
	if err := c.Validate(); err != nil {
		return Remote{}, err
	}
	if c.Agent {
		return Remote{}, fmt.Errorf("agent = true, and the command is to run on %s: the SSH agent of here reaches no host", h.Name)
	}
	r, err := h.reach(w)
	if err != nil {
		return Remote{}, err
	}
	r.Argv, r.kill = c.Line(), c.KillAfter.D()
	for _, kv := range vars {
		if name, _, ok := strings.Cut(kv, "="); !ok || !variable(name) {
			return Remote{}, fmt.Errorf("%q is no name of an environment variable on %s", name, h.Name)
		}
	}
	r.Env = append(r.Env, vars...)
	for _, word := range slices.Concat(r.Argv, r.Env) {
		if strings.Contains(word, "\x00") {
			return Remote{}, fmt.Errorf("a NUL can't be part of a command on %s", h.Name)
		}
	}
	return r, nil
}

// reach is the way to a host, without a command.
func (h Host) reach(w *steps.World) (Remote, error) {
	if w.Practice != nil {
		return Remote{}, fmt.Errorf("host %s: a practice world has no hosts", h.Name)
	}
	if err := errors.Join(h.Validate(), checkPath(w)); err != nil {
		return Remote{}, fmt.Errorf("host %s of target %s: %w", h.Name, w.Name, err)
	}
	r := Remote{Host: h, Path: h.Path, Local: supervise.Order{Argv: h.line(), Dir: w.Dir}}
	for _, kv := range w.Env {
		switch name, value, _ := strings.Cut(kv, "="); {
		case name == "PATH" && r.Path == "":
			r.Path = value
		case name == "LANG", name == "TZ":
			r.Env = append(r.Env, kv)
		}
	}
	var err error
	// ssh logs in with the agent where there is one; it is not forwarded.
	if r.Local.Env, err = environment(w, os.Getenv(agentVar) != ""); err != nil {
		return Remote{}, err
	}
	if r.Local.Path, err = lookup(h.Via[0], w); err != nil {
		return Remote{}, err
	}
	r.Local.ProgramSHA, err = supervise.FileSHA(r.Local.Path)
	if errors.Is(err, fs.ErrPermission) {
		err = nil // it may be executed and not read: it is not held against anything
	}
	return r, err
}

// Carry is the command as a check executes it: its end is the connection's, and
// nothing of it is kept there.
func (r Remote) Carry(ctx context.Context) *steps.Carried {
	nonce, _ := NewNonce()
	o := r.Order(carry, "check", nonce)
	cmd := exec.CommandContext(ctx, o.Path)
	cmd.Args, cmd.Dir, cmd.Env, cmd.Stdin = o.Argv, o.Dir, append([]string{}, o.Env...), bytes.NewReader(o.Stdin)
	return &steps.Carried{Cmd: cmd, Sign: "-- " + r.Host.Name + " -- " + nonce + "\n"}
}

func variable(name string) bool {
	for i, c := range name {
		if c != '_' && (c|0x20 < 'a' || c|0x20 > 'z') && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return name != ""
}
