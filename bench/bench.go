package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"runbook/runbook/book"
)

// bench is a directory of its own with a home, a configuration, and a small
// trusted book and target: nothing of the operator's is read or written.
type bench struct {
	dir    string
	exe    string // bin/runbook
	self   string
	env    []string
	book   string
	target string
}

// The book only asks, so looking at it runs nothing.
const (
	bookText = `schema = 1
name = "bench"
[[phase]]
id = "look"
style = "read-do"
`
	stepText = `  [[phase.step]]
  id = "step-%02d"
  title = "look-%02d at the board and say what it shows"
  ask.confirm = { question = "does it show number %d?" }
`
	targetText = `name = "bench"
dir = %q
path = "/usr/bin:/bin"
`
)

func newBench() (*bench, error) {
	exe, err := filepath.Abs("bin/runbook")
	if err != nil {
		return nil, fmt.Errorf("find bin/runbook: %w", err)
	}
	if _, err := os.Stat(exe); err != nil {
		return nil, fmt.Errorf("run `make bench` from the project's root: %w", err)
	}
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	// Beside the binary, on a disk: a tmpfs syncs for nothing.
	dir, err := os.MkdirTemp(filepath.Dir(exe), "bench-")
	if err != nil {
		return nil, fmt.Errorf("make a directory to measure in: %w", err)
	}
	b := &bench{dir: dir, exe: exe, self: self}
	if err := b.furnish(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return b, nil
}

func (b *bench) furnish() error {
	config := filepath.Join(b.dir, "config", "runbook")
	home := filepath.Join(b.dir, "home")
	for _, dir := range []string{config, home} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("furnish %s: %w", b.dir, err)
		}
	}
	text := bookText
	for n := range 12 {
		text += fmt.Sprintf(stepText, n, n, n)
	}
	b.book, b.target = filepath.Join(config, "book.toml"), filepath.Join(config, "target.toml")
	for file, text := range map[string]string{b.book: text, b.target: fmt.Sprintf(targetText, home)} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			return fmt.Errorf("furnish %s: %w", b.dir, err)
		}
		if err := book.AddTrust(config, file, fmt.Sprintf("%x", sha256.Sum256([]byte(text)))); err != nil {
			return err
		}
	}
	// SSH_TTY and a plain TERM: what most operators sit at.
	b.env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + home, "LANG=C.UTF-8", "TERM=xterm-256color", "SSH_TTY=/dev/pts/0",
		"XDG_CONFIG_HOME=" + filepath.Dir(config), "RUNBOOK_HOME=" + filepath.Join(b.dir, "state"),
	}
	return nil
}

func (b *bench) runbook(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, b.exe, args...)
	cmd.Env, cmd.Dir = b.env, b.dir
	return cmd
}
