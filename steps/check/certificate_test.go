package check_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"runbook/steps"
	"runbook/steps/check"
)

func TestCertificate(t *testing.T) {
	t.Parallel()
	a, key, other := newAuthority(t), newKey(t), newKey(t)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	good := a.issue(t, leaf("app.example.com", 90*day), key)
	self := sign(t, leaf("app.example.com", 90*day), leaf("app.example.com", 90*day), key.Public(), key)
	turned := tls.Certificate{Certificate: [][]byte{good.Certificate[0], a.root.Raw, a.middle.Raw}}
	chmod := func(mode os.FileMode) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			if err := os.Chmod(filepath.Join(dir, "privkey.pem"), mode); err != nil {
				t.Error(err)
			}
		}
	}
	file := func(name, text string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Error(err)
			}
		}
	}
	ec, err := x509.MarshalECPrivateKey(key.(*ecdsa.PrivateKey))
	if err != nil {
		t.Fatal(err)
	}
	parameters := "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
	for name, c := range map[string]struct {
		cert    tls.Certificate
		key     crypto.Signer
		change  func(t *testing.T, dir string)
		names   string
		verdict steps.Verdict
		reason  string
	}{
		"right":            {good, key, nil, "app.example.com 127.0.0.1", steps.Pass, ""},
		"an RSA key":       {a.issue(t, leaf("app.example.com", 90*day), rsaKey), rsaKey, nil, "", steps.Pass, ""},
		"of openssl":       {good, key, file("privkey.pem", parameters+string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: ec}))), "", steps.Pass, ""},
		"of RSA":           {a.issue(t, leaf("app.example.com", 90*day), rsaKey), rsaKey, file("privkey.pem", string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(rsaKey)}))), "", steps.Pass, ""},
		"another name":     {good, key, nil, "app.example.com www.example.com", steps.Fail, "not for www.example.com"},
		"expired":          {a.issue(t, leaf("app.example.com", -time.Hour), key), key, nil, "", steps.Fail, "ended on"},
		"ends soon":        {a.issue(t, leaf("app.example.com", 10*day), key), key, nil, "", steps.Fail, "wanted at least 14 days"},
		"ends this month":  {a.issue(t, leaf("app.example.com", 20*day), key), key, nil, "", steps.Warn, "fewer than 30 days"},
		"another key":      {good, other, nil, "", steps.Fail, "the key does not belong"},
		"a key of RSA":     {good, rsaKey, nil, "", steps.Fail, "the key does not belong"},
		"read by the team": {good, key, chmod(0o640), "", steps.Fail, "the key's mode is 0640"},
		"read only":        {good, key, chmod(0o400), "", steps.Pass, ""},
		"no chain":         {tls.Certificate{Certificate: good.Certificate[:1]}, key, nil, "", steps.Warn, "no intermediate is in the file"},
		"self signed":      {tls.Certificate{Certificate: [][]byte{self.Raw}}, key, nil, "", steps.Warn, "it is self signed"},
		"wrong order":      {turned, key, nil, "", steps.Fail, "is not signed by the next in the file, CN=Test Root"},
		"no certificate":   {good, key, file("fullchain.pem", "hello"), "", steps.Fail, "no certificate in PEM"},
		"broken":           {good, key, file("fullchain.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), "", steps.Fail, "certificate 1 of the file cannot be read"},
		"no key":           {good, key, file("privkey.pem", "hello"), "", steps.Fail, "no private key in PEM"},
		"a broken key":     {good, key, file("privkey.pem", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"), "", steps.Fail, "the private key cannot be read"},
		"an encrypted key": {good, key, file("privkey.pem", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"), "", steps.Unknown, "it is encrypted"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world(t, nil)
			w.Roots = a.roots()
			write(t, w.Dir, c.cert, c.key)
			if c.change != nil {
				c.change(t, w.Dir)
			}
			probe := &check.Certificate{Cert: "fullchain.pem", Key: "privkey.pem", Names: strings.Fields(c.names)}
			r := do(t, probe, w)
			want(t, r, c.verdict, c.reason)
			if c.verdict == steps.Pass && r.Evidence[0].Label != "days left" {
				t.Errorf("days left come after %+v", r.Evidence[0])
			}
		})
	}
}

func TestCertificateNotMeasured(t *testing.T) {
	t.Parallel()
	a, key := newAuthority(t), newKey(t)
	w := world(t, nil)
	w.Roots = a.roots()
	write(t, w.Dir, a.issue(t, leaf("app.example.com", 90*day), key), key)
	if err := syscall.Mkfifo(filepath.Join(w.Dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	want(t, do(t, &check.Certificate{Cert: "fullchain.pem"}, w), steps.Pass, "")
	want(t, do(t, &check.Certificate{Cert: "none.pem"}, w), steps.Fail, "cert: the file does not exist")
	want(t, do(t, &check.Certificate{Cert: "fullchain.pem", Key: "none.pem"}, w), steps.Fail, "key: the file does not exist")
	want(t, do(t, &check.Certificate{Cert: "pipe"}, w), steps.Unknown, "not a regular file")
	want(t, do(t, &check.Certificate{Cert: "fullchain.pem", Key: "pipe"}, w), steps.Unknown, "not a regular file")
	w.Dir = ""
	want(t, do(t, &check.Certificate{Cert: "fullchain.pem"}, w), steps.Unknown, "the target has no dir")
}

func TestCertificateFields(t *testing.T) {
	t.Parallel()
	c := decode[*check.Certificate](t, "certificate", map[string]any{"cert": "${cert}", "key": "${key}", "names": []string{"${domain}"}, "days": "14", "warn_days": "${days}"})
	if c.Touches() {
		t.Error("certificate touches")
	}
}
