package practice

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/crypto/ssh"

	"runbook/runbook/journal"
)

// Key is the path of the world's throwaway operator key (OpenSSH, ed25519).
// Its public half stays in practice/runs/allowed_signers of the home.
func (w *World) Key() string { return filepath.Join(w.dir, "key") }

// RoleKey is the path of the world's throwaway key of a role, which signs for
// no other; it is made when it is first asked for. Its public half stays as
// Key's does.
func (w *World) RoleKey(ctx context.Context, role string) (string, error) {
	if _, err := w.ask(ctx, request{Op: "role", Args: []string{role}}); err != nil {
		return "", fmt.Errorf("the practice key of %s: %w", role, err)
	}
	return filepath.Join(w.dir, roleKey(role)), nil
}

func roleKey(role string) string { return filepath.Join("roles", role) }

// makeRole makes the key of a role, once.
func (s *server) makeRole(args []string) error {
	if len(args) != 1 || !journal.ValidRole(args[0]) {
		return fmt.Errorf("no role: %q", args)
	}
	role := args[0]
	s.entering.Lock()
	defer s.entering.Unlock()
	if _, err := os.Stat(filepath.Join(s.dir, roleKey(role))); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return s.makeKey(roleKey(role), "practice-"+role, journal.SignoffNamespace(journal.Practice, role))
}

// makeKey makes a throwaway key that signs in these namespaces, which keep its
// signatures apart from real ones. Its public half stays with the runs, so that
// they verify when the world is gone.
func (s *server) makeKey(name, principal, namespaces string) error {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	block, err := ssh.MarshalPrivateKey(private, principal)
	if err != nil {
		return err
	}
	authorized, err := ssh.NewPublicKey(public)
	if err != nil {
		return err
	}
	line := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(authorized)))
	file := filepath.Join(s.Home, "practice", "runs", "allowed_signers")
	signers, err := os.OpenFile(file, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600) // #nosec G304 -- ours
	if err != nil {
		return err
	}
	defer signers.Close() //nolint:errcheck // synced below
	if _, err := fmt.Fprintf(signers, "%s namespaces=%q %s\n", principal, namespaces, line); err != nil {
		return err
	}
	if err := signers.Sync(); err != nil {
		return err
	}
	if err := s.write(name+".pub", line+" "+principal+"\n"); err != nil {
		return err
	}
	return s.write(name, string(pem.EncodeToMemory(block)))
}
