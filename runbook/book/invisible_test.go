package book_test

import (
	"fmt"
	"strings"
	"testing"

	"runbook/runbook/book"
)

// hiddenRunes draw nothing, or turn what stands around them.
var hiddenRunes = map[string]rune{
	"bidi override": '\u202e', "bidi isolate": '\u2066', "bidi mark": '\u200f', "Arabic mark": '\u061c',
	"zero width space": '\u200b', "zero width joiner": '\u200d', "word joiner": '\u2060', "byte order mark": '\ufeff', "soft hyphen": '\u00ad',
	"tag": '\U000e0041', "variation selector": '\ufe0f', "ideographic selector": '\U000e0100', "Hangul filler": '\u3164', "Braille blank": '\u2800',
	"hard space": '\u00a0', "line separator": '\u2028', "C1": '\u009b', "escape": '\x1b', "backspace": '\b', "DEL": '\x7f', "private": '\ue000',
}

// Nothing invisible comes in: as it stands or as an escape, in text, keys and
// comments of books and targets, and in values.
func TestNothingInvisibleIsRead(t *testing.T) {
	t.Parallel()
	const target = "name = \"prod\"\ndir = \"/srv\"\npath = \"/usr/bin\"\n"
	free := read(t, "schema = 1\nname = \"x\"\n[vars]\nfree = {}\n")
	for name, r := range hiddenRunes {
		raw, escaped := string(r), fmt.Sprintf(`\U%08X`, r)
		for what, text := range map[string]string{
			"comment": "# a" + raw, "value": "title = \"a" + raw + "\"", "key": "\"a" + raw + "\" = 1", "literal": "title = 'a" + raw + "'",
			"escaped": "title = \"a" + escaped + "\"", "escaped key": "\"a" + escaped + "\" = 1", "in a list": "a = [\"" + escaped + "\"]",
		} {
			wants := fmt.Sprintf("invisible character %U", r)
			if what == "escaped key" {
				wants = "a key can't hold a backslash"
			}
			if _, err := book.Read([]byte("schema = 1\nname = \"x\"\n"+text), "b.toml"); err == nil || !strings.Contains(err.Error(), wants) {
				t.Errorf("%s, %s of a book: %v", name, what, err)
			}
			if _, err := book.ReadTarget([]byte(target+text), "t.toml"); err == nil || !strings.Contains(err.Error(), wants) {
				t.Errorf("%s, %s of a target: %v", name, what, err)
			}
		}
		for what, given := range map[string][2]map[string]string{"--var": {{"free": "a" + raw}, nil}, "[vars]": {nil, {"free": "a" + raw}}} {
			if _, err := free.Resolve(given[0], given[1]); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("the value of free holds the invisible character %U", r)) {
				t.Errorf("%s, a value of %s: %v", name, what, err)
			}
		}
	}
	for _, fine := range []string{"Grüße", "世界", "héllo wörld", "\tа б", "🚀"} {
		if _, err := free.Resolve(map[string]string{"free": fine}, nil); err != nil {
			t.Errorf("%q: %v", fine, err)
		}
	}
}

func TestWordsOfMixedAlphabets(t *testing.T) {
	t.Parallel()
	const command = head + "[[phase.step]]\nid = \"a\"\neffect = \"none\"\n"
	const target = "name = \"prod\"\ndir = \"/srv\"\npath = \"/usr/bin\"\n"
	for _, word := range []string{
		"d\u043ecker", "\u0441url", "/usr/bin/\u0440s", "k\u03c5bectl", "\U0001d68docker", "\uff44ocker", "tickr-\u0441\u043e\u0440\u0443", "op\u0585n", "it\u02bcs",
	} {
		quoted := strings.Trim(fmt.Sprintf("%+q", word[strings.LastIndex(word, "/")+1:]), `"`) + `" mixes alphabets`
		for what, text := range map[string]string{
			"argv": "run.command.argv = [\"" + word + "\"]", "an argument": "run.command.argv = [\"echo\", \"--to=" + word + "\"]",
			"sh": "run.command.sh = 'if true; then " + word + " run; fi'", "a check": "check.look = { argv = [\"" + word + "\"] }",
		} {
			if _, err := book.Read([]byte(command+text), "b.toml"); err == nil || !strings.Contains(err.Error(), quoted) {
				t.Errorf("%+q as %s: %v", word, what, err)
			}
		}
		for what, text := range map[string]string{
			"a secret's command": "[secret.x]\ncommand = [\"" + word + "\"]", "the way to a host": "[host.app]\ndir = \"/srv\"\nvia = [\"ssh\", \"" + word + "\"]",
		} {
			if _, err := book.ReadTarget([]byte(target+text), "t.toml"); err == nil || !strings.Contains(err.Error(), quoted) {
				t.Errorf("%+q as %s: %v", word, what, err)
			}
		}
	}
	for _, fine := range []string{"docker", "--message=\u0440\u0435\u043b\u0438\u0437 v2", "/opt/\u0441\u0435\u0440\u0432\u0438\u0441/bin", "b\u00fccher", "Tickr\u4e16\u754c", "5\u03bc"} {
		if _, err := book.Read([]byte(command+"run.command.argv = [\"echo\", \""+fine+"\"]"), "b.toml"); err != nil {
			t.Errorf("%q: %v", fine, err)
		}
	}
	_, err := book.Read([]byte(command+"title = \"d\u043ecker\"\nrun.command.argv = [\"d\u043ecker\"]"), "b.toml")
	if want := "b.toml:9:21: \"d\\u043ecker\" mixes alphabets: letters that look alike are not the same"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
