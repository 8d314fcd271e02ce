// Package inbox is a real mail server for tests, which keeps what it is given.
package inbox

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/mail"
	"sync"
	"testing"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// Server is the server: its fields are set before Open.
type Server struct {
	TLS            *tls.Config // offers STARTTLS, and AUTH only behind it
	Direct         bool        // TLS from the first byte instead
	User, Password string      // whom it takes; everybody if there is no user
	Login          bool        // AUTH LOGIN instead of PLAIN
	Lost           bool        // it takes letters, and they are never seen again
	Refuse         string      // said to every MAIL

	mu      sync.Mutex
	letters []Letter
}

// Letter is one that was taken.
type Letter struct {
	From    string `json:"from"`
	To      string `json:"to"`
	Subject string `json:"subject"`
	Body    string `json:"body"`
}

// Open serves until the test ends, and answers where.
func (s *Server) Open(t *testing.T) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &delivery{server: s}, nil }))
	server.Domain, server.ErrorLog = "localhost", log.New(io.Discard, "", 0)
	server.TLSConfig, server.AllowInsecureAuth = s.TLS, s.TLS == nil
	if s.Direct {
		l, server.TLSConfig = tls.NewListener(l, s.TLS), nil
	}
	done := make(chan error, 1)
	go func() { done <- server.Serve(l) }()
	t.Cleanup(func() {
		if err := errors.Join(server.Close(), <-done); err != nil {
			t.Error(err)
		}
	})
	return l.Addr().String()
}

// Letters are those that were taken so far.
func (s *Server) Letters() []Letter {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Letter{}, s.letters...)
}

// ServeHTTP shows the letters as JSON.
func (s *Server) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(s.Letters()) // a client that left is nobody's error
}

type delivery struct {
	server   *Server
	known    bool
	from, to string
}

func (d *delivery) AuthMechanisms() []string {
	if d.server.Login {
		return []string{"LOGIN"}
	}
	return []string{sasl.Plain}
}

func (d *delivery) Auth(mechanism string) (sasl.Server, error) {
	check := func(_, user, password string) error {
		if user != d.server.User || password != d.server.Password {
			return smtp.ErrAuthFailed
		}
		d.known = true
		return nil
	}
	if mechanism == "LOGIN" {
		return &login{check: check}, nil
	}
	return sasl.NewPlainServer(check), nil
}

func (d *delivery) Mail(from string, _ *smtp.MailOptions) error {
	switch {
	case d.server.Refuse != "":
		return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: d.server.Refuse}
	case d.server.User != "" && !d.known:
		return smtp.ErrAuthRequired
	}
	d.from = from
	return nil
}

func (d *delivery) Rcpt(to string, _ *smtp.RcptOptions) error {
	d.to = to
	return nil
}

func (d *delivery) Data(r io.Reader) error {
	m, err := mail.ReadMessage(r)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(m.Body)
	if err != nil || d.server.Lost {
		return err
	}
	d.server.mu.Lock()
	defer d.server.mu.Unlock()
	d.server.letters = append(d.server.letters, Letter{From: d.from, To: d.to, Subject: m.Header.Get("Subject"), Body: string(body)})
	return nil
}

func (d *delivery) Reset()        { d.from, d.to = "", "" }
func (d *delivery) Logout() error { return nil }

// login is the server's side of AUTH LOGIN.
type login struct {
	check func(identity, user, password string) error
	got   []string
}

func (l *login) Next(response []byte) ([]byte, bool, error) {
	if response != nil {
		l.got = append(l.got, string(response))
	}
	switch len(l.got) {
	case 0:
		return []byte("Username:"), false, nil
	case 1:
		return []byte("Password:"), false, nil
	}
	return nil, true, l.check("", l.got[0], l.got[1])
}
