package practice

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"time"
)

// authority is the practice CA: it lives in the world's memory, and its
// certificate in ca.pem is what the world's clients trust.
type authority struct {
	cert   *x509.Certificate
	key    *ecdsa.PrivateKey
	pem    []byte
	serial int64
}

func newAuthority() (*authority, error) {
	now := time.Now()
	a := &authority{serial: 1, cert: &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "runbook practice CA"}, NotBefore: now.AddDate(-1, 0, 0), NotAfter: now.AddDate(1, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}}
	var err error
	if a.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return nil, fmt.Errorf("make the practice CA: %w", err)
	}
	der, err := x509.CreateCertificate(rand.Reader, a.cert, a.cert, &a.key.PublicKey, a.key)
	if err != nil {
		return nil, fmt.Errorf("make the practice CA: %w", err)
	}
	a.pem = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return a, nil
}

// issue makes a certificate for 127.0.0.1 and localhost. Both results are PEM;
// the CA's certificate follows the server's.
func (a *authority) issue(from, to time.Time) (cert, key []byte, err error) {
	a.serial++
	server := &x509.Certificate{
		SerialNumber: big.NewInt(a.serial), Subject: pkix.Name{CommonName: "localhost"}, NotBefore: from, NotAfter: to,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("make a practice certificate: %w", err)
	}
	der, err := x509.CreateCertificate(rand.Reader, server, a.cert, &private.PublicKey, a.key)
	if err != nil {
		return nil, nil, fmt.Errorf("make a practice certificate: %w", err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, nil, fmt.Errorf("make a practice certificate: %w", err)
	}
	cert = append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), a.pem...)
	return cert, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}), nil
}

// openAuthority makes the CA, the certificate that everything here serves, and
// those that faults serve instead.
func (s *server) openAuthority() error {
	var err error
	if s.ca, err = newAuthority(); err != nil {
		return err
	}
	now := time.Now()
	if s.cert, s.key, err = s.ca.issue(now.Add(-time.Hour), now.AddDate(0, 3, 0)); err != nil {
		return err
	}
	if s.tls.good, err = tls.X509KeyPair(s.cert, s.key); err != nil {
		return fmt.Errorf("use the practice certificate: %w", err)
	}
	cert, key, err := s.ca.issue(now.AddDate(0, -3, 0), now.Add(-24*time.Hour))
	if err != nil {
		return err
	}
	if s.tls.expired, err = tls.X509KeyPair(cert, key); err != nil {
		return fmt.Errorf("use the practice certificate: %w", err)
	}
	if cert, key, err = s.ca.issue(now.AddDate(0, -3, 0), now.AddDate(0, 0, 5)); err != nil {
		return err
	}
	if s.tls.ending, err = tls.X509KeyPair(cert, key); err != nil {
		return fmt.Errorf("use the practice certificate: %w", err)
	}
	return s.write("ca.pem", string(s.ca.pem))
}

// certificate is what a front of the world serves now.
func (s *server) certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	switch {
	case s.broken("expired"):
		return &s.tls.expired, nil
	case s.broken("certificate"):
		return &s.tls.ending, nil
	}
	return &s.tls.good, nil
}
