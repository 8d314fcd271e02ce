package check

import (
	"errors"
	"fmt"
	"net"
	"strings"

	"runbook/steps"
)

// address reads what may be the address of a database. ok says that it is
// meant as one; the error, why it can't be used.
func address(name, value string) (at place, ok bool, err error) {
	if strings.HasPrefix(value, "postgres://") || strings.HasPrefix(value, "postgresql://") {
		at, err = placeOfURL(name, value)
		return at, true, err
	}
	fields, err := pairs(value)
	if _, has := fields["host"]; err != nil || !has {
		return place{}, false, nil //nolint:nilerr // some other secret
	}
	if fields["service"] != "" || fields["hostaddr"] != "" {
		return place{}, true, fmt.Errorf("%s: service and hostaddr are not followed", name)
	}
	at = place{
		host: fields["host"], user: fields["user"], database: fields["dbname"],
		password: steps.NewSecret(fields["password"]), sslmode: fields["sslmode"],
	}
	at, err = at.complete(name, fields["port"])
	return at, true, err
}

// pairs reads libpq's key=value pairs, values with blanks in single quotes.
func pairs(text string) (map[string]string, error) {
	fields := map[string]string{}
	for text = strings.TrimSpace(text); text != ""; text = strings.TrimLeft(text, " \t\n\r") {
		key, rest, ok := strings.Cut(text, "=")
		key, rest = strings.TrimSpace(key), strings.TrimLeft(rest, " \t\n\r")
		if !ok || key == "" || strings.ContainsAny(key, " \t\n\r'") {
			return nil, errors.New("not key=value")
		}
		quoted := strings.HasPrefix(rest, "'")
		rest = strings.TrimPrefix(rest, "'")
		var value strings.Builder
		i, closed := 0, false
		for ; i < len(rest) && !closed; i++ {
			switch c := rest[i]; {
			case c == '\\' && i+1 < len(rest):
				i++
				value.WriteByte(rest[i])
			case quoted && c == '\'', !quoted && strings.IndexByte(" \t\n\r", c) >= 0:
				closed = true
			default:
				value.WriteByte(c)
			}
		}
		if quoted && !closed {
			return nil, errors.New("a quote is not closed")
		}
		fields[key], text = value.String(), rest[i:]
	}
	return fields, nil
}

// Local reports whether the address leads to the machine it is used on: what a
// command on another host means by it can't be asked from here.
func (d *Database) Local() bool {
	ip := net.ParseIP(d.at.host)
	return strings.HasPrefix(d.at.host, "/") || d.at.host == "localhost" || ip != nil && ip.IsLoopback()
}
