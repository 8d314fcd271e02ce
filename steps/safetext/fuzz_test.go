package safetext_test

import (
	"bytes"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"runbook/steps"
	"runbook/steps/safetext"
)

var allowed = regexp.MustCompile(`\x1b\[(\d{1,3}(;\d{1,3})*)m`)

// unsafe is what no terminal may get to see, if it is there.
func unsafe(s string) string {
	for _, m := range allowed.FindAllStringSubmatch(s, -1) {
		codes := strings.Split(m[1], ";")
		for len(codes) > 0 {
			used := 1
			switch n, err := strconv.Atoi(codes[0]); {
			case err != nil || n == 5 || n == 6 || n == 8 || n >= 10 && n <= 20 || n > 107:
				return m[0]
			case n == 38 || n == 48 || n == 58:
				used = map[string]int{"5": 3, "2": 5}[codes[1]]
			}
			codes = codes[used:]
		}
	}
	if !utf8.ValidString(s) {
		return "invalid UTF-8"
	}
	for _, r := range allowed.ReplaceAllString(s, "") {
		if r != '\n' && r != '\t' && !unicode.IsPrint(r) {
			return strconv.QuoteRune(r)
		}
	}
	return ""
}

// inPieces writes data cut at random places.
func inPieces(tb testing.TB, w interface{ Write([]byte) (int, error) }, data []byte, r *rand.Rand) {
	tb.Helper()
	for len(data) > 0 {
		n := 1 + r.IntN(min(len(data), 1+r.IntN(40)))
		if _, err := w.Write(bytes.Clone(data[:n])); err != nil {
			tb.Fatal(err)
		}
		data = data[n:]
	}
}

func FuzzSanitizer(f *testing.F) {
	for _, h := range hostile {
		f.Add([]byte(h.in), uint64(1))
	}
	f.Fuzz(func(t *testing.T, data []byte, seed uint64) {
		for _, colour := range []bool{true, false} {
			whole := safetext.Lines(data, colour)
			var out bytes.Buffer
			s := safetext.NewSanitizer(&out, colour)
			inPieces(t, s, data, rand.New(rand.NewPCG(seed, 0)))
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if text := strings.Join(whole, "\n"); text != strings.TrimSuffix(out.String(), "\n") {
				t.Errorf("in pieces %q, whole %q", out.String(), text)
			}
			if bad := unsafe(out.String()); bad != "" || !colour && strings.Contains(out.String(), "\x1b") {
				t.Errorf("%q lets %s through: %q", data, bad, out.String())
			}
		}
		line, block := safetext.Line(string(data)), safetext.Block(string(data))
		if bad := unsafe(line); bad != "" || strings.ContainsAny(line, "\n\t\x1b") {
			t.Errorf("Line(%q) = %q: %s", data, line, bad)
		}
		if bad := unsafe(block); bad != "" || strings.Contains(block, "\x1b") {
			t.Errorf("Block(%q) = %q: %s", data, block, bad)
		}
		if back := unexact(t, safetext.Exact(string(data))); back != string(data) {
			t.Errorf("Exact(%q) = %q reads back as %q", data, safetext.Exact(string(data)), back)
		}
	})
}

// unexact reads what Exact wrote: that it can be read back shows that two
// texts never look the same.
func unexact(t *testing.T, s string) string {
	t.Helper()
	var b []byte
	for s != "" {
		if s[0] != '\\' || len(s) == 1 || !strings.ContainsRune(`nrtxuU\`, rune(s[1])) {
			if s[0] < ' ' || s[0] > '~' {
				t.Fatalf("not visible ASCII: %q", s)
			}
			b, s = append(b, s[0]), s[1:]
			continue
		}
		r, multi, rest, err := strconv.UnquoteChar(s, 0)
		if err != nil {
			t.Fatalf("%q: %v", s, err)
		}
		if multi {
			b = utf8.AppendRune(b, r)
		} else {
			b = append(b, byte(r&0xff))
		}
		s = rest
	}
	return string(b)
}

func FuzzRedactor(f *testing.F) {
	f.Add([]byte("Authorization: Bearer hunter2-hunter2\n"), "hunter2", uint64(1))
	f.Add([]byte("aaaaaaaaaaaaaaaaaaaaaa"), "aaaaaaa", uint64(2))
	f.Add([]byte("postgres://u:p%40ssword@h/d p@ssword p%40ssword"), "postgres://u:p%40ssword@h/d", uint64(3))
	f.Add([]byte("one-line\r\n  two-lines one-line two-lines"), "one-line\ntwo-lines", uint64(4))
	f.Add([]byte("hun\x1b[31mter2-\x1b[0mx"), "hunter2-x", uint64(5))
	f.Fuzz(func(t *testing.T, data []byte, secret string, seed uint64) {
		s := steps.NewSecret(secret)
		whole := redact(t, data, nil, s)
		pieces := redact(t, data, rand.New(rand.NewPCG(seed, 0)), s)
		if whole != pieces {
			t.Errorf("in pieces %q, whole %q", pieces, whole)
		}
		if want, ok := plainly(data, safetext.Needles(s)); ok && whole != want {
			t.Errorf("%q without %q is %q, want %q", data, safetext.Needles(s), whole, want)
		}
	})
}

// plainly redacts in the most obvious way; it knows neither colours nor line
// ends inside a needle.
func plainly(data []byte, needles []string) (string, bool) {
	end := make([]int, len(data)) // where the longest match from here ends
	for _, n := range needles {
		if bytes.IndexByte(data, 0x1b) >= 0 || strings.Contains(n, "\n") {
			return "", false
		}
		for i := range data {
			if bytes.HasPrefix(data[i:], []byte(n)) {
				end[i] = max(end[i], i+len(n))
			}
		}
	}
	var b strings.Builder
	for i, until := 0, 0; i < len(data); i++ {
		if end[i] > 0 && i >= until {
			b.WriteString("[redacted]")
		}
		if until = max(until, end[i]); i >= until {
			b.WriteByte(data[i])
		}
	}
	return b.String(), true
}

// redact runs data through a Redactor, whole or in pieces.
func redact(tb testing.TB, data []byte, r *rand.Rand, secrets ...steps.Secret) string {
	tb.Helper()
	var out bytes.Buffer
	w := safetext.NewRedactor(&out, secrets...)
	if r != nil {
		inPieces(tb, w, data, r)
	} else if _, err := w.Write(data); err != nil {
		tb.Fatal(err)
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return out.String()
}
