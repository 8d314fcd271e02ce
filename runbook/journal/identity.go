package journal

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"os"

	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"
)

// Identity is a person's SSH key, where it is.
type Identity interface {
	PublicKey() ssh.PublicKey
	// Sign returns an armored SSHSIG over message.
	Sign(namespace string, message []byte) (armored string, err error)
	// Source says where the key is: "agent" or "file PATH".
	Source() string
}

// fileKey is a private key read from a file.
type fileKey struct {
	signer ssh.Signer
	path   string
}

// KeyFile reads a private key without a passphrase. A key with one is for an
// agent: the error says so (errors.As ssh.PassphraseMissingError).
func KeyFile(path string) (Identity, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("key %s: not a regular file", path)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("key %s: others may read or write it: chmod 600 it", path)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	signer, err := ssh.ParsePrivateKey(b)
	clear(b)
	if missing := new(ssh.PassphraseMissingError); errors.As(err, &missing) {
		return nil, fmt.Errorf("key %s has a passphrase: add it to an agent with ssh-add: %w", path, err)
	}
	if err != nil {
		return nil, fmt.Errorf("key %s: %w", path, err)
	}
	return fileKey{signer: signer, path: path}, nil
}

func (k fileKey) PublicKey() ssh.PublicKey { return k.signer.PublicKey() }
func (k fileKey) Source() string           { return "file " + k.path }

func (k fileKey) Sign(namespace string, message []byte) (string, error) {
	return armor(k.signer, namespace, message)
}

// armor signs with SHA-512, as ssh-keygen does; RSA keys with rsa-sha2-512.
func armor(signer ssh.Signer, namespace string, message []byte) (string, error) {
	sig, err := sshsig.SignWithRand(bytes.NewReader(message), rand.Reader, signer, sshsig.HashSHA512, namespace)
	if err != nil {
		return "", err
	}
	return string(sshsig.Armor(sig)), nil
}
