package journal

import (
	"bytes"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"
)

// person is whose key has signed a statement.
type person struct {
	key ssh.PublicKey
	// presence says what a security key saw of its owner: "touched", "touched,
	// PIN"; empty for other keys.
	presence string
}

// maxSigned caps an armored signature, in bytes: an RSA key of 16384 bits has
// room in it.
const maxSigned = 16 << 10

// armorBegins is where ssh-keygen begins to read: what stands before it a reader
// of PEM would skip.
const armorBegins = "-----BEGIN SSH SIGNATURE-----\n"

// checkSigned checks that armored is an SSHSIG over text in namespace, by the
// key that it names. Whose key that is nobody has said yet. It refuses what
// ssh-keygen refuses, SHA-1 of RSA keys among it, and certificates.
func checkSigned(armored, namespace, text string) (person, error) {
	var p person
	block, rest := pem.Decode([]byte(armored))
	switch {
	case len(armored) > maxSigned:
		return p, fmt.Errorf("a signature of more than %d bytes", maxSigned)
	case block == nil || !strings.HasPrefix(armored, armorBegins) || strings.Count(armored, "-----BEGIN ") > 1 || len(bytes.TrimSpace(rest)) > 0 || len(block.Headers) > 0:
		return p, errors.New("not an armored SSH signature alone")
	}
	sig, err := sshsig.Unarmor([]byte(armored))
	if err != nil {
		return p, err
	}
	if _, certificate := sig.PublicKey.(*ssh.Certificate); certificate {
		return p, errors.New("signed with a certificate: only plain keys count")
	}
	if sig.Signature.Format == ssh.KeyAlgoRSA { // its hash is SHA-1
		return p, errors.New("signed with SHA-1")
	}
	if len(sig.Signature.Rest) > 0 && !securityKey(sig) {
		return p, errors.New("something follows the signature")
	}
	if err := sshsig.Verify(strings.NewReader(text), sig, sig.PublicKey, sig.HashAlgorithm, namespace); err != nil {
		return p, err
	}
	return person{sig.PublicKey, presence(sig)}, nil
}

// Flags of a security key's signature: PROTOCOL.u2f of OpenSSH. The first
// byte of what follows the signature holds them.
const userVerified = 0x04

func presence(sig *sshsig.Signature) string {
	if !securityKey(sig) || len(sig.Signature.Rest) == 0 {
		return ""
	}
	if sig.Signature.Rest[0]&userVerified != 0 {
		return "touched, PIN"
	}
	return "touched" // x/crypto refuses one without
}

func securityKey(sig *sshsig.Signature) bool { return strings.HasPrefix(sig.PublicKey.Type(), "sk-") }
