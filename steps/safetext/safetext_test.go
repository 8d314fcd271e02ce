package safetext_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"runbook/steps/safetext"
	"runbook/steps/safetext/hostile"
)

func TestLineBlockExact(t *testing.T) {
	t.Parallel()
	cases := []struct{ in, line, block, exact string }{
		{"plain text", "plain text", "plain text", "plain text"},
		{"Grüße, 世界 👍", "Grüße, 世界 👍", "Grüße, 世界 👍", `Gr\u00fc\u00dfe, \u4e16\u754c \U0001f44d`},
		{"a\r\n\tb\n", "a b ", "a\n\tb\n", `a\r\n\tb\n`},
		{"safe\rrm -rf /", "safe rm -rf /", "safe\nrm -rf /", `safe\rrm -rf /`},
		{"\x1b[31mred\x1b[0m", "red", "red", `\x1b[31mred\x1b[0m`},
		{"a\u202eb\u200bc", "a<U+202E>b<U+200B>c", "a<U+202E>b<U+200B>c", `a\u202eb\u200bc`},
		{"tag\U000e0041", "tag<U+E0041>", "tag<U+E0041>", `tag\U000e0041`},
		{"\xff\x9b31m\u009b31m", "<FF>31m31m", "<FF>31m31m", `\xff\x9b31m\u009b31m`},
		{"a\xe2\x80", "a<E2>", "a<E2>", `a\xe2\x80`},
		{"a\u00a0b\u2028c", "a b<U+2028>c", "a b<U+2028>c", `a\u00a0b\u2028c`},
		{"\x00a\x08b\x7f", "ab", "ab", `\x00a\x08b\x7f`},
		{`sed 's/\./x/'`, `sed 's/\./x/'`, `sed 's/\./x/'`, `sed 's/\./x/'`},
		{`printf 'a\nb\u202e'`, `printf 'a\nb\u202e'`, `printf 'a\nb\u202e'`, `printf 'a\\nb\\u202e'`},
		{"\n\n", " ", "\n\n", `\n\n`},
		{"\n\x07", " ", "\n", `\n\x07`},
	}
	for _, c := range cases {
		if got := safetext.Line(c.in); got != c.line {
			t.Errorf("Line(%q) = %q, want %q", c.in, got, c.line)
		}
		if got := safetext.Block(c.in); got != c.block {
			t.Errorf("Block(%q) = %q, want %q", c.in, got, c.block)
		}
		if got := safetext.Exact(c.in); got != c.exact {
			t.Errorf("Exact(%q) = %q, want %q", c.in, got, c.exact)
		}
	}
}

// bounded are payloads as long as the bounds.
var bounded = []hostile.Payload{
	{Name: "endless OSC", Text: "\x1b]0;" + strings.Repeat("x", 4096-2) + "kept", Pane: "kept", Kept: "kept"},
	{Name: "OSC one shorter", Text: "\x1b]0;" + strings.Repeat("x", 4096-3) + "kept", Pane: "ept", Kept: "ept"},
	{Name: "endless CSI", Text: "\x1b[" + strings.Repeat("1", 4096) + "kept", Pane: "1kept", Kept: "kept"},
	{Name: "long SGR", Text: "\x1b[" + strings.Repeat("0", 64) + "mkept", Pane: "kept", Kept: "kept"},
}

func TestHostilePayloads(t *testing.T) {
	t.Parallel()
	for _, p := range append(hostile.Payloads(), bounded...) {
		if p.Pane != p.Text && hostile.Foreign(p.Text, nil) == "" && !strings.ContainsAny(p.Text, "\r\n\x1b") {
			t.Errorf("%s: nothing in %q is taken for hostile", p.Name, p.Text)
		}
		got := strings.Join(safetext.Lines([]byte(p.Text), true), "\n")
		if got != p.Pane {
			t.Errorf("%s: %q gives %q, want %q", p.Name, p.Text, got, p.Pane)
		}
		for form, text := range map[string]string{
			"a pane": got, "a pane without colours": strings.Join(safetext.Lines([]byte(p.Text), false), "\n"),
			"Line": safetext.Line(p.Text), "Block": safetext.Block(p.Text), "Exact": safetext.Exact(p.Text),
		} {
			if bad := hostile.Foreign(text, nil); bad != "" || form != "a pane" && strings.Contains(text, "\x1b") || !strings.Contains(text, p.Kept) {
				t.Errorf("%s: %s gives %q: %s", p.Name, form, text, bad)
			}
		}
	}
}

func TestColours(t *testing.T) {
	t.Parallel()
	cases := map[string]string{
		"\x1b[1;31mx":              "\x1b[1;31mx\x1b[0m",
		"\x1b[mx":                  "\x1b[0mx",
		"\x1b[31mx\x1b[0m":         "\x1b[31mx\x1b[0m",
		"\x1b[31mx\x1b[my":         "\x1b[31mx\x1b[0my",
		"\x1b[38;5;8mx":            "\x1b[38;5;8mx\x1b[0m",
		"\x1b[38:5:200mx":          "\x1b[38;5;200mx\x1b[0m",
		"\x1b[48;2;1;2;3;1mx":      "\x1b[48;2;1;2;3;1mx\x1b[0m",
		"\x1b[38:2::1:2:3mx":       "\x1b[38;2;1;2;3mx\x1b[0m",
		"\x1b[38:2:1:2:3mx":        "\x1b[38;2;1;2;3mx\x1b[0m",
		"\x1b[4:3mx\x1b[4:0my":     "\x1b[4mx\x1b[24my\x1b[0m",
		"\x1b[31mone\ntwo":         "\x1b[31mone\x1b[0m\ntwo",
		"\x1b[31mone\rtwo\n":       "two",
		"\x1b[97;107;90mx":         "\x1b[97;107;90mx\x1b[0m",
		"\x1b[38;5;5;5;8;6;8;31mx": "\x1b[38;5;5;31mx\x1b[0m",
	}
	for in, want := range cases {
		if got := strings.Join(safetext.Lines([]byte(in), true), "\n"); got != want {
			t.Errorf("%q gives %q, want %q", in, got, want)
		}
		if got := strings.Join(safetext.Lines([]byte(in), false), "\n"); strings.Contains(got, "\x1b") {
			t.Errorf("%q without colour gives %q", in, got)
		}
	}
}

func TestSanitizerIsAStream(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	s := safetext.NewSanitizer(&out, true)
	for _, step := range []struct{ in, out, partial string }{
		{"one\ntw", "one\n", "tw"},
		{"o\r", "", "two"},
		{"\x1b[3", "", "two"},
		{"1mthree", "", "\x1b[31mthree\x1b[0m"},
		{"\n\xe4\xb8", "\x1b[31mthree\x1b[0m\n", ""},
		{"\x96", "", "世"},
	} {
		out.Reset()
		if _, err := s.Write([]byte(step.in)); err != nil {
			t.Fatal(err)
		}
		if out.String() != step.out || s.Partial() != step.partial {
			t.Errorf("%q: wrote %q, partial %q", step.in, out.String(), s.Partial())
		}
	}
	out.Reset()
	if err := s.Close(); err != nil || out.String() != "世\n" {
		t.Errorf("close: %q, %v", out.String(), err)
	}
}

func TestACharacterIsNotCutWhereALineIsBroken(t *testing.T) {
	t.Parallel()
	for pad := range 4 { // U+00DB ends in the byte of a C1 control
		text := strings.Repeat("x", (64<<10)-pad) + "Û[2J" + strings.Repeat("y", 9)
		for _, line := range safetext.Lines([]byte(text+"\n"), true) {
			if !utf8.ValidString(line) || strings.ContainsRune(line, 0x9b) {
				t.Errorf("%d bytes before the bound: %q", pad, line[:min(len(line), 20)])
			}
		}
	}
}

func TestAColourBehindACarriageReturnOverwritesNothing(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"100 % done\r\x1b[0m\n":     "100 % done",
		"50 %\r\x1b[31m100 %\n":     "\x1b[31m100 %\x1b[0m",
		"50 %\r\x1b[31m\x1b[0mok\n": "\x1b[31m\x1b[0mok\x1b[0m",
	} {
		if got := safetext.Lines([]byte(text), true); len(got) != 1 || got[0] != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
