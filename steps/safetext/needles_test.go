package safetext_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"os"
	"os/exec"
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
	forms := map[string]string{
		"raw": canary, "hex": hex.EncodeToString([]byte(canary)), "HEX": fmt.Sprintf("%X", canary),
		"query": url.QueryEscape(canary), "path": url.PathEscape(canary), "lower case": strings.ToLower(url.PathEscape(canary)),
		"encodeURIComponent": `p4ss%20%22w%3Co%3Erd'%2F%2B%3F%24%C3%BC`, "encodeURI": `p4ss%20%22w%3Co%3Erd'/+?$%C3%BC`,
		"quote of Python": `p4ss%20%22w%3Co%3Erd%27/%2B%3F%24%C3%BC`, "HTML": html.EscapeString(canary), "XML": `p4ss &quot;w&lt;o&gt;rd&apos;/+?$ü`,
		"JSON": string(js), "JSON in ASCII": `p4ss \"w<o>rd'/+?$\u00fc`, "JSON of PHP": `p4ss \"w<o>rd'\/+?$\u00fc`,
		"%q": fmt.Sprintf("%q", canary), "%+q": fmt.Sprintf("%+q", canary), "Python": `p4ss "w<o>rd\'/+?$ü`,
		"SQL": `p4ss "w<o>rd''/+?$ü`, "Compose": `p4ss "w<o>rd'/+?$$ü`,
		"sh": `'p4ss "w<o>rd'\''/+?$ü'`, "dash": `'p4ss "w<o>rd'"'"'/+?$ü'`,
		"bash": inBash(t, "C.UTF-8"), "bash in C": inBash(t, "C"),
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
		atEveryBorder(t, name, "before "+form+" after", got, steps.NewSecret(canary))
	}
}

// inBash is how bash prints the canary, by itself and in a trace.
func inBash(t *testing.T, locale string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "bash", "-c", `printf %q "$1"; printf ' '; set -x; : "$1"`, "bash", canary)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=" + locale}
	quoted, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatal(err)
	}
	return string(quoted)
}

// An encoder's line may end anywhere in a secret.
func TestWrappedEncodings(t *testing.T) {
	t.Parallel()
	const secret = "correct-horse-battery"
	encoders := map[string]func([]byte) string{
		"base64": base64.StdEncoding.EncodeToString, "base64url": base64.RawURLEncoding.EncodeToString, "hex": hex.EncodeToString,
	}
	for name, encode := range encoders {
		for _, columns := range []int{60, 64, 76} {
			for before := range 80 {
				text := encode([]byte(strings.Repeat("~", before) + secret + strings.Repeat("?", 80)))
				for _, lineEnd := range []string{"\n", "\r\n", "\n    ", "\x1b[0m\n"} {
					var lines []string
					for rest := text; rest != ""; rest = rest[min(columns, len(rest)):] {
						lines = append(lines, rest[:min(columns, len(rest))])
					}
					got := redact(t, []byte("data:\n"+strings.Join(lines, lineEnd)+"\n"), nil, steps.NewSecret(secret))
					if strings.Count(got, "[redacted]") != 1 || len(got) > len("data:\n\n[redacted]")+len(text)-len(secret)+len(lineEnd)*len(lines) {
						t.Fatalf("%s of %d columns, %d bytes before, lines end with %q: %q", name, columns, before, lineEnd, got)
					}
				}
			}
		}
	}
}

// The encoder of the machine, its own way of wrapping.
func TestWrappedByBase64(t *testing.T) {
	t.Parallel()
	secret := strings.Repeat("correct-horse-", 20)
	cmd := exec.CommandContext(t.Context(), "base64")
	cmd.Stdin = strings.NewReader("user:" + secret)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(string(out), "\n"); lines < 2 {
		t.Fatalf("nothing was wrapped: %q", out)
	}
	if got := redact(t, out, nil, steps.NewSecret(secret)); !strings.Contains(got, "[redacted]") || len(got) > 24 {
		t.Errorf("%q gives %q", out, got)
	}
}

func TestNeedlesOfNothing(t *testing.T) {
	t.Parallel()
	for _, secret := range []string{"", "short", "  short \n"} {
		if n := safetext.Needles(steps.NewSecret(secret)); len(n) > 0 {
			t.Errorf("%q has the needles %q", secret, n)
		}
	}
}
