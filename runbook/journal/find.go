package journal

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// FindIdentity looks for the person's key, without asking and without writing:
//
//  1. RUNBOOK_IDENTITY: a private key file, or a .pub whose key the agent holds
//  2. the one key in the agent that configDir/allowed_signers lists for sessions
//  3. the only key in the agent
//  4. ~/.ssh/id_ed25519, id_ecdsa or id_rsa, without a passphrase
//
// With none the Identity is nil and why says so in one line. An error means
// that RUNBOOK_IDENTITY or allowed_signers can't be used as it is.
func FindIdentity(configDir string, getenv func(string) string) (id Identity, why string, err error) {
	return find(configDir, SessionNamespace(Real), "sessions", getenv)
}

// FindSigner looks for the person's key that signs in a role, as FindIdentity
// does for sessions: the one that allowed_signers lists for the role counts.
func FindSigner(configDir, role string, getenv func(string) string) (id Identity, why string, err error) {
	return find(configDir, SignoffNamespace(Real, role), role, getenv)
}

func find(configDir, namespace, purpose string, getenv func(string) string) (id Identity, why string, err error) {
	socket := getenv("SSH_AUTH_SOCK")
	if path := getenv("RUNBOOK_IDENTITY"); path != "" {
		id, err := namedIdentity(path, socket)
		return id, "", err
	}
	signers, err := ReadSigners(filepath.Join(configDir, "allowed_signers"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, "", err
	}
	if revoked, err := ReadRevoked(filepath.Join(configDir, "revoked_keys")); err == nil {
		signers = signers.Without(revoked, nil) // without a list a key can be had still: whose it is, others judge
	}
	id, noAgent := fromAgent(socket, signers, namespace, purpose)
	if id != nil {
		return id, "", nil
	}
	id, noFile := fromHome(getenv("HOME"))
	if id != nil {
		return id, "", nil
	}
	return nil, noAgent + "; " + noFile + ": ssh-add a key, or set RUNBOOK_IDENTITY", nil
}

func namedIdentity(path, socket string) (Identity, error) {
	if !strings.HasSuffix(path, ".pub") {
		id, err := KeyFile(path)
		if err != nil {
			return nil, fmt.Errorf("RUNBOOK_IDENTITY: %w", err)
		}
		return id, nil
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("RUNBOOK_IDENTITY: %w", err)
	}
	want, _, _, _, err := ssh.ParseAuthorizedKey(b)
	if err != nil {
		return nil, fmt.Errorf("RUNBOOK_IDENTITY: %s: %w", path, err)
	}
	if socket == "" {
		return nil, fmt.Errorf("RUNBOOK_IDENTITY: %s is a public key and there is no agent (SSH_AUTH_SOCK): start one, or name the private key", path)
	}
	keys, err := agentKeys(socket)
	if err != nil {
		return nil, fmt.Errorf("RUNBOOK_IDENTITY: ask the agent for %s: %w", path, err)
	}
	for _, key := range keys {
		if bytes.Equal(key.Marshal(), want.Marshal()) {
			return agentKey{key: key, socket: socket}, nil
		}
	}
	return nil, fmt.Errorf("RUNBOOK_IDENTITY: the agent does not hold the key of %s: ssh-add it", path)
}

// fromAgent picks the key that the signers list for a namespace, or the only
// one.
func fromAgent(socket string, signers Signers, namespace, purpose string) (Identity, string) {
	if socket == "" {
		return nil, "no ssh agent (SSH_AUTH_SOCK)"
	}
	keys, err := agentKeys(socket)
	if err != nil {
		return nil, "the ssh agent does not answer"
	}
	var listed []ssh.PublicKey
	for _, key := range keys {
		if _, err := signers.Principal(key, namespace, time.Now()); err == nil {
			listed = append(listed, key)
		}
	}
	switch {
	case len(listed) == 1:
		return agentKey{key: listed[0], socket: socket}, ""
	case len(listed) > 1:
		return nil, fmt.Sprintf("%d keys in the agent are listed for %s (%s), and RUNBOOK_IDENTITY does not say which", len(listed), purpose, fingerprints(listed))
	case len(keys) == 1:
		return agentKey{key: keys[0], socket: socket}, ""
	case len(keys) == 0:
		return nil, "the ssh agent holds no key"
	}
	return nil, fmt.Sprintf("none of the %d keys in the agent is listed for %s", len(keys), purpose)
}

func fingerprints(keys []ssh.PublicKey) string {
	all := make([]string, len(keys))
	for i, key := range keys {
		all[i] = ssh.FingerprintSHA256(key)
	}
	return strings.Join(all, ", ")
}

func fromHome(home string) (Identity, string) {
	why := "no key file in ~/.ssh"
	if home == "" {
		return nil, why
	}
	for _, name := range []string{"id_ed25519", "id_ecdsa", "id_rsa"} {
		id, err := KeyFile(filepath.Join(home, ".ssh", name))
		if err == nil {
			return id, ""
		}
		if missing := new(ssh.PassphraseMissingError); errors.As(err, &missing) {
			why = "~/.ssh/" + name + " has a passphrase"
		}
	}
	return nil, why
}
