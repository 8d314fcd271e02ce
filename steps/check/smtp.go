package check

import (
	"context"
	"time"

	"runbook/steps"
	"runbook/steps/mail"
)

// SMTP is check.smtp: a mail server that takes us, as far as it goes without
// sending a mail.
//
//	check.smtp = { address = "${smtp_address}", user = "${mail_user}", password = "smtp_password" }
//
//	address   "host:port"
//	starttls  "require" (default): TLS by STARTTLS, and the certificate is for
//	          the host; "tls": TLS from the first byte; "none": no TLS
//	user      logs in, with AUTH PLAIN or LOGIN; default: does not
//	password  a secret var of the book
//	name      what we call ourselves in EHLO; default "localhost"
//	timeout   for everything; default "10s"
//
// pass: it greets, TLS and credentials are taken. fail: it refuses, is silent,
// offers no STARTTLS or no AUTH, shows a bad certificate, or speaks something
// else. unknown: the password would go without TLS to another machine.
type SMTP struct {
	mail.Account `mapstructure:",squash"`
	Timeout      steps.Duration `mapstructure:"timeout"`
}

// Touches is false: it greets, logs in and takes its leave.
func (c *SMTP) Touches() bool { return false }

// SecretVars is its password.
func (c *SMTP) SecretVars() []SecretVar { return []SecretVar{{"password", c.Password}} }

func (c *SMTP) limit() time.Duration {
	if c.Timeout == 0 {
		return 10 * time.Second
	}
	return c.Timeout.D()
}

// Do opens a session and closes it.
func (c *SMTP) Do(whole context.Context, w *steps.World) steps.Result {
	return measure("smtp "+outside(c.Address), func(r *steps.Result) {
		if err := c.Validate(); err != nil {
			r.Decide(steps.Unknown, "%v", err)
			return
		}
		ctx, cancel := context.WithTimeout(whole, c.limit())
		defer cancel()
		if s := openMail(ctx, whole, w, r, c.Account, c.limit()); s != nil {
			s.Close()
		}
	})
}

// openMail opens a session and says of it what was seen; nil if there is none.
func openMail(ctx, whole context.Context, w *steps.World, r *steps.Result, a mail.Account, limit time.Duration) *mail.Session {
	password, err := secretVar(ctx, w, a.Password)
	if err != nil {
		r.Decide(steps.Unknown, "%v", err)
		return nil
	}
	began := time.Now()
	s, err := mail.Open(ctx, w, a, password)
	if err != nil {
		verdict, reason := mail.Fault(whole, limit, err)
		r.Decide(verdict, "%s", redact(reason, []steps.Secret{password}))
		return nil
	}
	r.Decide(steps.Pass, "")
	r.Saw("answered", milliseconds(time.Since(began)), "", "ms")
	if a.StartTLS == "none" {
		r.Saw("encrypted", "no", "", "")
	} else {
		r.Saw("encrypted", s.TLS, "TLS 1.2 or later", "")
	}
	if a.User != "" {
		r.Saw("credentials", "taken", "taken", "")
	}
	return s
}
