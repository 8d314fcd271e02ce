package journal

import (
	"bytes"
	"fmt"
	"os"
	"strings"

	"golang.org/x/crypto/ssh"
)

// Revoked are keys that no longer count. The zero Revoked holds none.
type Revoked struct{ keys map[string]bool }

// Has reports whether key was revoked.
func (r Revoked) Has(key ssh.PublicKey) bool { return r.keys[string(key.Marshal())] }

// ReadRevoked reads a list of public keys, one a line, as `ssh-keygen -r` takes
// it. The binary form (KRL) is refused: it would be a list that is not read.
func ReadRevoked(file string) (Revoked, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return Revoked{}, err
	}
	if bytes.HasPrefix(b, []byte("SSHKRL\n\x00")) {
		return Revoked{}, fmt.Errorf("%s is a KRL, which is not read here: list the public keys, one a line", file)
	}
	r := Revoked{keys: map[string]bool{}}
	for i, line := range strings.Split(string(b), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		key, _, options, rest, err := ssh.ParseAuthorizedKey([]byte(line))
		if err != nil || len(options) > 0 || len(rest) > 0 {
			return Revoked{}, fmt.Errorf("%s:%d: not a public key", file, i+1)
		}
		r.keys[string(key.Marshal())] = true
	}
	return r, nil
}
