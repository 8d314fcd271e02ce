package doctor

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"runbook/steps"
)

func command(t *testing.T, env []string, argv ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", argv, err, out)
	}
}

func keygen(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "key")
	command(t, nil, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", path)
	return path
}

// startAgent runs a real ssh-agent and returns its socket.
func startAgent(t *testing.T) string {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "s")
	agent := exec.CommandContext(t.Context(), "ssh-agent", "-D", "-a", socket)
	stdout, err := agent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := agent.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = agent.Process.Kill()
		_ = agent.Wait() // killed, as intended
	})
	if _, err := stdout.Read(make([]byte, 1)); err != nil { // it says its socket once it listens
		t.Fatal(err)
	}
	return socket
}

func TestAgent(t *testing.T) {
	t.Parallel()
	socket := startAgent(t)
	h := host(t, "SSH_AUTH_SOCK", socket)
	want(t, h.agent(t.Context()), "agent", steps.Warn, "no key")
	want(t, h.key(t.Context()), "key", steps.Warn, "nobody would sign", "ssh-add")
	key := keygen(t)
	command(t, []string{"SSH_AUTH_SOCK=" + socket}, "ssh-add", "-q", key)
	want(t, h.agent(t.Context()), "agent", steps.Pass, "1 key, answered in")
	want(t, h.key(t.Context()), "key", steps.Pass, "ssh-ed25519 SHA256:", "via agent signs")
}

func TestNoAgent(t *testing.T) {
	t.Parallel()
	h := host(t)
	want(t, h.agent(t.Context()), "agent", steps.Warn, "SSH_AUTH_SOCK is not set")
	want(t, h.key(t.Context()), "key", steps.Warn, "no ssh agent", "ssh-add a key, or set RUNBOOK_IDENTITY")
	h.Getenv = environ("RUNBOOK_IDENTITY", keygen(t))
	want(t, h.key(t.Context()), "key", steps.Pass, "via file")
	h.Getenv = environ("RUNBOOK_IDENTITY", filepath.Join(t.TempDir(), "none"))
	want(t, h.key(t.Context()), "key", steps.Fail, "RUNBOOK_IDENTITY")
}

// TestDeadAgent: a socket that nobody listens on any more.
func TestDeadAgent(t *testing.T) {
	t.Parallel()
	socket := filepath.Join(t.TempDir(), "s")
	l, err := new(net.ListenConfig).Listen(t.Context(), "unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	h := host(t, "SSH_AUTH_SOCK", socket)
	want(t, h.agent(t.Context()), "agent", steps.Warn, "connection refused")
}

// TestSilentAgent: a socket that listens, and that nobody ever accepts on.
func TestSilentAgent(t *testing.T) {
	t.Parallel()
	socket := filepath.Join(t.TempDir(), "s")
	l, err := new(net.ListenConfig).Listen(t.Context(), "unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	h := host(t, "SSH_AUTH_SOCK", socket)
	want(t, h.agent(t.Context()), "agent", steps.Fail, "each ssh would hang", "2s")
	want(t, h.key(t.Context()), "key", steps.Warn, "does not answer")
	var full error // of those who wait to be accepted
	for full == nil {
		_, full = new(net.Dialer).DialContext(t.Context(), "unix", socket)
	}
	if !errors.Is(full, syscall.EAGAIN) {
		t.Fatal(full)
	}
	want(t, h.agent(t.Context()), "agent", steps.Fail, "each ssh would hang")
}

// TestKeyForOtherPlaces: a key that may only log in on one host lists like any
// other, and signs nothing.
func TestKeyForOtherPlaces(t *testing.T) {
	t.Parallel()
	socket, key, hostKey := startAgent(t), keygen(t), keygen(t)
	public, err := os.ReadFile(hostKey + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	known := put(t, filepath.Join(t.TempDir(), "known_hosts"), "bastion "+string(public), 0o600)
	command(t, []string{"SSH_AUTH_SOCK=" + socket}, "ssh-add", "-q", "-H", known, "-h", "bastion", key)
	h := host(t, "SSH_AUTH_SOCK", socket)
	want(t, h.agent(t.Context()), "agent", steps.Pass, "1 key")
	want(t, h.key(t.Context()), "key", steps.Warn, "nobody would sign", "without -h")
}

func TestSigners(t *testing.T) {
	t.Parallel()
	key := keygen(t)
	h := host(t, "RUNBOOK_IDENTITY", key)
	file := filepath.Join(h.Config, "allowed_signers")
	want(t, h.signers(t.Context()), "allowed_signers", steps.Warn, "none", file)
	public, err := os.ReadFile(key + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	put(t, file, "ann@example.com "+string(public), 0o600)
	want(t, h.signers(t.Context()), "allowed_signers", steps.Pass, "ann@example.com")
	put(t, file, "ann@example.com namespaces=\"git\" "+string(public), 0o600)
	want(t, h.signers(t.Context()), "allowed_signers", steps.Warn, "not believed")
	put(t, file, strings.Repeat("x", 10), 0o600)
	want(t, h.signers(t.Context()), "allowed_signers", steps.Fail, "allowed_signers:1")
}
