package safetext_test

import (
	"strings"
	"testing"

	"runbook/steps/safetext"
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

// hostile are payloads that act on some terminal, each followed by text that
// has to stay; want is what a pane with colour shows.
var hostile = []struct{ name, in, want string }{
	{"clipboard", "\x1b]52;c;cm0gLXJm\x07kept", "kept"},
	{"title", "\x1b]0;root@prod\x1b\\kept", "kept"},
	{"hyperlink", "\x1b]8;;http://evil/\x1b\\here\x1b]8;;\x1b\\ kept", "here kept"},
	{"reset", "\x1bckept", "kept"},
	{"status report", "\x1b[6n\x1b[c\x1b[>0qkept", "kept"},
	{"clear and home", "\x1b[2J\x1b[H\x1b[3Jkept", "kept"},
	{"alternate screen", "\x1b[?1049h\x1b[?25lkept", "kept"},
	{"C1 raw", "\x9b2J\x9d0;t\x07kept", "2J0;tkept"},
	{"C1 encoded", "\u009b2J\u009d0;t\u009ckept", "2J0;tkept"},
	{"conceal", "\x1b[8mhidden\x1b[28m kept", "hidden\x1b[28m kept\x1b[0m"},
	{"blink", "\x1b[5;1mkept", "\x1b[1mkept\x1b[0m"},
	{"font", "\x1b[11mkept", "kept"},
	{"bidi", "a\u202ekept", "a<U+202E>kept"},
	{"backspace", "rm -rf /\b\b\b\b\b\b\b\bkept", "rm -rf /kept"},
	{"carriage return", "10%\r50%\rkept", "kept"},
	{"carriage return at the end", "kept\r", "kept"},
	{"unterminated OSC", "\x1b]0;title\nkept", "\nkept"},
	{"endless OSC", "\x1b]0;" + strings.Repeat("x", 4096-2) + "kept", "kept"},
	{"DCS", "\x1bPq#0;2;0\x1b\\kept", "kept"},
	{"APC", "\x1b_Gf=100;AAAA\x1b\\kept", "kept"},
	{"PM and SOS", "\x1b^x\x1b\\\x1bXy\x1b\\kept", "kept"},
	{"OSC ended by C1", "\x1b]0;t\u009ckept", "kept"},
	{"OSC ended by a sequence", "\x1b]0;t\x1b[31mkept", "\x1b[31mkept\x1b[0m"},
	{"OSC ended by CAN", "\x1b]0;t\x18kept", "kept"},
	{"character set", "\x1b(0\x0ekept\x0f", "kept"},
	{"keyboard mode", "\x1b[>4;2m\x1b=kept", "kept"},
	{"SGR with intermediates", "\x1b[1 m\x1b[?1mkept", "kept"},
	{"SGR too large", "\x1b[38;5;256mkept", "kept"},
	{"SGR cut short", "\x1b[31;38;5mkept", "\x1b[31mkept\x1b[0m"},
	{"SGR too long", "\x1b[" + strings.Repeat("1;", 40) + "1mkept", "kept"},
	{"split by a newline", "\x1b[3\n1mkept", "\n1mkept"},
	{"BEL", "\akept", "kept"},
	{"lone ESC", "kept\x1b", "kept"},
}

func TestHostilePayloads(t *testing.T) {
	t.Parallel()
	for _, h := range hostile {
		got := strings.Join(safetext.Lines([]byte(h.in), true), "\n")
		if got != h.want {
			t.Errorf("%s: %q gives %q, want %q", h.name, h.in, got, h.want)
		}
		for form, text := range map[string]string{"Line": safetext.Line(h.in), "Block": safetext.Block(h.in), "Exact": safetext.Exact(h.in)} {
			if strings.ContainsAny(text, "\x1b\r\a\b\u009b\u202e") || !strings.Contains(text, "kept") {
				t.Errorf("%s: %s gives %q", h.name, form, text)
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
