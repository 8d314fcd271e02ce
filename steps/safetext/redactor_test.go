package safetext_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"runbook/steps"
	"runbook/steps/safetext"
)

const canary = `p4ss "w<o>rd'/+?$ü`

func TestEncodingsOfASecret(t *testing.T) {
	t.Parallel()
	js, err := json.Marshal(canary)
	if err != nil {
		t.Fatal(err)
	}
	shell := func(locale string) string {
		cmd := exec.CommandContext(t.Context(), "bash", "-c", `printf %q "$1"; printf ' '; set -x; : "$1"`, "bash", canary)
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=" + locale}
		quoted, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatal(err)
		}
		return string(quoted)
	}
	forms := map[string]string{
		"raw": canary, "hex": hex.EncodeToString([]byte(canary)), "HEX": fmt.Sprintf("%X", canary),
		"query": url.QueryEscape(canary), "path": url.PathEscape(canary), "JSON": string(js), "%q": fmt.Sprintf("%q", canary),
		"%+q": fmt.Sprintf("%+q", canary), "bash": shell("C.UTF-8"), "bash in C": shell("C"),
	}
	for before := range 3 {
		padded := append(bytes.Repeat([]byte{'x'}, before), canary+"yz"...)
		forms[fmt.Sprint("base64 ", before)] = base64.StdEncoding.EncodeToString(padded)
		forms[fmt.Sprint("base64url ", before)] = base64.URLEncoding.EncodeToString(padded)
	}
	for name, form := range forms {
		got := redact(t, []byte("before "+form+" after"), nil, steps.NewSecret(canary))
		if rest := strings.TrimSuffix(strings.TrimPrefix(got, "before "), " after"); !strings.Contains(rest, "[redacted]") || strings.Contains(rest, "p4ss") || len(rest) > 40 {
			t.Errorf("%s: %q gives %q", name, form, got)
		}
	}
}

func TestSecretsOfManyKinds(t *testing.T) {
	t.Parallel()
	cases := []struct{ name, secret, in, want string }{
		{"password of a URL", "postgres://app:p%40ss-word@db/users", "p@ss-word p%40ss-word app", "[redacted] [redacted] app"},
		{"password in a query", "postgres://db/users?password=hunter-2", "x hunter-2", "x [redacted]"},
		{"password of libpq", `host=db password='hun\'ter-2' user=x`, `hun'ter-2 hun\'ter-2 host=db`, "[redacted] [redacted] host=db"},
		{"lines", "first line\nsecond line\nend", "first line | second line | end", "[redacted] | [redacted] | end"},
		{"lines as a terminal ends them", "first line\nab\ncd", "first line\r\nab\r\ncd!", "[redacted]!"},
		{"colours inside", "hunter-2", "h\x1b[1mun\x1b[0;31mter-\x1b[m2!", "[redacted]!"},
		{"too short", "short", "short", "short"},
		{"a trailing newline", "hunter-2\n", "hunter-2", "[redacted]"},
		{"none", "", "text", "text"},
		{"overlap", "abcabcabc", "abcabcabcabc!", "[redacted]!"},
		{"almost", "hunter-2", "hunter-hunter-2hunter-", "hunter-[redacted]hunter-"},
	}
	for _, c := range cases {
		s := steps.NewSecret(c.secret)
		if got := redact(t, []byte(c.in), nil, s); got != c.want {
			t.Errorf("%s: %q gives %q, want %q", c.name, c.in, got, c.want)
		}
		for cut := range len(c.in) {
			var out bytes.Buffer
			r := safetext.NewRedactor(&out, s)
			for _, piece := range []string{c.in[:cut], c.in[cut:]} {
				if _, err := r.Write([]byte(piece)); err != nil {
					t.Fatal(err)
				}
			}
			if err := r.Close(); err != nil || out.String() != c.want {
				t.Errorf("%s cut at %d: %q, %v", c.name, cut, out.String(), err)
			}
		}
	}
}

func TestOnlyTheBeginningOfASecretIsHeld(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	r := safetext.NewRedactor(&out, steps.NewSecret("hunter-2"))
	for _, c := range []struct {
		in, out string
		hold    int
	}{{"continue? ", "continue? ", 0}, {"hunt", "", 4}, {"ing hun", "hunting ", 3}, {"ter-2", "[redacted]", 0}, {"x\n", "x\n", 0}} {
		out.Reset()
		if _, err := r.Write([]byte(c.in)); err != nil || out.String() != c.out || r.Hold() != c.hold {
			t.Errorf("%q: wrote %q, holds %d, %v", c.in, out.String(), r.Hold(), err)
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
	for seed := range uint64(500) {
		if got := redact(t, data, rand.New(rand.NewPCG(seed, 1)), secrets...); got != want {
			t.Fatalf("seed %d: %q, want %q", seed, got, want)
		}
	}
}

// logText is what a busy command writes.
func logText(size int) []byte {
	var b bytes.Buffer
	for i := 0; b.Len() < size; i++ {
		fmt.Fprintf(&b, "2026-11-21T10:00:00Z \x1b[32mINFO\x1b[0m migrated row %d of the table users, all is well\n", i)
	}
	return b.Bytes()
}

func BenchmarkSanitizer(b *testing.B) {
	colour := logText(1 << 20)
	plain := bytes.ReplaceAll(bytes.ReplaceAll(colour, []byte("\x1b[32m"), nil), []byte("\x1b[0m"), nil)
	for name, text := range map[string][]byte{"colour": colour, "plain": plain} {
		b.Run(name, func(b *testing.B) {
			w := safetext.NewSanitizer(io.Discard, true)
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				for piece := range slices.Chunk(text, 64<<10) {
					if _, err := w.Write(piece); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

func BenchmarkRedactor(b *testing.B) {
	text := logText(1 << 20)
	for _, count := range []int{1, 5, 100} {
		b.Run(fmt.Sprintf("secrets=%d", count), func(b *testing.B) {
			var secrets []steps.Secret
			r := rand.New(rand.NewPCG(1, 2))
			for range count {
				secrets = append(secrets, steps.NewSecret(fmt.Sprintf("%016x%016x", r.Uint64(), r.Uint64())))
			}
			w := safetext.NewRedactor(io.Discard, secrets...)
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				for piece := range slices.Chunk(text, 64<<10) {
					if _, err := w.Write(piece); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
