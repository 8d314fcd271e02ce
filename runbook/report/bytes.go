package report

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"runbook/runbook/journal"
)

// Bytes is the report of the run in dir as Markdown, for a terminal or a
// ticket: of its first n entries, of all if n is 0. It follows from the log and
// the copies of book and target beside it, and from nothing else: the same log
// gives the same bytes, whoever asks and whenever, so that a sign-off can name
// them by their hash. The error says why there is no such report: a log that is
// damaged before entry n, or shorter; copies that can't be read.
func Bytes(dir string, n uint64) ([]byte, error) {
	entries, err := first(dir, n)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	for _, e := range entries {
		fmt.Fprintln(&b, Entry(e))
	}
	return b.Bytes(), nil
}

// SHA256 is that of Bytes, 64 hex digits: what a sign-off names.
func SHA256(dir string, n uint64) (string, error) {
	text, err := Bytes(dir, n)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}

// first are the first n entries of a log, all if n is 0.
func first(dir string, n uint64) ([]journal.Entry, error) {
	entries, err := journal.Read(dir)
	switch {
	case n == 0 || err != nil && uint64(len(entries)) < n:
		return entries, err
	case uint64(len(entries)) < n:
		return nil, fmt.Errorf("the log ends with entry %d: there is no entry %d", len(entries), n)
	}
	return entries[:n], nil
}
