package check_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"runbook/steps"
	"runbook/steps/check"
	"runbook/steps/mail"
	"runbook/steps/mail/inbox"
)

const mailPassword = "M4il-Pa55word"

// mailWorld has the passwords, and trusts what the TLS is for: 127.0.0.1 and
// example.com.
func mailWorld(t *testing.T) (*steps.World, *tls.Config) {
	t.Helper()
	web := httptest.NewTLSServer(nil) // for its certificate
	t.Cleanup(web.Close)
	w := world(t, map[string]map[string]string{"secrets": {"good": mailPassword, "bad": "wr0ng-Pa55word"}})
	w.Roots = x509.NewCertPool()
	w.Roots.AddCert(web.Certificate())
	return w, &tls.Config{Certificates: web.TLS.Certificates, MinVersion: tls.VersionTLS12}
}

func TestSMTP(t *testing.T) {
	t.Parallel()
	w, secured := mailWorld(t)
	stranger := world(t, nil)
	starttls := (&inbox.Server{TLS: secured, User: "ci", Password: mailPassword}).Open(t)
	direct := (&inbox.Server{TLS: secured, Direct: true, User: "ci", Password: mailPassword, Login: true}).Open(t)
	bare := (&inbox.Server{User: "ci", Password: mailPassword}).Open(t)
	far := *w
	far.Dial = dialInstead(w.Dial, "mail.example:25", bare)
	type account = mail.Account
	for name, c := range map[string]struct {
		w       *steps.World
		account account
		verdict steps.Verdict
		reason  string
	}{
		"greets":                {w, account{Address: starttls}, steps.Pass, ""},
		"takes credentials":     {w, account{Address: starttls, User: "ci", Password: "good"}, steps.Pass, ""},
		"refuses them":          {w, account{Address: starttls, User: "ci", Password: "bad"}, steps.Fail, "refuses the credentials: 535"},
		"an unknown user":       {w, account{Address: starttls, User: "eve", Password: "good"}, steps.Fail, "refuses the credentials"},
		"a secret nobody has":   {w, account{Address: starttls, User: "ci", Password: "none"}, steps.Unknown, "secret not available"},
		"a bad certificate":     {stranger, account{Address: starttls}, steps.Fail, "unknown authority"},
		"TLS at once":           {w, account{Address: direct, StartTLS: "tls", User: "ci", Password: "good"}, steps.Pass, ""},
		"TLS at once, refused":  {w, account{Address: direct, StartTLS: "tls", User: "ci", Password: "bad"}, steps.Fail, "refuses the credentials"},
		"no TLS there":          {w, account{Address: bare, StartTLS: "tls"}, steps.Fail, "does not speak TLS"},
		"no STARTTLS":           {w, account{Address: bare}, steps.Fail, "offers no STARTTLS"},
		"none wanted":           {w, account{Address: bare, StartTLS: "none"}, steps.Pass, ""},
		"in the clear, at home": {w, account{Address: bare, StartTLS: "none", User: "ci", Password: "good"}, steps.Pass, ""},
		"in the clear, abroad":  {&far, account{Address: "mail.example:25", StartTLS: "none", User: "ci", Password: "good"}, steps.Unknown, "not sent without TLS"},
		"AUTH behind TLS only":  {w, account{Address: starttls, StartTLS: "none", User: "ci", Password: "good"}, steps.Fail, "offers no AUTH"},
		"refused":               {w, account{Address: closedPort(t)}, steps.Fail, "connection refused"},
		"metadata":              {w, account{Address: "169.254.169.254:25"}, steps.Unknown, "metadata"},
		"a user alone":          {w, account{Address: bare, User: "ci"}, steps.Unknown, "want both or neither"},
		"a mistyped starttls":   {w, account{Address: bare, StartTLS: "yes"}, steps.Unknown, "want require, tls or none"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := do(t, &check.SMTP{Account: c.account}, c.w)
			want(t, r, c.verdict, c.reason)
			never(t, r, mailPassword, "wr0ng")
			if c.verdict == steps.Pass && c.account.StartTLS != "none" {
				if seen := evidence(t, r, "encrypted").Value; seen != "TLS 1.3" {
					t.Errorf("encrypted with %q", seen)
				}
			}
		})
	}
}

func TestSMTPThatIsNone(t *testing.T) {
	t.Parallel()
	w, _ := mailWorld(t)
	at := func(address string) *check.SMTP {
		return &check.SMTP{Account: mail.Account{Address: address}, Timeout: short(100 * time.Millisecond)}
	}
	web := listen(t)
	go func() {
		for {
			conn, err := web.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(conn, "HTTP/1.1 400 Bad Request\x1b[2J\r\n\r\n")
			_ = conn.Close()
		}
	}()
	want(t, do(t, at(web.Addr().String()), w), steps.Fail, "does not speak SMTP")
	want(t, do(t, at(silent(t)), w), steps.Fail, "no answer within 100ms")
	full := listen(t)
	go func() {
		for {
			conn, err := full.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(conn, "421 too many\x1b[2J connections\r\n")
			_ = conn.Close()
		}
	}()
	r := do(t, at(full.Addr().String()), w)
	want(t, r, steps.Fail, "refuses: 421 too many")
	never(t, r, "\x1b")
	talks := listen(t)
	go func() {
		for {
			conn, err := talks.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(conn, "220-"+strings.Repeat("x", 2<<20))
			_ = conn.Close()
		}
	}()
	patient := at(talks.Addr().String())
	patient.Timeout = 0
	want(t, do(t, patient, w), steps.Fail, "over 1 MiB")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	want(t, at(silent(t)).Do(ctx, w), steps.Unknown, "interrupted")
}
