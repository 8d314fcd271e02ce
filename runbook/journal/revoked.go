package journal

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/ssh"
)

// Revoked are keys that no longer count. The zero Revoked holds none.
type Revoked struct {
	keys map[string]bool // as they are on the wire
	sums map[string]bool // SHA-256 and SHA-1 of that
}

// Has reports whether key was revoked.
func (r Revoked) Has(key ssh.PublicKey) bool {
	blob := key.Marshal()
	return r.keys[string(blob)] || len(r.sums) > 0 && r.hashed(blob)
}

// ReadRevoked reads what `ssh-keygen -Y verify -r` takes: a list of public keys,
// one a line, or a KRL. What ssh-keygen would stop at, and then take no key for
// good, is an error here.
func ReadRevoked(file string) (Revoked, error) {
	b, err := readKeyList(file)
	if err != nil {
		return Revoked{}, err
	}
	r := Revoked{keys: map[string]bool{}, sums: map[string]bool{}}
	if bytes.HasPrefix(b, []byte(krlMagic)) {
		if err := r.readKRL(b); err != nil {
			return Revoked{}, fmt.Errorf("%s: %w", file, err)
		}
		return r, nil
	}
	for i, line := range strings.Split(string(b), "\n") {
		line = strings.TrimLeft(line, " \t")
		if line == "" || line[0] == '#' {
			continue
		}
		key, err := parseRevoked(strings.TrimSuffix(line, "\r"))
		if err != nil {
			return Revoked{}, fmt.Errorf("%s:%d: %w", file, i+1, err)
		}
		if c, ok := key.(*ssh.Certificate); ok { // it is of this key
			key = c.Key
		}
		r.keys[string(key.Marshal())] = true
	}
	return r, nil
}

// parseRevoked reads a line: the type, the key, a comment.
func parseRevoked(line string) (ssh.PublicKey, error) {
	key, _, options, rest, err := ssh.ParseAuthorizedKey([]byte(line))
	if err != nil || len(options) > 0 || len(rest) > 0 {
		return nil, errors.New("not a public key; of specifications ssh-keygen -k makes a KRL")
	}
	if strings.Contains(line, "\r") { // it passes over one
		return nil, errors.New("a carriage return within the line")
	}
	return key, nil
}
