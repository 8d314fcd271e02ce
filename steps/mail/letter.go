package mail

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"mime"
	"mime/quotedprintable"
	netmail "net/mail"
	"strings"
	"time"
)

// Letter is plain text from one address to another.
type Letter struct {
	From, To, Subject, Text string
	At                      time.Time
}

// ValidAddress refuses what is not one mailbox, "name@host".
func ValidAddress(address string) error {
	if parsed, err := netmail.ParseAddress(address); err != nil || parsed.Address != address {
		return fmt.Errorf("%q is not an address, such as name@example.com", address)
	}
	return nil
}

// Bytes is the letter as SMTP carries it. Nothing of its fields can begin a
// header of its own.
func (l Letter) Bytes() ([]byte, error) {
	for _, address := range []string{l.From, l.To} {
		if err := ValidAddress(address); err != nil {
			return nil, err
		}
	}
	if strings.ContainsAny(l.Subject, "\r\n") {
		return nil, errors.New("a subject is one line")
	}
	_, host, _ := strings.Cut(l.From, "@")
	var out bytes.Buffer
	for _, header := range [][2]string{
		{"From", l.From},
		{"To", l.To},
		{"Subject", mime.QEncoding.Encode("utf-8", l.Subject)},
		{"Date", l.At.UTC().Format(time.RFC1123Z)},
		{"Message-ID", "<" + strings.ToLower(rand.Text()) + "@" + host + ">"},
		{"Auto-Submitted", "auto-generated"},
		{"MIME-Version", "1.0"},
		{"Content-Type", "text/plain; charset=utf-8"},
		{"Content-Transfer-Encoding", "quoted-printable"},
	} {
		fmt.Fprintf(&out, "%s: %s\r\n", header[0], header[1])
	}
	out.WriteString("\r\n")
	body := quotedprintable.NewWriter(&out)
	if _, err := body.Write([]byte(strings.ReplaceAll(l.Text, "\n", "\r\n"))); err != nil {
		return nil, err
	}
	if err := body.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
