package check

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"runbook/steps"
)

// Certificate is check.certificate: a certificate as it lies in a file, before
// a server uses it.
//
//	check.certificate = { cert = "certs/fullchain.pem", key = "certs/privkey.pem", names = ["app.example.com"] }
//
//	cert       PEM, relative to the target's dir: the server's certificate, and
//	           the intermediates behind it
//	key        PEM: its key, which must belong to it and be nobody else's to read
//	           (mode at most 0600)
//	names      names and addresses that it must be for
//	days       it must hold at least this long; default "14"
//	warn_days  shorter than this warns; default "30"
//
// pass: all that is given holds, and the file's chain leads to a root that is
// trusted here. warn: fewer than warn_days are left, or it leads to no such
// root: an intermediate is missing, or only others trust it. fail: a file is
// missing or is no such PEM, the certificates do not follow each other, or one
// of the above does not hold. unknown: a file cannot be read, or the key is
// encrypted.
type Certificate struct {
	Cert     string   `mapstructure:"cert"`
	Key      string   `mapstructure:"key"`
	Names    []string `mapstructure:"names"`
	Days     string   `mapstructure:"days"`
	WarnDays string   `mapstructure:"warn_days"`
}

// Touches is false: it reads.
func (c *Certificate) Touches() bool { return false }

// Validate reports a missing file and limits that are no numbers.
func (c *Certificate) Validate() error {
	if c.Cert == "" {
		return errors.New("cert: missing")
	}
	return validDays(c.Days, c.WarnDays)
}

// Do reads both files.
func (c *Certificate) Do(_ context.Context, w *steps.World) steps.Result {
	return measure(outside(c.Cert), func(r *steps.Result) {
		if err := c.Validate(); err != nil {
			r.Decide(steps.Unknown, "%v", err)
			return
		}
		data, _, ok := readPEM(w, r, "cert", c.Cert)
		if !ok {
			return
		}
		chain, err := certificatesIn(data)
		if err != nil {
			r.Decide(steps.Fail, "cert: %v", err)
			return
		}
		r.Decide(steps.Pass, "")
		c.judgeChain(w, r, chain)
		if c.Key != "" {
			c.judgeKey(w, r, chain[0])
		}
		showCertificate(r, chain[0])
	})
}

// judgeChain holds the certificates against times, names, each other and roots.
func (c *Certificate) judgeChain(w *steps.World, r *steps.Result, chain []*x509.Certificate) {
	between := x509.NewCertPool()
	for _, link := range chain[1:] {
		between.AddCert(link)
	}
	verified, err := chain[0].Verify(x509.VerifyOptions{Roots: w.Roots, Intermediates: between})
	judgeDays(r, soonest(verified, chain[0]), c.Days, c.WarnDays)
	if len(c.Names) > 0 {
		judgeNames(r, chain[0], c.Names)
	}
	for i, link := range chain[1:] {
		if chain[i].CheckSignatureFrom(link) != nil {
			r.Worsen(steps.Fail, "the certificate of %s is not signed by the next in the file, %s", subject(chain[i]), subject(link))
		}
	}
	r.Saw("trusted", yesNo(err == nil), "yes", "")
	r.Saw("chain", strconv.Itoa(len(chain)), "", "certificates")
	if err == nil {
		return
	}
	why := "it leads to no root that is trusted here"
	if last := chain[len(chain)-1]; len(chain) == 1 && string(last.RawIssuer) == string(last.RawSubject) {
		why = "it is self signed"
	} else if len(chain) == 1 {
		why = "no intermediate is in the file"
	}
	r.Worsen(steps.Warn, "the certificate of %s is not trusted: %s", subject(chain[0]), why)
}

// judgeKey holds the key's file, and the key against the certificate.
func (c *Certificate) judgeKey(w *steps.World, r *steps.Result, leaf *x509.Certificate) {
	var one steps.Result
	data, mode, ok := readPEM(w, &one, "key", c.Key)
	if !ok {
		r.Worsen(one.Verdict, "%s", one.Reason)
		return
	}
	r.Saw("key mode", fmt.Sprintf("%#o", mode.Perm()), "0600", "")
	if mode.Perm()&^0o600 != 0 {
		r.Worsen(steps.Fail, "the key's mode is %#o, wanted at most 0600", mode.Perm())
	}
	key, err := keyIn(data)
	switch {
	case errors.Is(err, errEncryptedKey):
		r.Worsen(steps.Unknown, "key: %v", err)
		return
	case err != nil:
		r.Worsen(steps.Fail, "key: %v", err)
		return
	}
	// Every public key of the standard library can be compared.
	public, ok := key.Public().(interface{ Equal(crypto.PublicKey) bool })
	belongs := ok && public.Equal(leaf.PublicKey)
	r.Saw("key belongs to it", yesNo(belongs), "yes", "")
	if !belongs {
		r.Worsen(steps.Fail, "the key does not belong to the certificate")
	}
}

// readPEM reads a file, and sets the result if it cannot.
func readPEM(w *steps.World, r *steps.Result, field, path string) ([]byte, fs.FileMode, bool) {
	if !filepath.IsAbs(path) {
		path = filepath.Join(w.Dir, path)
	}
	if !filepath.IsAbs(path) {
		r.Decide(steps.Unknown, "%s is relative, and the target has no dir", field)
		return nil, 0, false
	}
	// Without O_NONBLOCK, opening a named pipe would wait for its writer.
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		r.Decide(steps.Fail, "%s: the file does not exist", field)
		return nil, 0, false
	}
	if err != nil {
		r.Decide(steps.Unknown, "%s cannot be read: %s", field, bare(err))
		return nil, 0, false
	}
	defer func() { _ = file.Close() }() // only read from
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		r.Decide(steps.Unknown, "%s is not a regular file, its content is not read", field)
		return nil, 0, false
	}
	data, err := io.ReadAll(io.LimitReader(file, maxBody))
	if err != nil {
		r.Decide(steps.Unknown, "%s cannot be read: %s", field, bare(err))
		return nil, 0, false
	}
	return data, info.Mode(), true
}

// certificatesIn are those of a PEM file, in its order.
func certificatesIn(data []byte) ([]*x509.Certificate, error) {
	var all []*x509.Certificate
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("certificate %d of the file cannot be read", len(all)+1)
		}
		all = append(all, c)
	}
	if len(all) == 0 {
		return nil, errors.New("no certificate in PEM is in the file")
	}
	return all, nil
}

var errEncryptedKey = errors.New("it is encrypted, so it can't be held against the certificate")

// keyIn is the private key of a PEM file. No error quotes it.
func keyIn(data []byte) (crypto.Signer, error) {
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		var key any
		var err error
		switch {
		case block.Type == "ENCRYPTED PRIVATE KEY", block.Headers["DEK-Info"] != "":
			return nil, errEncryptedKey
		case block.Type == "PRIVATE KEY":
			key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
		case block.Type == "RSA PRIVATE KEY":
			key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
		case block.Type == "EC PRIVATE KEY":
			key, err = x509.ParseECPrivateKey(block.Bytes)
		default:
			continue
		}
		signer, ok := key.(crypto.Signer)
		if err != nil || !ok {
			return nil, errors.New("the private key cannot be read")
		}
		return signer, nil
	}
	return nil, errors.New("no private key in PEM is in the file")
}
