package check

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"strings"
	"syscall"
	"time"

	"runbook/steps"
	"runbook/steps/reach"
)

// handshake is what one connection showed. The chain is there too when it does
// not verify, which err then says.
type handshake struct {
	chain    []*x509.Certificate
	verified [][]*x509.Certificate
	version  uint16
	cipher   uint16
	begun    bool // what went wrong before says nothing of what was offered
	err      error
}

// shake connects, speaks only the given versions and ciphers, and hangs up.
func (c *TLS) shake(whole context.Context, w *steps.World, least, most uint16, ciphers []uint16) (h handshake) {
	ctx, cancel := context.WithTimeout(whole, c.limit())
	defer cancel()
	conn, err := reach.Dial(w)(ctx, "tcp", c.Address)
	if err != nil {
		return handshake{err: err}
	}
	// What it showed is known by then; how it closes says nothing.
	defer func() { _ = conn.Close() }()
	hangUp := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Now()) })
	defer hangUp()
	if c.StartTLS == "smtp" {
		if err := startSMTP(conn); err != nil {
			return handshake{err: cause(ctx, err)}
		}
	}
	client := tls.Client(conn, &tls.Config{
		// What is old and weak is offered to see it refused.
		ServerName: c.name(), RootCAs: w.Roots, MinVersion: least, MaxVersion: most, CipherSuites: ciphers,
		VerifyConnection: func(state tls.ConnectionState) error {
			h.chain, h.verified = state.PeerCertificates, state.VerifiedChains
			return nil
		},
	})
	h.begun = true
	h.err = cause(ctx, client.HandshakeContext(ctx))
	state := client.ConnectionState()
	h.version, h.cipher = state.Version, state.CipherSuite
	var bad *tls.CertificateVerificationError
	if errors.As(h.err, &bad) {
		h.chain = bad.UnverifiedCertificates
	}
	return h
}

// cause is the end of the time instead of what it did to the connection.
func cause(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// accepted reports whether the server agreed to what was offered. What is no
// answer to that is an error.
func (h handshake) accepted() (bool, error) {
	switch {
	case !h.begun:
		return false, h.err
	case h.err == nil, len(h.chain) > 0: // a bad certificate comes after the agreement
		return true, nil
	case reach.Alerted(h.err), strings.Contains(h.err.Error(), "server selected unsupported protocol version"):
		return false, nil
	case h.hungUp():
		return false, nil // some servers hang up instead of saying no
	}
	return false, h.err
}

// hungUp reports that the server closed the connection without a word.
func (h handshake) hungUp() bool {
	return errors.Is(h.err, io.EOF) || errors.Is(h.err, io.ErrUnexpectedEOF) || errors.Is(h.err, syscall.ECONNRESET) || errors.Is(h.err, syscall.EPIPE)
}

// accepts tries what must be refused. Who hangs up on that may be hanging up on
// everybody by now: then it is asked for what it has shown already.
func (c *TLS) accepts(ctx context.Context, w *steps.World, least, most uint16, ciphers []uint16) (handshake, bool, error) {
	tried := c.shake(ctx, w, least, most, ciphers)
	accepted, err := tried.accepted()
	if err == nil && !accepted && tried.hungUp() {
		if again := c.shake(ctx, w, tls.VersionTLS10, tls.VersionTLS13, everyCipher()); len(again.chain) == 0 {
			err = errHangsUp
		}
	}
	return tried, accepted, err
}

var errHangsUp = errors.New("the server now hangs up on everybody")

// maxGreeting bounds what a mail server may say before TLS begins.
const maxGreeting = 16 << 10

// errMail is what a mail server did that does not lead to TLS.
var errMail = errors.New("the mail server")

// startSMTP leads a mail server to the point where TLS begins.
func startSMTP(conn net.Conn) error {
	server := textproto.NewConn(struct {
		io.Reader
		io.Writer
		io.Closer
	}{io.LimitReader(conn, maxGreeting), conn, conn})
	if _, err := answered(server, "", 220); err != nil {
		return err
	}
	offers, err := answered(server, "EHLO localhost", 250)
	if err != nil {
		return err
	}
	if !strings.Contains("\n"+strings.ToUpper(offers)+"\n", "\nSTARTTLS\n") {
		return fmt.Errorf("%w offers no STARTTLS", errMail)
	}
	if _, err := answered(server, "STARTTLS", 220); err != nil {
		return err
	}
	if server.R.Buffered() > 0 { // it would count as said under TLS
		return fmt.Errorf("%w says more before TLS begins", errMail)
	}
	return nil
}

// answered sends a line, if there is one, and wants a code.
func answered(server *textproto.Conn, line string, code int) (string, error) {
	if line != "" {
		if err := server.PrintfLine("%s", line); err != nil {
			return "", err
		}
	}
	_, text, err := server.ReadResponse(code)
	var refused *textproto.Error
	if errors.As(err, &refused) {
		return "", fmt.Errorf("%w answers %d %s, wanted %d", errMail, refused.Code, outside(refused.Msg), code)
	}
	return text, err
}

// everyCipher is all that can be offered, so that a server is refused by none
// of ours.
func everyCipher() []uint16 {
	var all []uint16
	for _, suite := range tls.CipherSuites() {
		all = append(all, suite.ID)
	}
	return append(all, weakCiphers()...)
}

func weakCiphers() []uint16 {
	var weak []uint16
	for _, suite := range tls.InsecureCipherSuites() {
		weak = append(weak, suite.ID)
	}
	return weak
}

// cipherName is empty for a handshake that ended before it was known.
func cipherName(id uint16) string {
	if id == 0 {
		return ""
	}
	return tls.CipherSuiteName(id)
}
