package report

import (
	"encoding/json"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"runbook/runbook/journal"
	"runbook/steps/safetext/hostile"
)

// markup means something in HTML, in Markdown or to a forge.
var markup = []string{
	`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `' onmouseover='alert(1)`, `</style><svg onload=alert(1)>`,
	`</pre></td></table><a href="http://evil.example/">click</a>`, `<!--`, `]]>`, `javascript:alert(1)`, `{{.Run}}`, `&lt;b&gt;&#x6a;`,
	`[click](http://evil.example/)`, `![x](http://evil.example/x.png)`, `http://evil.example/ www.evil.example ana@evil.example`,
	"```\n# owned\n```", "``` `` ` ```` <b>", "`", "x`", "`x", "    # indented", "* * *", "| a | b |", "[x]: http://evil.example", "<http://evil.example>",
	`\`, `\<b\>`, "@everyone #1 GH-1", "url(http://evil.example)", `"; } body { background: url(http://evil.example/) } @import "x`,
}

// nasty are all of it, and the corpus of what acts on terminals.
func nasty() []string {
	all := slices.Clone(markup)
	for _, p := range hostile.Payloads() {
		all = append(all, p.Text)
	}
	return all
}

// fill gives every text below v one of texts in turn, and every list two
// elements.
func fill(v reflect.Value, next func() string, deep int) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(next())
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[Account]() || strings.HasPrefix(v.Type().PkgPath(), "runbook/") {
			for i := range v.NumField() {
				if v.Type().Field(i).IsExported() {
					fill(v.Field(i), next, deep)
				}
			}
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), deep, deep))
		for i := range v.Len() {
			fill(v.Index(i), next, deep)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), next, deep)
	case reflect.Bool:
		v.SetBool(true)
	default:
	}
}

// TestHostileText puts every hostile text into every field of an account, and
// reads all formats for anything that came through.
func TestHostileText(t *testing.T) {
	t.Parallel()
	texts := nasty()
	for shift := range texts {
		n := shift
		a := &Account{}
		fill(reflect.ValueOf(a).Elem(), func() string { n++; return texts[n%len(texts)] }, 2)
		for _, p := range append(a.Phases, a.Plans...) {
			for i := range p.Steps {
				for _, act := range p.Steps[i].Acts {
					act.Command.shown = commandLine(texts[shift], texts[(shift+1)%len(texts)], []string{texts[(shift+2)%len(texts)], texts[shift] + "\n" + texts[(shift+3)%len(texts)]})
				}
			}
		}
		clean(a)
		for f, harmless := range map[Format]func(*testing.T, string){HTML: harmlessHTML, Markdown: harmlessMarkdown, JSON: harmlessJSON} {
			text := a.in(t, f)
			if bad := hostile.Foreign(text, nil); bad != "" || strings.Contains(text, "\x1b") {
				t.Errorf("%s holds %s", f, bad)
			}
			harmless(t, text)
		}
		if t.Failed() {
			t.Fatalf("the first text was %q", texts[(shift+1)%len(texts)])
		}
	}
}

var (
	elements   = strings.Fields("html head meta title style body p h1 h2 h3 table thead tbody tr th td code pre span div ul li b br")
	attributes = strings.Fields("lang charset http-equiv content name class scope colspan")
	plainWord  = regexp.MustCompile(`^[a-z0-9]*$`)
)

// harmlessHTML finds only the elements and attributes of our own page.
func harmlessHTML(t *testing.T, text string) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	for n := range root.Descendants() {
		switch n.Type {
		case html.CommentNode:
			t.Errorf("a comment: %q", n.Data)
		case html.ElementNode:
			if !slices.Contains(elements, n.Data) {
				t.Errorf("an element <%s> %v", n.Data, n.Attr)
			}
			for _, attr := range n.Attr {
				own := n.Data == "meta" || n.Data == "html" || plainWord.MatchString(attr.Val)
				if !own || !slices.Contains(attributes, attr.Key) {
					t.Errorf("an attribute %s=%q of <%s>", attr.Key, attr.Val, n.Data)
				}
			}
			if n.Data == "style" {
				harmlessCSS(t, n.FirstChild.Data)
			}
		default:
		}
	}
	if n := strings.Count(text, `content="default-src 'none'; style-src 'unsafe-inline'"`); n != 1 {
		t.Errorf("%d content security policies", n)
	}
}

var quotedCSS = regexp.MustCompile(`"(?:[^"\\\n]|\\.)*"`)

// harmlessCSS finds nothing in a style sheet that fetches, outside its strings.
func harmlessCSS(t *testing.T, css string) {
	t.Helper()
	rest := quotedCSS.ReplaceAllString(css, "")
	for _, bad := range []string{"url", "@import", "evil", `"`, "</"} {
		if strings.Contains(rest, bad) {
			t.Errorf("the style sheet holds %q: %s", bad, css)
		}
	}
}

// harmlessMarkdown takes out code, and finds nothing in the rest that Markdown
// or a forge would act on.
func harmlessMarkdown(t *testing.T, text string) {
	t.Helper()
	rest, fence := "", ""
	for line := range strings.Lines(text) {
		bare := strings.TrimSpace(line)
		marks := bare[:len(bare)-len(strings.TrimLeft(bare, "`"))]
		switch {
		case fence != "":
			if bare == fence {
				fence = ""
			}
		case len(marks) >= 3 && marks == bare:
			fence = marks
		default:
			rest += withoutSpans(line)
		}
	}
	if fence != "" {
		t.Error("a fence is not closed")
	}
	for _, bad := range []string{"<", "](", "![", "evil", "@", "://", "www.", "`", "&lt;", "&#"} {
		if at := strings.Index(rest, bad); at >= 0 {
			t.Errorf("Markdown holds %q: %q", bad, rest[max(0, at-80):min(len(rest), at+40)])
		}
	}
}

// withoutSpans takes the code spans out of a line, as CommonMark reads them.
func withoutSpans(line string) string {
	out := ""
	for line != "" {
		at := strings.IndexByte(line, '`')
		if at < 0 {
			return out + line
		}
		marks := line[at : len(line)-len(strings.TrimLeft(line[at:], "`"))]
		out += line[:at]
		rest, closed := line[at+len(marks):], false
		for from := 0; from < len(rest); {
			i := strings.IndexByte(rest[from:], '`')
			if i < 0 {
				break
			}
			i += from
			run := len(rest[i:]) - len(strings.TrimLeft(rest[i:], "`"))
			if from = i + run; run == len(marks) {
				line, closed = rest[from:], true
				break
			}
		}
		if !closed {
			out, line = out+marks, rest
		}
	}
	return out
}

func harmlessJSON(t *testing.T, text string) {
	t.Helper()
	if !json.Valid([]byte(text)) {
		t.Errorf("no JSON: %.300s", text)
	}
}

// TestHostileLog reports a run in which people and servers said such things.
func TestHostileLog(t *testing.T) {
	t.Parallel()
	w := deployed(t, t.TempDir())
	for _, text := range nasty() {
		text = strings.ToValidUTF8(text, "?")
		w.add("note", fields{"text": text})
		w.check("config", "fail", fields{"reason": text, "where": text, "evidence": []fields{{"label": text, "value": text, "limit": text, "unit": text}}})
		w.add("run.intent", fields{"step": "restart", "attempt": 2, "kind": "command", "argv": []string{text, text + "\n" + text}, "dir": text, "host": ""})
		w.add("run.result", fields{"step": "restart", "attempt": 2, "verdict": "fail", "reason": text, "outcome": text, "signal": text, "source": text, "took_us": 1})
		w.add("accept", fields{"step": "spare", "reason": text, "was": text})
	}
	note := strings.Join(strings.Fields(strings.ToValidUTF8(strings.Join(markup, " "), "?")), " ")
	w.signs("lead", journal.DecisionReject, note)
	w.close()
	a := w.whole()
	harmlessHTML(t, a.in(t, HTML))
	harmlessMarkdown(t, a.in(t, Markdown))
	for _, f := range []Format{HTML, Markdown, JSON} {
		if bad := hostile.Foreign(a.in(t, f), nil); bad != "" {
			t.Errorf("%s holds %s", f, bad)
		}
	}
	if a.Signoffs[0].State != "rejected" || len(a.Signoffs[0].Decisions) != 1 || a.Signoffs[0].Decisions[0].Note == "" {
		t.Errorf("the rejection is told as %+v", a.Signoffs[0])
	}
}
