package practice

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// request is the one line a client sends on the control socket; the nonce
// proves that it can read the world's directory.
type request struct {
	Nonce string    `json:"nonce"`
	Op    string    `json:"op"`
	Args  []string  `json:"args,omitempty"`
	Dir   string    `json:"dir,omitempty"`
	Env   []string  `json:"env,omitempty"`
	Time  time.Time `json:"time,omitzero"`
}

// reply is a line of the answer: output as it comes, and a last one that is
// done.
type reply struct {
	Out     []byte  `json:"out,omitempty"`
	Err     []byte  `json:"err,omitempty"`
	Done    bool    `json:"done,omitempty"`
	Code    int     `json:"code,omitempty"`
	Error   string  `json:"error,omitempty"`
	Refused bool    `json:"refused,omitempty"`
	Status  *Status `json:"status,omitempty"`
}

func socketPath(dir string) string { return filepath.Join(dir, "control") }

// connect shakes hands: the socket's owner has to be us or root, and the
// nonce the one in the directory.
func connect(ctx context.Context, dir string, r request) (*net.UnixConn, error) {
	nonce, err := os.ReadFile(filepath.Join(dir, "nonce")) // #nosec G304 -- the world's own
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%w (%s)", ErrDead, dir)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	raw, err := (&net.Dialer{}).DialContext(ctx, "unix", socketPath(dir))
	if errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ENOENT) {
		return nil, fmt.Errorf("%w (%s)", ErrDead, dir)
	}
	if errors.Is(err, os.ErrPermission) {
		return nil, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	if err != nil {
		return nil, fmt.Errorf("reach the practice world: %w", err)
	}
	conn, ok := raw.(*net.UnixConn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("reach the practice world: %T is no unix socket", raw), raw.Close())
	}
	if err := checkPeer(conn); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	r.Nonce = strings.TrimSpace(string(nonce))
	if err := json.NewEncoder(conn).Encode(r); err != nil {
		return nil, errors.Join(fmt.Errorf("%w (%s): %w", ErrDead, dir, err), conn.Close())
	}
	return conn, nil
}

// call makes a request and copies its output as it comes. A world that ends
// in the middle is ErrDead.
func call(ctx context.Context, dir string, r request, out, errOut io.Writer) (reply, error) {
	conn, err := connect(ctx, dir, r)
	if err != nil {
		return reply{}, err
	}
	defer conn.Close() //nolint:errcheck // only read from now on
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	lines := json.NewDecoder(conn)
	for {
		var line reply
		if err := lines.Decode(&line); err != nil {
			if ctx.Err() != nil {
				return reply{}, ctx.Err()
			}
			return reply{}, fmt.Errorf("%w (%s): it ended while it was asked to %s", ErrDead, dir, r.Op)
		}
		for _, part := range []struct {
			to   io.Writer
			text []byte
		}{{out, line.Out}, {errOut, line.Err}} {
			if part.to != nil && len(part.text) > 0 {
				if _, err := part.to.Write(part.text); err != nil {
					return reply{}, err
				}
			}
		}
		switch {
		case line.Refused:
			return line, fmt.Errorf("%w: %s", ErrRefused, line.Error)
		case line.Error != "":
			return line, errors.New(line.Error)
		case line.Done:
			return line, nil
		}
	}
}

// checkPeer accepts the same user and root.
func checkPeer(conn *net.UnixConn) error {
	uid, err := peerUID(conn)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	if uid != 0 && uid != os.Geteuid() {
		return fmt.Errorf("%w: uid %d is another user", ErrRefused, uid)
	}
	return nil
}
