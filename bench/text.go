package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"time"

	"runbook/steps"
	"runbook/steps/safetext"
)

const (
	textSize  = 64 << 20
	textPiece = 256 << 10 // as output is read
	textTurns = 5
)

// text holds what makes output safe to read against a copy of it, in MB/s on
// one core.
func (b *bench) text(ctx context.Context) ([]row, error) {
	secrets := make([]steps.Secret, 100)
	for i := range secrets {
		secrets[i] = steps.NewSecret(fmt.Sprintf("postgres://app%d:c0rrect-h0rse-%032x@db:5432/users", i, i*i*7919))
	}
	parts := []struct {
		what  string
		limit float64
		sink  func() io.Writer
	}{
		{"sanitizer", 1000, func() io.Writer { return safetext.NewSanitizer(io.Discard, true) }},
		{"redactor, 5 secrets", 800, func() io.Writer { return safetext.NewRedactor(io.Discard, secrets[:5]...) }},
		{"redactor, 100 secrets", 300, func() io.Writer { return safetext.NewRedactor(io.Discard, secrets...) }},
	}
	plain, colour := logText("INFO"), logText("\x1b[32mINFO\x1b[0m")
	var rows []row
	for _, p := range parts {
		var least, quick, coloured []float64
		for range textTurns {
			if err := ctx.Err(); err != nil {
				return rows, err
			}
			least = append(least, speed(make(copied, len(plain)), plain))
			quick = append(quick, speed(p.sink(), plain))
			coloured = append(coloured, speed(p.sink(), colour))
		}
		floors := []floor{{"a copy", median(least)}}
		rows = append(rows,
			row{what: p.what, got: median(quick), aim: fmt.Sprintf("≥ %g MB/s", p.limit), limit: p.limit, unit: "MB/s", floors: floors},
			row{what: p.what + ", colours", got: median(coloured), aim: fmt.Sprintf("≥ %g MB/s", p.limit/2), limit: p.limit / 2, unit: "MB/s", floors: floors})
	}
	return rows, nil
}

// logText is a piece of what a busy command writes.
func logText(level string) []byte {
	var b bytes.Buffer
	for i := 0; b.Len() < textPiece; i++ {
		_, _ = fmt.Fprintf(&b, "2026-11-21T10:00:00Z %s migrated row %d of the table users, all is well\n", level, i)
	}
	return b.Bytes()
}

// copied only copies what is written to it.
type copied []byte

func (c copied) Write(p []byte) (int, error) { return copy(c, p), nil }

// speed is how many MB/s a writer that never fails takes of a text.
func speed(w io.Writer, text []byte) float64 {
	written, began := 0, time.Now()
	for ; written < textSize; written += len(text) {
		_, _ = w.Write(text)
	}
	return float64(written) / 1e6 / time.Since(began).Seconds()
}
