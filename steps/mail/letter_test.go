package mail_test

import (
	"io"
	"mime"
	"mime/quotedprintable"
	netmail "net/mail"
	"strings"
	"testing"
	"time"

	"runbook/steps/mail"
)

func TestLetter(t *testing.T) {
	t.Parallel()
	text := "Zurück auf 1.8.1.\n.\nFrom here: " + strings.Repeat("x", 2000) + "\nBcc: eve@example.com"
	l := mail.Letter{From: "runbook@example.com", To: "ops@example.com", Subject: "Störung: users-module", Text: text, At: time.Unix(0, 0)}
	raw, err := l.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	m, err := netmail.ReadMessage(strings.NewReader(string(raw)))
	if err != nil {
		t.Fatal(err)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if err != nil || subject != l.Subject || m.Header.Get("Bcc") != "" || m.Header.Get("Date") == "" {
		t.Errorf("%q %v\n%v", subject, err, m.Header)
	}
	body, err := io.ReadAll(quotedprintable.NewReader(m.Body))
	if got := strings.ReplaceAll(string(body), "\r\n", "\n"); err != nil || got != text {
		t.Errorf("got %q, %v", got, err)
	}
	for line := range strings.Lines(string(raw)) {
		if len(line) > 78 {
			t.Errorf("a line of %d bytes: %q", len(line), line)
		}
	}
}

func TestLetterRefusesHeadersOfItsOwn(t *testing.T) {
	t.Parallel()
	good := mail.Letter{From: "a@example.com", To: "b@example.com", Subject: "s"}
	for name, change := range map[string]func(*mail.Letter){
		"a subject of two lines":  func(l *mail.Letter) { l.Subject = "s\r\nBcc: eve@example.com" },
		"a sender of two lines":   func(l *mail.Letter) { l.From = "a@example.com\r\nBcc: eve@example.com" },
		"two recipients":          func(l *mail.Letter) { l.To = "b@example.com, eve@example.com" },
		"a recipient with a name": func(l *mail.Letter) { l.To = "Bea <b@example.com>" },
		"none":                    func(l *mail.Letter) { l.To = "" },
	} {
		l := good
		change(&l)
		if raw, err := l.Bytes(); err == nil {
			t.Errorf("%s: %q", name, raw)
		}
	}
}
