// Package mail speaks SMTP with a server of the World: to look at it, and to
// send a letter.
package mail

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/smtp"
	"net/textproto"
	"slices"
	"strings"
	"time"

	"runbook/steps"
	"runbook/steps/reach"
	"runbook/steps/safetext"
)

// Account is a mail server and who one is there: the fields that every kind of
// step has which speaks SMTP.
type Account struct {
	Address  string `mapstructure:"address"`
	StartTLS string `mapstructure:"starttls"` // "require" if empty, "tls" from the first byte, "none"
	User     string `mapstructure:"user"`
	Password string `mapstructure:"password"` // the name of a secret var
	Name     string `mapstructure:"name"`     // what we call ourselves in EHLO
}

// Validate reports a bad address, an unknown starttls, and a user without a
// password. Strings may still hold ${name}.
func (a Account) Validate() error {
	filled := func(s string) bool { return !strings.Contains(s, "${") }
	host, port, err := net.SplitHostPort(a.Address)
	switch {
	case filled(a.Address) && (err != nil || host == "" || port == ""):
		return fmt.Errorf("address: %q is not host:port", a.Address)
	case filled(a.StartTLS) && !slices.Contains([]string{"", "require", "tls", "none"}, a.StartTLS):
		return fmt.Errorf("starttls: want require, tls or none, not %q", a.StartTLS)
	case (a.User == "") != (a.Password == ""):
		return errors.New("user and password: want both or neither")
	case strings.ContainsAny(a.Name, " \r\n"):
		return errors.New("name: want a host name")
	}
	return nil
}

// Session is a connection to a mail server that has taken TLS and credentials,
// as the account wants.
type Session struct {
	client *smtp.Client
	// TLS is the version that was agreed on, empty without.
	TLS string
}

// Open connects, greets, begins TLS and logs in. It is over with the context.
// The error is one that Fault knows.
func Open(ctx context.Context, w *steps.World, a Account, password steps.Secret) (*Session, error) {
	s, err := open(ctx, w, a, password)
	if err != nil && ctx.Err() != nil {
		return nil, ctx.Err() // and not what closing the connection came to
	}
	return s, err
}

func open(ctx context.Context, w *steps.World, a Account, password steps.Secret) (*Session, error) {
	conn, err := reach.Connect(ctx, w, a.Address, a.StartTLS == "tls")
	if err != nil {
		return nil, err
	}
	host, _, _ := net.SplitHostPort(a.Address) // it was dialled
	client, err := smtp.NewClient(conn, host)
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	s := &Session{client: client}
	if err := s.begin(w, a, password, host); err != nil {
		return nil, errors.Join(err, client.Close())
	}
	return s, nil
}

func (s *Session) begin(w *steps.World, a Account, password steps.Secret, host string) error {
	name := a.Name
	if name == "" {
		name = "localhost"
	}
	if err := s.client.Hello(name); err != nil {
		return err
	}
	if a.StartTLS == "" || a.StartTLS == "require" {
		if offered, _ := s.client.Extension("STARTTLS"); !offered {
			return refusal("the server offers no STARTTLS")
		}
		if err := s.client.StartTLS(reach.Secure(w, a.Address)); err != nil {
			return err
		}
	}
	if state, ok := s.client.TLSConnectionState(); ok {
		s.TLS = tls.VersionName(state.Version)
	}
	if a.User == "" {
		return nil
	}
	how, err := s.auth(a.User, password.Reveal(), host)
	if err != nil {
		return err
	}
	return s.client.Auth(how)
}

// auth chooses how to log in. Nobody's password goes over a line that others
// read: without TLS only to this machine.
func (s *Session) auth(user, password, host string) (smtp.Auth, error) {
	if ip := net.ParseIP(host); s.TLS == "" && host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, errUnencrypted
	}
	offered, names := s.client.Extension("AUTH")
	switch mechanisms := strings.Fields(strings.ToUpper(names)); {
	case !offered:
		return nil, refusal("the server offers no AUTH on this connection")
	case slices.Contains(mechanisms, "PLAIN"):
		return plain{user, password}, nil
	case slices.Contains(mechanisms, "LOGIN"):
		return &login{answers: []string{user, password}}, nil
	}
	return nil, refusal("the server offers neither AUTH PLAIN nor AUTH LOGIN, but " + safetext.Sample(names))
}

// errUnencrypted is ours, not the server's: nothing was sent.
var errUnencrypted = errors.New("the password is not sent without TLS")

// refusal is what a server does not do.
type refusal string

func (r refusal) Error() string { return string(r) }

// Send hands one letter over. The server has taken it if there is no error.
func (s *Session) Send(from, to string, letter []byte) error {
	if err := s.client.Mail(from); err != nil {
		return err
	}
	if err := s.client.Rcpt(to); err != nil {
		return err
	}
	body, err := s.client.Data()
	if err != nil {
		return err
	}
	if _, err := body.Write(letter); err != nil {
		return err
	}
	return body.Close()
}

// Close says goodbye. What comes of that changes nothing any more.
func (s *Session) Close() {
	if s.client.Quit() != nil {
		_ = s.client.Close()
	}
}

// Fault tells what an error of a session means: whole is the context of the
// caller, limit its own time limit.
func Fault(whole context.Context, limit time.Duration, err error) (steps.Verdict, string) {
	var said *textproto.Error
	var none refusal
	var garbled textproto.ProtocolError
	switch {
	case whole.Err() != nil:
	case errors.Is(err, errUnencrypted):
		return steps.Unknown, errUnencrypted.Error()
	case errors.As(err, &none):
		return steps.Fail, none.Error()
	case errors.As(err, &said) && (said.Code == 535 || said.Code == 534):
		return steps.Fail, "the server refuses the credentials: " + told(said)
	case errors.As(err, &said):
		return steps.Fail, "the server refuses: " + told(said)
	case errors.As(err, &garbled), errors.Is(err, reach.ErrTalkative):
		return steps.Fail, "the server does not speak SMTP there: " + safetext.Sample(err.Error())
	}
	return reach.Fault(whole, limit, err)
}

func told(said *textproto.Error) string {
	return safetext.Sample(fmt.Sprintf("%d %s", said.Code, said.Msg))
}
