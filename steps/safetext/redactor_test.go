package safetext_test

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"

	"runbook/steps"
	"runbook/steps/safetext"
)

func TestSecretsOfManyKinds(t *testing.T) {
	t.Parallel()
	key := "-----BEGIN KEY-----\n" + strings.Repeat("QUJD", 16) + "\n" + strings.Repeat("REVG", 16) + "\n=\n-----END KEY-----"
	cases := []struct{ name, secret, in, want string }{
		{"password of a URL", "postgres://app:p%40ss-word@db/users", "p@ss-word p%40ss-word app", "[redacted] [redacted] app"},
		{"password in a query", "postgres://db/users?password=hunter-2", "x hunter-2", "x [redacted]"},
		{"password of libpq", `host=db password='hun\'ter-2' user=x`, `hun'ter-2 hun\'ter-2 host=db`, "[redacted] [redacted] host=db"},
		{"password of ODBC", "Server=db;Pwd=hunter-2;Port=1", "hunter-2 Port=1", "[redacted] Port=1"},
		{"password of MySQL", "app:hunter-2@tcp(db:3306)/users", "app hunter-2 users", "app [redacted] users"},
		{"lines", "first line\nsecond line\nend", "first line | second line | end", "[redacted] | [redacted] | end"},
		{"lines as a terminal ends them", "first line\nab\ncd", "first line\r\nab\r\ncd!", "[redacted]!"},
		{"lines in one, as set -x shows them", "first line\nab\ncd", "first line ab cd!", "[redacted]!"},
		{"lines, indented and coloured", "first line\nab\ncd", "first line\x1b[0m\r\n\x1b[31m  ab\n  cd!", "[redacted]!"},
		{"lines, the longest in the middle", "ab\nsecond line\ncd", "x ab\nsecond line\ncd!", "x [redacted]!"},
		{"a short first line by itself", "ab\nsecond line\ncd", "ab\nother", "ab\nother"},
		{"short lines", "abcd\nefgh\nij", "abcd abcd\nefgh\nij!", "abcd [redacted]!"},
		{"a key", key, "a\n" + key + "\nb", "a\n[redacted]\nb"},
		{"a key in a block of YAML", key, "k: |\n  " + strings.ReplaceAll(key, "\n", "\n  ") + "\nb", "k: |\n  [redacted]\nb"},
		{"a key in one line", key, "k='" + strings.ReplaceAll(key, "\n", " ") + "'", "k='[redacted]'"},
		{"a line of a key", key, "> " + strings.Repeat("REVG", 16), "> [redacted]"},
		{"colours inside", "hunter-2", "h\x1b[1mun\x1b[0;31mter-\x1b[m2!", "[redacted]!"},
		{"grep's colours inside", "hunter-2", "hun\x1b[01;31m\x1b[Kter\x1b[m\x1b[K-2!", "[redacted]!"},
		{"a hyperlink inside", "hunter-2", "\x1b]8;;http://x/\x1b\\hun\x1b]8;;\x1b\\ter-2!", "\x1b]8;;http://x/\x1b\\[redacted]!"},
		{"C1 controls inside", "hunter-2", "h\u009bu\u0090n\u0085t\x9be\x90r-\u009c2!", "[redacted]!"},
		{"selectors inside", "hunter-2", "h\ufe0fu\ufe0en\ufe0fter-2!", "[redacted]!"},
		{"beyond ASCII", "hünter-2£", "¡hünter-2£!", "¡[redacted]!"},
		{"half a character", "hunter-2", "hunter-2\xc2\xe2\x82!\xe2\x82", "[redacted]\xc2\xe2\x82!\xe2\x82"},
		{"two bytes a character", "hunter-2", "h\x00u\x00n\x00t\x00e\x00r\x00-\x002\x00!", "[redacted]\x00!"},
		{"too short", "short", "short", "short"},
		{"a trailing newline", "hunter-2\n", "hunter-2", "[redacted]"},
		{"none", "", "text", "text"},
		{"overlap", "abcabcabc", "abcabcabcabc!", "[redacted]!"},
		{"one behind the other", "hunter-2", "hunter-2hunter-2", "[redacted][redacted]"},
		{"almost", "hunter-2", "hunter-hunter-2hunter-", "hunter-[redacted]hunter-"},
		{"a longer one that fails", "hunter-2\nand more", "hunter-2\nand less", "[redacted]\nand less"},
		{"a list of words", "hunter-2", "hunter\n-2\n" + strings.Repeat("x", 39) + "hunter\n-2", "hunter\n-2\n" + strings.Repeat("x", 39) + "[redacted]"},
	}
	for _, c := range cases {
		s := steps.NewSecret(c.secret)
		if got := redact(t, []byte(c.in), nil, s); got != c.want {
			t.Errorf("%s: %q gives %q, want %q", c.name, c.in, got, c.want)
		}
		atEveryBorder(t, c.name, c.in, c.want, s)
	}
}

// atEveryBorder cuts in at each place, and everywhere.
func atEveryBorder(t *testing.T, name, in, want string, s steps.Secret) {
	t.Helper()
	for cut := range len(in) + 1 {
		pieces := []string{in[:cut], in[cut:]}
		if cut == len(in) {
			pieces = strings.Split(in, "")
		}
		var out bytes.Buffer
		r := safetext.NewRedactor(&out, s)
		for _, piece := range pieces {
			if _, err := r.Write([]byte(piece)); err != nil {
				t.Fatal(err)
			}
		}
		if err := r.Close(); err != nil || out.String() != want {
			t.Errorf("%s cut at %d: %q, want %q, %v", name, cut, out.String(), want, err)
		}
	}
}

func TestOnlyTheBeginningOfASecretIsHeld(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	r := safetext.NewRedactor(&out, steps.NewSecret("hunter-2\nand more"))
	digest := strings.Repeat("x", 64)
	for _, c := range []struct {
		in, out string
		hold    int
	}{
		{"continue? ", "continue? ", 0},
		{"hunt", "", 4},
		{"ing hun", "hunting ", 3},
		{"ter-2", "", 8}, // a line more may follow
		{" x\n", "[redacted] x\n", 0},
		{"\x1b[31", "\x1b[31", 0},
		{"mah", "ma", 1},
		{"\n", "h\n", 0},
		{digest + "\n", digest + "\n", 0},
		{digest + "hun\n", digest, 4}, // as an encoder breaks lines
		{"x", "hun\nx", 0},
	} {
		out.Reset()
		if _, err := r.Write([]byte(c.in)); err != nil || out.String() != c.out || r.Hold() != c.hold {
			t.Errorf("%q: wrote %q, holds %d, %v; want %q, %d", c.in, out.String(), r.Hold(), err, c.out, c.hold)
		}
	}
}

// What is held stays small, whatever stands behind the beginning of a secret.
func TestHoldIsBounded(t *testing.T) {
	t.Parallel()
	const secret = "hunter-2 and\nmore"
	bound := 0
	for _, n := range safetext.Needles(steps.NewSecret(secret)) {
		bound = max(bound, 2*len(n)+1<<10)
	}
	for name, filler := range map[string]string{
		"spaces": " ", "controls": "\x00", "colours": "\x1b[0m", "a control string": "\x1b]0;" + strings.Repeat("t", 4096) + "\a", "lines": "\r\n",
	} {
		for _, begun := range []string{"hunter-2", "hunter-2 and"} {
			var out bytes.Buffer
			r := safetext.NewRedactor(&out, steps.NewSecret(secret))
			in := begun + strings.Repeat(filler, 1+8<<10/len(filler))
			most := 0
			for _, c := range []byte(in) {
				if _, err := r.Write([]byte{c}); err != nil {
					t.Fatal(err)
				}
				most = max(most, r.Hold())
			}
			if most < len(begun) || most > bound {
				t.Errorf("%q and %s: %d bytes were held, and %d is the bound", begun, name, most, bound)
			}
			want := strings.Replace(in, "hunter-2 and", "[redacted]", 1)
			if err := r.Close(); err != nil || out.String() != want {
				t.Errorf("%q and %s became %d bytes of %d: %v", begun, name, out.Len(), len(want), err)
			}
		}
	}
}

func TestRandomCutsLeakNothing(t *testing.T) {
	t.Parallel()
	secrets := []steps.Secret{steps.NewSecret(canary), steps.NewSecret("postgres://app:correct-horse@db/users"), steps.NewSecret("multi-line\nsecret-text")}
	var all []string
	for _, s := range secrets {
		all = append(all, safetext.Needles(s)...)
	}
	data := []byte(strings.Join(all, " and ") + strings.Join(all, ""))
	want := redact(t, data, nil, secrets...)
	for _, n := range all {
		if strings.Contains(want, n) {
			t.Errorf("leaked %q", n)
		}
	}
	for seed := range uint64(200) {
		if got := redact(t, data, rand.New(rand.NewPCG(seed, 1)), secrets...); got != want {
			t.Fatalf("seed %d: %q, want %q", seed, got, want)
		}
	}
}
