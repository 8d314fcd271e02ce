package journal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

const (
	agentAnswer = 2 * time.Second  // to connect and to list keys
	agentTouch  = 20 * time.Second // to sign: a person may have to touch a key or confirm
)

// agentKey is a key that an agent holds. Each signature is a connection of its
// own: a forwarded agent comes and goes with its connection.
type agentKey struct {
	key    ssh.PublicKey
	socket string
}

func (k agentKey) PublicKey() ssh.PublicKey { return k.key }
func (k agentKey) Source() string           { return "agent" }

func (k agentKey) Sign(namespace string, message []byte) (string, error) {
	var armored string
	gone := errors.New("the key is no longer in the agent")
	err := withAgent(k.socket, agentTouch, func(a agent.ExtendedAgent) error {
		signers, err := a.Signers()
		if err != nil {
			return err
		}
		for _, s := range signers {
			if bytes.Equal(s.PublicKey().Marshal(), k.key.Marshal()) {
				armored, err = armor(s, namespace, message)
				return err
			}
		}
		return gone
	})
	switch {
	case errors.Is(err, gone):
		return "", err
	case err != nil:
		return "", fmt.Errorf("the agent does not sign with %s: %w. A key added with ssh-add -h signs no statements, "+
			"and one added with -c or on a security key waits for you where the agent runs: ssh-add it without -h, or name another in RUNBOOK_IDENTITY",
			ssh.FingerprintSHA256(k.key), err)
	}
	return armored, nil
}

// agentKeys lists the keys of the agent at socket. Certificates are left out:
// signatures name plain keys.
func agentKeys(socket string) ([]ssh.PublicKey, error) {
	var keys []ssh.PublicKey
	err := withAgent(socket, agentAnswer, func(a agent.ExtendedAgent) error {
		listed, err := a.List()
		for _, k := range listed {
			key, parsed := ssh.ParsePublicKey(k.Blob)
			if parsed == nil && !strings.Contains(key.Type(), "-cert-v01@") {
				keys = append(keys, key)
			}
		}
		return err
	})
	return keys, err
}

func withAgent(socket string, limit time.Duration, do func(agent.ExtendedAgent) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), agentAnswer)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "unix", socket)
	if err != nil {
		return err
	}
	err = conn.SetDeadline(time.Now().Add(limit))
	if err == nil {
		err = do(agent.NewClient(conn))
	}
	return errors.Join(err, conn.Close())
}
