package journal

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"

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

// armorForm is what ssh-keygen writes around a signature, with lines of any length.
// Of a carriage return it reads nothing.
var armorForm = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile("^-----BEGIN SSH SIGNATURE-----\n((?:[A-Za-z0-9+/]+\n)*[A-Za-z0-9+/]+={0,2}\n)-----END SSH SIGNATURE-----\n*$")
})

// checkSigned checks that armored is an SSHSIG over text in namespace, by the
// key that it names. Whose key that is nobody has said yet. It refuses what
// ssh-keygen refuses, SHA-1 of RSA keys among it, and certificates.
func checkSigned(armored, namespace, text string) (person, error) {
	var p person
	if len(armored) > maxSigned {
		return p, fmt.Errorf("a signature of more than %d bytes", maxSigned)
	}
	inner := armorForm().FindStringSubmatch(armored)
	if inner == nil {
		return p, errors.New("not an armored SSH signature alone, in lines that end with a line feed")
	}
	blob, err := base64.StdEncoding.Strict().DecodeString(inner[1])
	if err != nil {
		return p, fmt.Errorf("not an armored SSH signature: %w", err)
	}
	sig, err := sshsig.Unarmor([]byte(armored))
	if err != nil {
		return p, err
	}
	// One key has one form: another form of it is another key to other tools.
	if written := ssh.Marshal(struct{ Key []byte }{sig.PublicKey.Marshal()}); !bytes.HasPrefix(blob[len("SSHSIG")+4:], written) {
		return p, errors.New("its key is not written as one is")
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
	err = sshsig.Verify(strings.NewReader(text), sig, sig.PublicKey, sig.HashAlgorithm, namespace)
	if errors.Is(err, sshsig.ErrNamespaceMismatch) {
		return p, fmt.Errorf("signed with -n %q, which is not -n %s", sig.Namespace, namespace)
	}
	if err != nil {
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
