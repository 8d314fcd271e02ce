package safetext_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"testing"

	"runbook/steps"
	"runbook/steps/safetext"
)

// logTexts are what busy commands write.
func logTexts(size int) map[string][]byte {
	texts := map[string][]byte{}
	for name, format := range map[string]string{
		"plain":  "2026-11-21T10:00:00Z INFO migrated row %d of the table users, all is well\n",
		"colour": "2026-11-21T10:00:00Z \x1b[32mINFO\x1b[0m migrated row %d of the table users, all is well\n",
		"UTF-8":  "2026-11-21T10:00:00Z INFO Zeile %d der Tabelle „Nutzer“ übertragen, 世界\n",
	} {
		var b bytes.Buffer
		for i := 0; b.Len() < size; i++ {
			fmt.Fprintf(&b, format, i)
		}
		texts[name] = b.Bytes()
	}
	return texts
}

func BenchmarkSanitizer(b *testing.B) {
	for name, text := range logTexts(1 << 20) {
		b.Run(name, func(b *testing.B) { stream(b, safetext.NewSanitizer(io.Discard, true), text) })
	}
}

func BenchmarkRedactor(b *testing.B) {
	for _, count := range []int{1, 5, 100} {
		for name, text := range logTexts(1 << 20) {
			b.Run(fmt.Sprintf("secrets=%d/%s", count, name), func(b *testing.B) {
				var secrets []steps.Secret
				r := rand.New(rand.NewPCG(1, 2))
				for range count {
					secrets = append(secrets, steps.NewSecret(fmt.Sprintf("%016x%016x", r.Uint64(), r.Uint64())))
				}
				stream(b, safetext.NewRedactor(io.Discard, secrets...), text)
			})
		}
	}
}

// stream measures how quickly w takes text.
func stream(b *testing.B, w io.Writer, text []byte) {
	b.Helper()
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		for piece := range slices.Chunk(text, 64<<10) {
			if _, err := w.Write(piece); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// A redactor is made for each command, and for each text of a check.
func BenchmarkNewRedactor(b *testing.B) {
	secret := steps.NewSecret("postgres://app:correct-horse@db/users")
	for b.Loop() {
		safetext.NewRedactor(io.Discard, secret)
	}
}
