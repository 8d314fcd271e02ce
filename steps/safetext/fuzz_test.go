package safetext_test

import (
	"bytes"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"runbook/steps"
	"runbook/steps/safetext"
	"runbook/steps/safetext/hostile"
)

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
	for _, p := range hostile.Payloads() {
		f.Add([]byte(p.Text), uint64(1))
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
			if bad := hostile.Foreign(out.String(), nil); bad != "" || !colour && strings.Contains(out.String(), "\x1b") {
				t.Errorf("%q lets %s through: %q", data, bad, out.String())
			}
		}
		line, block := safetext.Line(string(data)), safetext.Block(string(data))
		if bad := hostile.Foreign(line, nil); bad != "" || strings.ContainsAny(line, "\n\t\x1b") {
			t.Errorf("Line(%q) = %q: %s", data, line, bad)
		}
		if bad := hostile.Foreign(block, nil); bad != "" || strings.Contains(block, "\x1b") {
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
	f.Add([]byte("0123456789012345678901234567890123456789hun\n ter2"), "hunter2", uint64(6))
	f.Add([]byte("ab\x1b]0;hun\x18ter2 ab\ncdef\n\n\ng"), "ab\ncdef\ng", uint64(7))
	f.Fuzz(func(t *testing.T, data []byte, secret string, seed uint64) {
		if len(data) > 8<<10 || len(secret) > 1<<10 {
			t.Skip("longer than needed")
		}
		s := steps.NewSecret(secret)
		needles := safetext.Needles(s)
		whole := redact(t, data, nil, s)
		pieces := redact(t, data, rand.New(rand.NewPCG(seed, 0)), s)
		if whole != pieces {
			t.Errorf("in pieces %q, whole %q", pieces, whole)
		}
		if want, ok := plainly(data, needles); ok && whole != want {
			t.Errorf("%q without %q is %q, want %q", data, needles, whole, want)
		}
		if shown := strings.Join(safetext.Lines([]byte(whole), false), "\n"); len(data) < 1<<10 && isASCII(data) {
			for _, n := range needles {
				if strings.Contains(shown, n) && !strings.ContainsAny(n, "\n[]") && !strings.Contains("redacted", n) {
					t.Errorf("%q shows %q on a screen: %q", data, n, shown)
				}
			}
		}
	})
}

func isASCII(data []byte) bool {
	return !bytes.ContainsFunc(data, func(r rune) bool { return r >= utf8.RuneSelf })
}

var (
	aColour = regexp.MustCompile(`\x1b\[[0-9;]{0,60}m`)
	aWrap   = regexp.MustCompile(`[A-Za-z0-9+/=_-]{40}([\r\n][ \t\r\n]*)`)
	control = regexp.MustCompile(`[\x00-\x1f\x7f]`)
)

// plainly redacts in the most obvious way. It knows no escape sequences but
// colours, and no bounds.
func plainly(data []byte, needles []string) (string, bool) {
	if len(data) > 1<<10 {
		return "", false
	}
	text, at := without(data, nil, aColour.FindAllIndex(data, -1))
	if strings.Contains(string(text), "\x1b") {
		return "", false
	}
	var marks [][]int
	for _, m := range control.FindAllIndex(text, -1) {
		if !strings.Contains("\t\n\r", string(text[m[0]])) {
			marks = append(marks, m)
		}
	}
	text, at = without(text, at, marks)
	marks = nil
	for _, m := range aWrap.FindAllSubmatchIndex(text, -1) {
		marks = append(marks, m[2:4])
	}
	text, at = without(text, at, marks)
	end, reads := make([]int, len(data)), string(text) // where the longest match from here ends
	for _, n := range needles {
		for i := range text {
			if length := begins(reads[i:], n); length > 0 {
				end[at[i]] = max(end[at[i]], at[i+length-1]+1)
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

// without is a text without some parts, and where its bytes stood; at is where
// they stood before.
func without(text []byte, at []int, parts [][]int) (rest []byte, stood []int) {
	for i, c := range text {
		if len(parts) > 0 && i >= parts[0][1] {
			parts = parts[1:]
		}
		if len(parts) > 0 && i >= parts[0][0] {
			continue
		}
		rest = append(rest, c)
		if at == nil {
			stood = append(stood, i)
		} else {
			stood = append(stood, at[i])
		}
	}
	return rest, stood
}

// begins is the length of the needle that text begins with, or 0.
func begins(text, needle string) int {
	rest := text
	for i, part := range strings.Split(needle, "\n") {
		if i > 0 {
			rest = strings.TrimLeft(rest, " \t\r\n")
		}
		var ok bool
		if rest, ok = strings.CutPrefix(rest, part); !ok {
			return 0
		}
	}
	return len(text) - len(rest)
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
