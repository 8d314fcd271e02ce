// Package reach is how a step gets to a server: through its World, never to a
// link-local (metadata) address, with TLS that verifies, and with words for
// what went wrong.
package reach

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"syscall"
	"time"

	"runbook/steps"
	"runbook/steps/safetext"
)

// ErrRefused marks an address that we do not connect to.
var ErrRefused = errors.New("link-local and metadata addresses are not connected to")

// metadata is where clouds answer over IPv6 for what 169.254.169.254 is in IPv4.
var metadata = netip.MustParseAddr("fd00:ec2::254")

func forbidden(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		host = address
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return false
	}
	ip = ip.Unmap().WithZone("")
	return ip.IsLinkLocalUnicast() || ip.IsLinkLocalMulticast() || ip == metadata
}

// Dial opens connections through the World. A name that resolves to a
// forbidden address is caught before a byte is sent. Libraries dial in
// goroutines of their own, where nobody else would take up a panic: it is an
// error.
func Dial(w *steps.World) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (conn net.Conn, err error) {
		defer func() {
			if p := recover(); p != nil {
				conn, err = nil, fmt.Errorf("opening the connection broke (%T): report it as a defect of runbook", p)
			}
		}()
		if w.Dial == nil {
			return nil, errors.New("this world opens no connections")
		}
		if forbidden(address) {
			return nil, fmt.Errorf("%s: %w", address, ErrRefused)
		}
		conn, err = w.Dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		if forbidden(conn.RemoteAddr().String()) {
			return nil, errors.Join(fmt.Errorf("%s: %w", address, ErrRefused), conn.Close())
		}
		return conn, nil
	}
}

// Connect opens a connection for a protocol that is read by a library: it
// takes 1 MiB and no more, and is closed when the context ends. Secured, the
// certificate must be for the address's host.
func Connect(ctx context.Context, w *steps.World, address string, secured bool) (net.Conn, error) {
	conn, err := Dial(w)(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	bounded := &boundedConn{Conn: conn, left: maxRead}
	bounded.release = context.AfterFunc(ctx, func() { _ = conn.Close() })
	if !secured {
		return bounded, nil
	}
	over := tls.Client(bounded, Secure(w, address))
	if err := over.HandshakeContext(ctx); err != nil {
		return nil, errors.Join(err, over.Close())
	}
	return over, nil
}

// Secure is the TLS of a connection to an address of the World.
func Secure(w *steps.World, address string) *tls.Config {
	host, _, _ := net.SplitHostPort(address) // an address without a port was not dialled
	return &tls.Config{RootCAs: w.Roots, ServerName: host, MinVersion: tls.VersionTLS12}
}

// maxRead bounds what Connect reads of a server, in bytes.
const maxRead = 1 << 20

// ErrTalkative ends a connection whose server says more than a check reads.
var ErrTalkative = errors.New("the server sent over 1 MiB")

// boundedConn is a connection that takes so many bytes and no more.
type boundedConn struct {
	net.Conn
	left    int
	release func() bool // of the context
}

func (b *boundedConn) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, ErrTalkative
	}
	n, err := b.Conn.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

func (b *boundedConn) Close() error {
	b.release()
	return b.Conn.Close()
}

// Fault tells what an error of a connection means: the service's fault
// (fail) or a measurement that did not happen (unknown). whole is the context
// of the caller, limit the service's own time limit.
func Fault(whole context.Context, limit time.Duration, err error) (steps.Verdict, string) {
	if whole.Err() != nil {
		return steps.Unknown, "interrupted before an answer came"
	}
	// url.Error prints the whole URL, which may hold a token.
	var inURL *url.Error
	if errors.As(err, &inURL) {
		err = inURL.Err
	}
	var name *net.DNSError
	var timeout net.Error
	switch {
	case errors.Is(err, ErrRefused):
		return steps.Unknown, ErrRefused.Error()
	case errors.As(err, &name) && name.IsNotFound:
		return steps.Fail, "the name does not resolve"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return steps.Fail, fmt.Sprintf("no answer within %s", steps.Duration(limit))
	case errors.As(err, &name):
		return steps.Fail, "the name server failed"
	case errors.Is(err, syscall.ECONNREFUSED):
		return steps.Fail, "connection refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return steps.Fail, "the connection was closed without an answer"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return steps.Fail, "host unreachable"
	}
	if reason := BadCertificate(err); reason != "" {
		return steps.Fail, reason
	}
	return steps.Unknown, "could not be asked: " + safetext.Sample(err.Error())
}

// UnknownAuthority is what BadCertificate says of a chain that ends nowhere we
// trust.
const UnknownAuthority = "the certificate is signed by an unknown authority"

// BadCertificate says what is wrong with a server's TLS, or nothing if the
// error is about something else.
func BadCertificate(err error) string {
	var verify *tls.CertificateVerificationError
	var noTLS tls.RecordHeaderError
	var authority x509.UnknownAuthorityError
	var hostname x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &authority):
		return UnknownAuthority
	case errors.As(err, &hostname):
		return "the certificate is for another name"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "the certificate has expired or is not yet valid"
	case errors.As(err, &verify), errors.As(err, &invalid):
		return "the certificate does not verify"
	case errors.As(err, &noTLS), errors.Is(err, http.ErrSchemeMismatch):
		return "the server does not speak TLS there"
	case Alerted(err):
		return "the server refused the TLS handshake"
	}
	return ""
}

// Alerted reports that a server answered a handshake with an alert.
func Alerted(err error) bool {
	var remote *net.OpError
	return errors.As(err, &remote) && remote.Op == "remote error"
}
