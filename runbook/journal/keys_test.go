package journal

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/binary"
	"encoding/pem"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"
)

// signer is a key of any kind, to sign with as its owner would, or as nobody
// should.
type signer struct {
	public ssh.PublicKey
	sign   func(data []byte) *ssh.Signature
}

func plainKey(t *testing.T, key any, algorithm string) signer {
	t.Helper()
	s, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return signer{s.PublicKey(), func(data []byte) *ssh.Signature {
		sig, err := s.(ssh.AlgorithmSigner).SignWithAlgorithm(rand.Reader, data, algorithm)
		if err != nil {
			t.Fatal(err)
		}
		return sig
	}}
}

// fidoKey does in software what a FIDO key does: it signs hashes of the
// application and the message, with what it saw of its owner in flags.
func fidoKey(t *testing.T, kind string, flags byte) signer {
	t.Helper()
	const application = "ssh:"
	digest := func(data []byte) (all, rest []byte) {
		app, message := sha256.Sum256([]byte(application)), sha256.Sum256(data)
		rest = binary.BigEndian.AppendUint32([]byte{flags}, 7)
		return slices.Concat(app[:], rest, message[:]), rest
	}
	var blob []byte
	var sign func(all []byte) []byte
	if kind == ssh.KeyAlgoSKED25519 {
		public, key, err := ed25519.GenerateKey(nil)
		if err != nil {
			t.Fatal(err)
		}
		blob = ssh.Marshal(struct{ Kind, Key, Application string }{kind, string(public), application})
		sign = func(all []byte) []byte { return ed25519.Sign(key, all) }
	} else {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		point, err := key.PublicKey.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		blob = ssh.Marshal(struct{ Kind, Curve, Point, Application string }{kind, "nistp256", string(point), application})
		plain := plainKey(t, key, ssh.KeyAlgoECDSA256)
		sign = func(all []byte) []byte { return plain.sign(all).Blob }
	}
	public, err := ssh.ParsePublicKey(blob)
	if err != nil {
		t.Fatal(err)
	}
	return signer{public, func(data []byte) *ssh.Signature {
		all, rest := digest(data)
		return &ssh.Signature{Format: kind, Blob: sign(all), Rest: rest}
	}}
}

// armored is an SSHSIG by s.
func (s signer) armored(namespace, text string) string {
	return string(sshsig.Armor(&sshsig.Signature{
		Version: 1, PublicKey: s.public, Namespace: namespace, HashAlgorithm: sshsig.HashSHA512,
		Signature: s.sign(signedData(namespace, []byte(text))),
	}))
}

// but has s sign, and changes the signature afterwards.
func (s signer) but(change func(*ssh.Signature)) signer {
	return signer{s.public, func(data []byte) *ssh.Signature {
		sig := s.sign(data)
		change(sig)
		return sig
	}}
}

// keygenSays asks the real ssh-keygen about a signature, as one of these
// principals.
func keygenSays(t *testing.T, signers, namespace, armored, text string, more []string, principals ...string) bool {
	t.Helper()
	sig := filepath.Join(t.TempDir(), "sig")
	put(t, sig, []byte(armored))
	for _, who := range principals {
		argv := append([]string{"ssh-keygen", "-Y", "verify", "-f", signers, "-I", who, "-n", namespace, "-s", sig}, more...)
		if out, err := try(t, nil, []byte(text), argv...); err == nil && strings.Contains(out, "Good ") { // behind what it says of lines that do not fit
			return true
		}
	}
	return false
}

// TestKeyMatrix signs with each kind of key, right and wrong, and holds what
// we say of it against what ssh-keygen says.
func TestKeyMatrix(t *testing.T) {
	t.Parallel()
	_, ed, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	rsa3072, err := rsa.GenerateKey(rand.Reader, 3072)
	if err != nil {
		t.Fatal(err)
	}
	curve := func(c elliptic.Curve) *ecdsa.PrivateKey {
		key, err := ecdsa.GenerateKey(c, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	plain := plainKey(t, ed, ssh.KeyAlgoED25519)
	touched, present := fidoKey(t, ssh.KeyAlgoSKED25519, 1), fidoKey(t, ssh.KeyAlgoSKECDSA256, 5)
	longer := func(sig *ssh.Signature) { sig.Rest = append(slices.Clone(sig.Rest), 0) }
	for name, c := range map[string]struct {
		signer
		ours, keygen bool
		presence     string
	}{
		"ed25519":                     {plain, true, true, ""},
		"ecdsa-p256":                  {plainKey(t, curve(elliptic.P256()), ssh.KeyAlgoECDSA256), true, true, ""},
		"ecdsa-p384":                  {plainKey(t, curve(elliptic.P384()), ssh.KeyAlgoECDSA384), true, true, ""},
		"ecdsa-p521":                  {plainKey(t, curve(elliptic.P521()), ssh.KeyAlgoECDSA521), true, true, ""},
		"rsa-sha2-256":                {plainKey(t, rsa3072, ssh.KeyAlgoRSASHA256), true, true, ""},
		"rsa-sha2-512":                {plainKey(t, rsa3072, ssh.KeyAlgoRSASHA512), true, true, ""},
		"rsa-sha1":                    {plainKey(t, rsa3072, ssh.KeyAlgoRSA), false, false, ""},
		"rsa-sha1 that says sha2":     {plainKey(t, rsa3072, ssh.KeyAlgoRSA).but(func(s *ssh.Signature) { s.Format = ssh.KeyAlgoRSASHA512 }), false, false, ""},
		"sk-ed25519, touched":         {touched, true, true, "touched"},
		"sk-ed25519, touched and PIN": {fidoKey(t, ssh.KeyAlgoSKED25519, 5), true, true, "touched, PIN"},
		"sk-ecdsa, touched":           {fidoKey(t, ssh.KeyAlgoSKECDSA256, 1), true, true, "touched"},
		"sk-ecdsa, touched and PIN":   {present, true, true, "touched, PIN"},
		// ssh-keygen asks for no touch, we do.
		"sk-ed25519, not touched":   {fidoKey(t, ssh.KeyAlgoSKED25519, 0), false, true, ""},
		"sk-ed25519, PIN, no touch": {fidoKey(t, ssh.KeyAlgoSKED25519, 4), false, true, ""},
		"sk-ecdsa, not touched":     {fidoKey(t, ssh.KeyAlgoSKECDSA256, 0), false, true, ""},
		"sk, touch claimed":         {fidoKey(t, ssh.KeyAlgoSKED25519, 0).but(func(s *ssh.Signature) { s.Rest[0] = 1 }), false, false, ""},
		"sk, PIN claimed":           {touched.but(func(s *ssh.Signature) { s.Rest[0] = 5 }), false, false, ""},
		"sk, another counter":       {present.but(func(s *ssh.Signature) { s.Rest[4]++ }), false, false, ""},
		"sk, no flags":              {touched.but(func(s *ssh.Signature) { s.Rest = nil }), false, false, ""},
		"sk, more behind":           {touched.but(longer), false, false, ""},
		"ed25519, more behind":      {plain.but(longer), false, false, ""},
		"ed25519, altered":          {plain.but(func(s *ssh.Signature) { s.Blob[0] ^= 1 }), false, false, ""},
		"ed25519, shorter":          {plain.but(func(s *ssh.Signature) { s.Blob = s.Blob[1:] }), false, false, ""},
		"another key's":             {signer{touched.public, plain.sign}, false, false, ""},
		// One that is listed itself: to ssh-keygen it is a key, we take plain keys.
		"a certificate": {certified(t, plain), false, true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			namespace, text := SignoffNamespace(Real, "qa"), "a text\n"
			key := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(c.public)))
			file := filepath.Join(t.TempDir(), "allowed_signers")
			put(t, file, []byte("ann "+key+"\n"))
			armored := c.armored(namespace, text)
			who, err := checkSigned(armored, namespace, text)
			if (err == nil) != c.ours || who.presence != c.presence {
				t.Errorf("we say %q, %v", who.presence, err)
			}
			if got := keygenSays(t, file, namespace, armored, text, nil, "ann"); got != c.keygen {
				t.Errorf("ssh-keygen says %v", got)
			}
			for what, wrong := range map[string][2]string{"text": {namespace, text + "x"}, "role": {SignoffNamespace(Real, "dev"), text}, "world": {SignoffNamespace(Practice, "qa"), text}} {
				if _, err := checkSigned(armored, wrong[0], wrong[1]); err == nil || keygenSays(t, file, wrong[0], armored, wrong[1], nil, "ann") {
					t.Errorf("another %s: %v", what, err)
				}
			}
		})
	}
}

// certified is s with a certificate in the place of its public key.
func certified(t *testing.T, s signer) signer {
	t.Helper()
	cert := &ssh.Certificate{Key: s.public, CertType: ssh.UserCert, ValidPrincipals: []string{"ann"}, ValidBefore: ssh.CertTimeInfinity}
	_, authority, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	ca, err := ssh.NewSignerFromKey(authority)
	if err == nil {
		err = cert.SignCert(rand.Reader, ca)
	}
	if err != nil {
		t.Fatal(err)
	}
	return signer{cert, s.sign}
}

// TestSignatureAlone: nothing stands around an armored signature, or in it.
func TestSignatureAlone(t *testing.T) {
	t.Parallel()
	namespace, text := SignoffNamespace(Real, "qa"), "a text\n"
	good := fidoKey(t, ssh.KeyAlgoSKED25519, 1).armored(namespace, text)
	block, _ := pem.Decode([]byte(good))
	for name, armored := range map[string]string{
		"empty":         "",
		"half a line":   "-----BEGIN SSH SIGNATURE-----",
		"no armor":      string(block.Bytes),
		"twice":         good + good,
		"text before":   "hello\n" + good,
		"text behind":   good + "hello\n",
		"another block": strings.ReplaceAll(good, "SSH SIGNATURE", "PGP SIGNATURE"),
		"headers":       string(pem.EncodeToMemory(&pem.Block{Type: block.Type, Headers: map[string]string{"Comment": "x"}, Bytes: block.Bytes})),
		"very long":     good + strings.Repeat("\n", maxSigned),
		"CRLF":          strings.ReplaceAll(good, "\n", "\r\n"), // ssh-keygen refuses it
		"a space":       strings.Replace(good, "\n", "\n ", 1),
		"a bit more":    strayBit(good),
		"a byte more":   string(pem.EncodeToMemory(&pem.Block{Type: block.Type, Bytes: append(bytes.Clone(block.Bytes), 0)})),
	} {
		if _, err := checkSigned(armored, namespace, text); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	if _, err := checkSigned(good+"\n", namespace, text); err != nil {
		t.Errorf("with a line feed: %v", err)
	}
}

// strayBit sets a bit in the last character of the base64 that stands for none.
func strayBit(armored string) string {
	at := strings.Index(armored, "=\n-----END")
	for armored[at-1] == '=' {
		at--
	}
	return armored[:at-1] + string(armored[at-1]+1) + armored[at:]
}

// TestKeyHasOneForm: of an RSA key whose numbers have zeros before them others
// make another key, and two roles could have one owner.
func TestKeyHasOneForm(t *testing.T) {
	t.Parallel()
	namespace, text := SignoffNamespace(Real, "qa"), "a text\n"
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	good := plainKey(t, key, ssh.KeyAlgoRSASHA512).armored(namespace, text)
	if _, err := checkSigned(good, namespace, text); err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode([]byte(good))
	var s struct {
		Magic   [6]byte
		Version uint32
		Key     []byte
		Rest    []byte `ssh:"rest"`
	}
	if err := ssh.Unmarshal(block.Bytes, &s); err != nil {
		t.Fatal(err)
	}
	var k struct {
		Kind string
		E, N []byte
	}
	if err := ssh.Unmarshal(s.Key, &k); err != nil {
		t.Fatal(err)
	}
	k.N = append([]byte{0, 0}, k.N...)
	s.Key = ssh.Marshal(k)
	block.Bytes = ssh.Marshal(s)
	if _, err := checkSigned(string(pem.EncodeToMemory(block)), namespace, text); err == nil {
		t.Error("taken")
	}
}

// TestFindPrincipalsTrap: ssh-keygen's find-principals knows no namespaces and
// names somebody who may not sign as this role; we do not.
func TestFindPrincipalsTrap(t *testing.T) {
	t.Parallel()
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	s := plainKey(t, key, ssh.KeyAlgoED25519)
	file, signers := signersFile(t, fmt.Sprintf(`dev@example.com namespaces=%q %s`, SignoffNamespace(Real, "dev"), ssh.MarshalAuthorizedKey(s.public)))
	sig := filepath.Join(t.TempDir(), "sig")
	put(t, sig, []byte(s.armored(SignoffNamespace(Real, "qa"), "x")))
	if out := command(t, nil, nil, "ssh-keygen", "-Y", "find-principals", "-f", file, "-s", sig); strings.TrimSpace(out) != "dev@example.com" {
		t.Skipf("this ssh-keygen is not trapped: %s", out)
	}
	if who, err := signers.Principal(s.public, SignoffNamespace(Real, "qa"), aSignoff().Time); err == nil {
		t.Errorf("we name %s", who)
	}
}
