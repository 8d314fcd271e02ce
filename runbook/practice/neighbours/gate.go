package neighbours

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"time"

	"golang.org/x/crypto/ssh"
)

// Gate is an SSH server that lets nobody in.
type Gate struct {
	Addr string
	l    net.Listener
}

// OpenGate listens on a free port of 127.0.0.1, with a host key of its own.
func OpenGate(ctx context.Context) (*Gate, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make the host key of the gate: %w", err)
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		return nil, fmt.Errorf("make the host key of the gate: %w", err)
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("open the gate: %w", err)
	}
	cfg := &ssh.ServerConfig{PublicKeyCallback: func(ssh.ConnMetadata, ssh.PublicKey) (*ssh.Permissions, error) {
		return nil, errors.New("nobody gets in")
	}}
	cfg.AddHostKey(signer)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return // closed
			}
			go func() {
				_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
				_, _, _, _ = ssh.NewServerConn(conn, cfg) // it never succeeds
				_ = conn.Close()
			}()
		}
	}()
	return &Gate{Addr: l.Addr().String(), l: l}, nil
}

// Close ends it.
func (g *Gate) Close() { _ = g.l.Close() }
