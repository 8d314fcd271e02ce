package mail

import (
	"errors"
	"net/smtp"
)

// plain is AUTH PLAIN (RFC 4616). The library's own judges by the server's
// name whether a line is safe; that is settled before.
type plain struct{ user, password string }

func (p plain) Start(*smtp.ServerInfo) (string, []byte, error) {
	return "PLAIN", []byte("\x00" + p.user + "\x00" + p.password), nil
}

func (p plain) Next(_ []byte, more bool) ([]byte, error) {
	if more {
		return nil, errors.New("unexpected challenge of AUTH PLAIN")
	}
	return nil, nil
}

// login is AUTH LOGIN, which no standard describes and some servers want: the
// user, then the password, each when it is asked for.
type login struct{ answers []string }

func (l *login) Start(*smtp.ServerInfo) (string, []byte, error) { return "LOGIN", nil, nil }

func (l *login) Next(_ []byte, more bool) ([]byte, error) {
	switch {
	case !more:
		return nil, nil
	case len(l.answers) == 0:
		return nil, errors.New("unexpected challenge of AUTH LOGIN")
	}
	answer := l.answers[0]
	l.answers = l.answers[1:]
	return []byte(answer), nil
}
