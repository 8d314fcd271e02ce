package report

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// Bytes is the report of the run in dir as Markdown, for a terminal or a
// ticket: of its first n entries, of all if n is 0. It follows from the log and
// the copies of book and target beside it, and from nothing else: the same log
// gives the same bytes, whoever asks and whenever, so that a sign-off can name
// them by their hash. The error says why there is no such report: a log that is
// damaged before entry n, or shorter; copies that can't be read.
func Bytes(dir string, n uint64) ([]byte, error) {
	a, err := upTo(dir, n)
	if err != nil {
		return nil, err
	}
	return markdown(a), nil
}

// Page is the same as HTML.
func Page(dir string, n uint64) ([]byte, error) {
	a, err := upTo(dir, n)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = writeHTML(&b, a)
	return b.Bytes(), err
}

func upTo(dir string, n uint64) (*Account, error) {
	l, err := open(dir)
	if err != nil {
		return nil, err
	}
	a, _, err := l.account(n)
	if err == nil && a.Log.Damage != "" {
		err = fmt.Errorf("no report to sign: %s", a.Log.Damage)
	}
	return a, err
}

// SHA256 is that of Bytes, 64 hex digits: what a sign-off names.
func SHA256(dir string, n uint64) (string, error) {
	text, err := Bytes(dir, n)
	if err != nil {
		return "", err
	}
	return sum(text), nil
}

func sum(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
