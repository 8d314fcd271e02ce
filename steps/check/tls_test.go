package check_test

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"runbook/steps"
	"runbook/steps/check"
)

// shakes is a TLS server that says nothing; before leads up to the handshake.
func shakes(t *testing.T, config *tls.Config, before func(net.Conn) bool) string {
	t.Helper()
	l := listen(t)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close() }()
				if before == nil || before(conn) {
					_ = tls.Server(conn, config).HandshakeContext(t.Context()) // what comes of it, the client tells
				}
			}()
		}
	}()
	return l.Addr().String()
}

func TestTLS(t *testing.T) {
	t.Parallel()
	a, key := newAuthority(t), newKey(t)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	with := func(c tls.Certificate, change func(*tls.Config)) string {
		config := &tls.Config{Certificates: []tls.Certificate{c}, MinVersion: tls.VersionTLS12}
		if change != nil {
			change(config)
		}
		return shakes(t, config, nil)
	}
	good := a.issue(t, leaf("mail.example", 90*day), key)
	expired, young := leaf("mail.example", -time.Hour), leaf("mail.example", 90*day)
	young.NotBefore = time.Now().Add(time.Hour)
	self := sign(t, leaf("mail.example", 90*day), leaf("mail.example", 90*day), key.Public(), key)
	for name, c := range map[string]struct {
		address string
		change  func(*check.TLS)
		verdict steps.Verdict
		reason  string
	}{
		"right":           {with(good, nil), nil, steps.Pass, ""},
		"by address":      {with(good, nil), func(c *check.TLS) { c.Name = "" }, steps.Pass, ""},
		"wrong name":      {with(good, nil), func(c *check.TLS) { c.Name = "www.example" }, steps.Fail, "for mail.example, 127.0.0.1, not for www.example"},
		"expired":         {with(a.issue(t, expired, key), nil), nil, steps.Fail, "CN=mail.example ended on"},
		"not yet":         {with(a.issue(t, young, key), nil), nil, steps.Fail, "not valid before"},
		"ends soon":       {with(a.issue(t, leaf("mail.example", 13*day+time.Hour), key), nil), nil, steps.Fail, "wanted at least 14 days"},
		"ends this month": {with(a.issue(t, leaf("mail.example", 20*day), key), nil), nil, steps.Warn, "fewer than 30 days"},
		"days of ours":    {with(a.issue(t, leaf("mail.example", 20*day), key), nil), func(c *check.TLS) { c.Days, c.WarnDays = "7", "7" }, steps.Pass, ""},
		"short chain":     {with(tls.Certificate{Certificate: good.Certificate[:1], PrivateKey: key}, nil), nil, steps.Fail, "the server sends no intermediate certificate"},
		"self signed":     {with(tls.Certificate{Certificate: [][]byte{self.Raw}, PrivateKey: key}, nil), nil, steps.Fail, "it is self signed"},
		"only TLS 1.0":    {with(good, func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS10 }), nil, steps.Fail, "chooses TLS 1.0, wanted at least TLS 1.2"},
		"allows TLS 1.1":  {with(good, func(c *tls.Config) { c.MinVersion = tls.VersionTLS11 }), nil, steps.Fail, "TLS 1.1 is accepted"},
		"1.1 is not ours": {with(good, func(c *tls.Config) { c.MinVersion = tls.VersionTLS11 }), func(c *check.TLS) { c.Refuse = []string{"1.0"} }, steps.Pass, ""},
		"no TLS 1.3": {with(good, func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }), func(c *check.TLS) {
			c.MinVersion = "1.3"
		}, steps.Fail, "chooses TLS 1.2"},
		"refuses TLS 1.2": {with(good, func(c *tls.Config) { c.MinVersion = tls.VersionTLS13 }), func(c *check.TLS) { c.MinVersion = "1.3" }, steps.Pass, ""},
		"allows TLS 1.2":  {with(good, nil), func(c *check.TLS) { c.MinVersion = "1.3" }, steps.Fail, "TLS 1.2 is accepted"},
		"weak ciphers": {with(a.issue(t, leaf("mail.example", 90*day), rsaKey), func(c *tls.Config) {
			c.CipherSuites = []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA}
		}), nil, steps.Warn, "weak ciphers are accepted: one of them TLS_RSA_WITH_AES_128_CBC_SHA"},
		"hangs up later": {hangsUp(t, a, good), nil, steps.Unknown, "TLS 1.0 could not be tried"},
		"wants ours too": {with(good, func(c *tls.Config) { c.ClientAuth = tls.RequireAnyClientCert; c.MaxVersion = tls.VersionTLS12 }), nil, steps.Pass, ""},
		"no TLS":         {strings.TrimPrefix(serve(t, api), "http://"), nil, steps.Fail, "does not speak TLS"},
		"refused":        {closedPort(t), nil, steps.Fail, "connection refused"},
		"silent":         {silent(t), func(c *check.TLS) { c.Timeout = short(80 * time.Millisecond) }, steps.Fail, "no answer within 80ms"},
		"metadata":       {"169.254.169.254:443", nil, steps.Unknown, "metadata"},
		"no port":        {"localhost", nil, steps.Unknown, "not host:port"},
		"no version":     {with(good, nil), func(c *check.TLS) { c.Refuse = []string{"SSLv3"} }, steps.Unknown, "no version of TLS"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			probe := &check.TLS{Address: c.address, Name: "mail.example"}
			if c.change != nil {
				c.change(probe)
			}
			w := world(t, nil)
			w.Roots = a.roots()
			r := do(t, probe, w)
			want(t, r, c.verdict, c.reason)
			if c.verdict == steps.Pass && r.Evidence[0].Label != "days left" {
				t.Errorf("days left come after %+v", r.Evidence[0])
			}
		})
	}
}

// hangsUp answers the first who comes, and hangs up on all others, as what limits
// connections does.
func hangsUp(t *testing.T, _ *authority, good tls.Certificate) string {
	t.Helper()
	l := listen(t)
	go func() {
		for first := true; ; first = false {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			if first {
				_ = tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{good}, MinVersion: tls.VersionTLS10}).HandshakeContext(t.Context())
			}
			_ = conn.Close()
		}
	}()
	return l.Addr().String()
}

func TestTLSFields(t *testing.T) {
	t.Parallel()
	c := decode[*check.TLS](t, "tls", map[string]any{
		"address": "${edge}", "name": "${domain}", "days": "${days}", "warn_days": "30", "min_version": "1.2", "refuse": []string{"1.0", "1.1"}, "starttls": "smtp", "timeout": "5s",
	})
	if c.Touches() || len(c.Refuse) != 2 {
		t.Errorf("tls: %+v", c)
	}
	for _, wrong := range []check.TLS{{}, {Address: "x"}, {Address: "x:1", Days: "soon"}, {Address: "x:1", MinVersion: "3"}, {Address: "x:1", StartTLS: "pop3"}} {
		if wrong.Validate() == nil {
			t.Errorf("%+v is valid", wrong)
		}
	}
}

// The end of a chain is that of its first link to end.
func TestTLSIntermediateEnds(t *testing.T) {
	t.Parallel()
	a, key := newAuthority(t), newKey(t)
	a.middle.NotAfter = time.Now().Add(5 * day)
	a.middle = sign(t, a.middle, a.root, a.middleKey.Public(), a.rootKey)
	w := world(t, nil)
	w.Roots = a.roots()
	address := shakes(t, &tls.Config{Certificates: []tls.Certificate{a.issue(t, leaf("mail.example", 90*day), key)}}, nil)
	want(t, do(t, &check.TLS{Address: address}, w), steps.Fail, "CN=Test Intermediate ends on")
}

// What an old version got for an answer was not a no: nothing is known of it.
func TestTLSVersionNotTried(t *testing.T) {
	t.Parallel()
	a, key := newAuthority(t), newKey(t)
	w := world(t, nil)
	w.Roots = a.roots()
	asked := make(chan struct{}) // never closed: an old client waits
	old := func(hello *tls.ClientHelloInfo) bool { return slices.Max(hello.SupportedVersions) < tls.VersionTLS12 }
	waits := &tls.Config{Certificates: []tls.Certificate{a.issue(t, leaf("mail.example", 90*day), key)}, GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if old(hello) {
			select {
			case <-asked:
			case <-t.Context().Done():
			}
		}
		return nil, nil
	}}
	c := &check.TLS{Address: shakes(t, waits, nil), Refuse: []string{"1.0"}, Timeout: short(3 * time.Second)}
	want(t, do(t, c, w), steps.Unknown, "could not be tried")
	hangs := waits.Clone()
	hangs.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if old(hello) {
			return nil, errors.Join(hello.Conn.Close(), errors.New("hung up"))
		}
		return nil, nil
	}
	want(t, do(t, &check.TLS{Address: shakes(t, hangs, nil)}, w), steps.Pass, "")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	want(t, c.Do(ctx, w), steps.Unknown, "interrupted")
}

func TestTLSOfAMailServer(t *testing.T) {
	t.Parallel()
	a, key := newAuthority(t), newKey(t)
	w := world(t, nil)
	w.Roots = a.roots()
	// greets says each text when the last line was read; the last leads to TLS.
	greets := func(texts ...string) func(net.Conn) bool {
		return func(conn net.Conn) bool {
			lines := bufio.NewScanner(conn)
			for i, text := range texts {
				if i > 0 && !lines.Scan() {
					return false
				}
				if _, err := fmt.Fprint(conn, text); err != nil {
					return false
				}
			}
			return true
		}
	}
	config := &tls.Config{Certificates: []tls.Certificate{a.issue(t, leaf("mail.example", 90*day), key)}}
	for name, c := range map[string]struct {
		before  func(net.Conn) bool
		verdict steps.Verdict
		reason  string
	}{
		"right":       {greets("220 hi\r\n", "250-mail.example\r\n250-SIZE 1\r\n250 STARTTLS\r\n", "220 go\r\n"), steps.Pass, ""},
		"not offered": {greets("220 hi\r\n", "250-mail.example\r\n250 SIZE 1\r\n"), steps.Fail, "offers no STARTTLS"},
		"busy":        {greets("421 busy\x1b[2J\r\n"), steps.Fail, "answers 421 busy"},
		"refused":     {greets("220 hi\r\n", "250-m\r\n250 STARTTLS\r\n", "454 no\r\n"), steps.Fail, "answers 454 no, wanted 220"},
		"injected":    {greets("220 hi\r\n", "250-m\r\n250 STARTTLS\r\n", "220 go\r\n250 more\r\n"), steps.Fail, "more before TLS begins"},
		"endless":     {greets(strings.Repeat("220-hi\r\n", 1<<13)), steps.Fail, "closed without an answer"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := do(t, &check.TLS{Address: shakes(t, config, c.before), StartTLS: "smtp", Name: "mail.example"}, w)
			want(t, r, c.verdict, c.reason)
			never(t, r, "\x1b")
		})
	}
	var connected atomic.Int32
	once := shakes(t, config, func(conn net.Conn) bool {
		return connected.Add(1) == 1 && greets("220 hi\r\n", "250-m\r\n250 STARTTLS\r\n", "220 go\r\n")(conn)
	})
	r := do(t, &check.TLS{Address: once, StartTLS: "smtp", Name: "mail.example"}, w)
	want(t, r, steps.Unknown, "TLS 1.0 could not be tried")
	if got := evidence(t, r, "TLS 1.1").Value; got != "not known" {
		t.Errorf("TLS 1.1 is %s, but the server hung up before TLS began", got)
	}
	web := shakes(t, &tls.Config{Certificates: config.Certificates}, nil)
	want(t, do(t, &check.TLS{Address: web, StartTLS: "smtp", Timeout: short(100 * time.Millisecond)}, w), steps.Fail, "no answer within")
}

// What a certificate says of itself is outside text.
func TestTLSHostileCertificate(t *testing.T) {
	t.Parallel()
	a, key := newAuthority(t), newKey(t)
	template := leaf("mail.example", 90*day)
	template.Subject.CommonName = "\x1b]0;owned\x07\u202eevil"
	w := world(t, nil)
	w.Roots = x509.NewCertPool()
	r := do(t, &check.TLS{Address: shakes(t, &tls.Config{Certificates: []tls.Certificate{a.issue(t, template, key)}}, nil)}, w)
	want(t, r, steps.Fail, "unknown authority: CN=Test Root")
	never(t, r, "\x1b", "\x07", "\u202e")
}
