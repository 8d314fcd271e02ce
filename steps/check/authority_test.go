package check_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// authority is a root of our own and one intermediate under it.
type authority struct {
	root, middle       *x509.Certificate
	rootKey, middleKey crypto.Signer
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{rootKey: newKey(t), middleKey: newKey(t)}
	ca := func(name string) *x509.Certificate {
		return &x509.Certificate{
			Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
			NotBefore: time.Now().Add(-2 * day), NotAfter: time.Now().Add(1000 * day),
		}
	}
	a.root = sign(t, ca("Test Root"), ca("Test Root"), a.rootKey.Public(), a.rootKey)
	a.middle = sign(t, ca("Test Intermediate"), a.root, a.middleKey.Public(), a.rootKey)
	return a
}

const day = 24 * time.Hour

func newKey(t *testing.T) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func sign(t *testing.T, template, parent *x509.Certificate, key crypto.PublicKey, by crypto.Signer) *x509.Certificate {
	t.Helper()
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber = serial
	raw, err := x509.CreateCertificate(rand.Reader, template, parent, key, by)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (a *authority) roots() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.root)
	return pool
}

// leaf is for a server that is called name and 127.0.0.1.
func leaf(name string, left time.Duration) *x509.Certificate {
	return &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-day), NotAfter: time.Now().Add(left),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
}

// issue answers a certificate of the intermediate, which is sent along.
func (a *authority) issue(t *testing.T, template *x509.Certificate, key crypto.Signer) tls.Certificate {
	t.Helper()
	c := sign(t, template, a.middle, key.Public(), a.middleKey)
	return tls.Certificate{Certificate: [][]byte{c.Raw, a.middle.Raw}, PrivateKey: key}
}

// write lays certificates and a key down as PEM: fullchain.pem, privkey.pem.
func write(t *testing.T, dir string, c tls.Certificate, key crypto.Signer) {
	t.Helper()
	var certs []byte
	for _, raw := range c.Certificate {
		certs = append(certs, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw})...)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"fullchain.pem": certs, "privkey.pem": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw})} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
