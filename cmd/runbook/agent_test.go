package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// agent [-h HOST] KEY… starts a real ssh-agent that holds these keys, for the
// rest of the script; with -h it may use them only to log in at that host.
func agent(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: agent [-h HOST] KEY…")
	}
	dir, err := os.MkdirTemp("", "rb-agent-") // a socket path holds 107 bytes
	ts.Check(err)
	socket := filepath.Join(dir, "s")
	cmd := exec.CommandContext(context.Background(), "ssh-agent", "-D", "-a", socket)
	out, err := cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	ts.Defer(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = os.RemoveAll(dir)
	})
	if _, err := out.Read(make([]byte, 1)); err != nil { // it says where it listens
		ts.Fatalf("the agent did not start: %v", err)
	}
	ts.Setenv("SSH_AUTH_SOCK", socket)
	ts.Check(ts.Exec("ssh-add", append([]string{"-q"}, args...)...))
	if strings.Contains(ts.ReadFile("stderr"), "failed") {
		ts.Fatalf("ssh-add: %s", ts.ReadFile("stderr"))
	}
}
