package neighbours

import (
	"context"
	"crypto/subtle"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/mail"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// keptMails is how many the sink keeps.
const keptMails = 200

// Post is a mail server that takes mail from its one user, over TLS, and hands
// all of it to whoever looks into the sink.
type Post struct {
	Addr           string
	user, password string
	server         *smtp.Server

	mu      sync.Mutex
	mails   []letter
	figures Figures
}

// Figures are what a mail server counts since its start: mails that it took,
// recipients that it refused, and mails that it is taking now.
type Figures struct{ Taken, Refused, Taking int }

// letter is a mail as the sink shows it.
type letter struct {
	From     string              `json:"from"`
	To       []string            `json:"to"`
	Subject  string              `json:"subject"`
	Received time.Time           `json:"received"`
	Headers  map[string][]string `json:"headers"`
	Body     string              `json:"body"`
}

// OpenPost listens on a free port of 127.0.0.1.
func OpenPost(ctx context.Context, user, password string, certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)) (*Post, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start the mail server: %w", err)
	}
	p := &Post{Addr: l.Addr().String(), user: user, password: password}
	p.server = smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &delivery{post: p}, nil }))
	p.server.Domain, p.server.MaxMessageBytes, p.server.MaxRecipients = "localhost", 1<<20, 10
	p.server.ReadTimeout, p.server.WriteTimeout = 30*time.Second, 30*time.Second
	p.server.TLSConfig = &tls.Config{GetCertificate: certificate, MinVersion: tls.VersionTLS12}
	p.server.ErrorLog = log.New(io.Discard, "", 0) // a client that leaves is nobody's error
	go func() { _ = p.server.Serve(l) }()          // ends with ErrServerClosed
	return p, nil
}

// Close ends it at once.
func (p *Post) Close() { _ = p.server.Close() }

// Figures are those of now.
func (p *Post) Figures() Figures {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.figures
}

func (p *Post) count(change func(*Figures)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(&p.figures)
}

// ServeHTTP shows the mails, the newest first.
func (p *Post) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	shown := slices.Clone(p.mails)
	slices.Reverse(shown)
	if shown == nil {
		shown = []letter{}
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_ = json.NewEncoder(w).Encode(shown) // a client that left is nobody's error
}

// delivery is one connection.
type delivery struct {
	post  *Post
	known bool
	from  string
	to    []string
}

// AuthMechanisms is PLAIN, which the library offers over TLS alone.
func (d *delivery) AuthMechanisms() []string { return []string{sasl.Plain} }

// Auth takes the one user.
func (d *delivery) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if subtle.ConstantTimeCompare([]byte(user+"\x00"+password), []byte(d.post.user+"\x00"+d.post.password)) != 1 {
			return smtp.ErrAuthFailed
		}
		d.known = true
		return nil
	}), nil
}

// Mail begins one; nobody sends without having said who they are.
func (d *delivery) Mail(from string, _ *smtp.MailOptions) error {
	if !d.known {
		return smtp.ErrAuthRequired
	}
	d.from = from
	return nil
}

// Rcpt adds a recipient, of this host alone.
func (d *delivery) Rcpt(to string, _ *smtp.RcptOptions) error {
	if !strings.HasSuffix(to, "@localhost") {
		d.post.count(func(f *Figures) { f.Refused++ })
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 2}, Message: "nobody here is called that"}
	}
	d.to = append(d.to, to)
	return nil
}

// Data takes the mail itself.
func (d *delivery) Data(r io.Reader) error {
	d.post.count(func(f *Figures) { f.Taking++ })
	defer d.post.count(func(f *Figures) { f.Taking-- })
	m, err := mail.ReadMessage(r)
	if err != nil {
		return &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 6, 0}, Message: "not a mail"}
	}
	body, err := io.ReadAll(m.Body)
	if err != nil {
		return errors.Join(errors.New("read the mail"), err)
	}
	m.Header["Authentication-Results"] = []string{"localhost; auth=pass smtp.auth=" + d.post.user}
	d.post.keep(letter{From: d.from, To: d.to, Subject: m.Header.Get("Subject"), Received: time.Now().UTC(), Headers: m.Header, Body: string(body)})
	return nil
}

func (p *Post) keep(l letter) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.figures.Taken++
	p.mails = append(p.mails, l)
	if over := len(p.mails) - keptMails; over > 0 {
		p.mails = slices.Delete(p.mails, 0, over)
	}
}

// Reset forgets the mail that was begun.
func (d *delivery) Reset() { d.from, d.to = "", nil }

// Logout ends the connection.
func (d *delivery) Logout() error { return nil }
