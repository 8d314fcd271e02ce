package journal

import (
	"bytes"
	"io"
	"os"
	"strings"

	"golang.org/x/crypto/ssh"
)

// maxLogin caps what is read of how somebody logged in, in bytes.
const maxLogin = 64 << 10

// LoginKey is the key with which this login was made, as sshd tells it in the
// file that SSH_USER_AUTH names (ExposeAuthInfo yes). It is a claim: whoever has
// this account can set the variable. Nil if nothing is told.
func LoginKey(getenv func(string) string) ssh.PublicKey {
	f, err := os.Open(getenv("SSH_USER_AUTH"))
	if err != nil {
		return nil
	}
	defer func() { _ = f.Close() }() // read only: nothing to lose
	data, err := io.ReadAll(io.LimitReader(f, maxLogin))
	if err != nil {
		return nil
	}
	for line := range bytes.Lines(data) {
		text, ok := strings.CutPrefix(string(line), "publickey ")
		if !ok {
			continue
		}
		if key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(text)); err == nil {
			return key
		}
	}
	return nil
}
