package safetext

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"runbook/steps"
)

// MinSecret is the length in bytes below which nothing is redacted: shorter
// needles would match everywhere.
const MinSecret = 6

// Needles are the forms in which the secret is looked for: as it stands and
// in the usual encodings; each line of a secret of many lines; the password
// of one that is a URL or a libpq connection string, in the same encodings.
// In a needle, \n stands for any run of white space. A secret shorter than
// MinSecret has none.
func Needles(s steps.Secret) []string {
	whole := strings.TrimSpace(s.Reveal())
	var all []string
	for _, v := range append([]string{whole}, passwords(whole)...) {
		all = append(all, encodings(v)...)
	}
	if strings.Contains(whole, "\n") {
		for line := range strings.Lines(whole) {
			all = append(all, strings.TrimSpace(line))
		}
	}
	seen := map[string]bool{}
	needles := all[:0]
	for _, n := range all {
		n = lineEnds.ReplaceAllString(n, "\n")
		if len(n) >= MinSecret && !seen[n] {
			seen[n] = true
			needles = append(needles, n)
		}
	}
	return needles
}

var (
	lineEnds = regexp.MustCompile(`\s*\n\s*`)
	keyword  = regexp.MustCompile(`(?:^|\s)password\s*=\s*(?:'((?:[^'\\]|\\.)*)'|(\S+))`)
	userinfo = regexp.MustCompile(`^[\w+.-]+://[^:/?#@]*:([^/?#]*)@`)
)

// passwords finds the password in a connection string, as written and
// decoded.
func passwords(s string) []string {
	var found []string
	add := func(p string) {
		found = append(found, p)
		if d, err := url.PathUnescape(p); err == nil {
			found = append(found, d)
		}
	}
	if m := userinfo.FindStringSubmatch(s); m != nil {
		add(m[1])
	}
	if u, err := url.Parse(s); err == nil && u.Scheme != "" && u.Host+u.Opaque+u.Path != "" {
		if p, ok := u.User.Password(); ok {
			found = append(found, p)
		}
		if p := u.Query().Get("password"); p != "" {
			found = append(found, p, url.QueryEscape(p))
		}
	}
	if m := keyword.FindStringSubmatch(s); m != nil {
		found = append(found, m[1]+m[2], unquote.Replace(m[1]+m[2]))
	}
	return found
}

var unquote = strings.NewReplacer(`\\`, `\`, `\'`, `'`)

// encodings are the forms of one value; none if the value is too short.
func encodings(v string) []string {
	if len(v) < MinSecret {
		return nil
	}
	quoted := strconv.Quote(v)
	ascii := strconv.QuoteToASCII(v)
	lower := hex.EncodeToString([]byte(v))
	forms := []string{
		v,
		lower, strings.ToUpper(lower),
		url.QueryEscape(v), url.PathEscape(v), (&url.URL{Path: v}).EscapedPath(),
		url.UserPassword("", v).String()[1:],
		quoted[1 : len(quoted)-1], ascii[1 : len(ascii)-1],
		strings.ReplaceAll(v, "'", `'\''`), strings.ReplaceAll(v, "'", `'"'"'`), backslashed(v), dollarQuoted(v),
		strings.ReplaceAll(v, "'", "''"), // SQL
	}
	return append(append(forms, jsons(v)...), base64s(v)...)
}

// dollarQuoted is the value inside bash's $'…', as `printf %q` and `set -x`
// write it where the locale does not know its characters.
func dollarQuoted(v string) string {
	named := map[byte]string{'\\': `\\`, '\'': `\'`, '\a': `\a`, '\b': `\b`, 0x1b: `\E`, '\f': `\f`, '\n': `\n`, '\r': `\r`, '\t': `\t`, '\v': `\v`}
	var b strings.Builder
	for _, c := range []byte(v) {
		switch name, ok := named[c]; {
		case ok:
			b.WriteString(name)
		case c < ' ' || c > '~':
			fmt.Fprintf(&b, `\%03o`, c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// jsons are the value inside a JSON string, with and without the escapes
// that keep HTML safe.
func jsons(v string) []string {
	var forms []string
	for _, html := range []bool{true, false} {
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(html)
		if e.Encode(v) == nil {
			forms = append(forms, strings.Trim(strings.TrimSuffix(b.String(), "\n"), `"`))
		}
	}
	return append(forms, strings.ReplaceAll(forms[0], "/", `\/`))
}

// base64s are the characters that a value gives at each of the three places
// where it can begin in a group of three, without those its neighbours share.
func base64s(v string) []string {
	var forms []string
	for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for before := range 3 {
			text := enc.EncodeToString(append(make([]byte, before), v...))
			forms = append(forms, text[(before*8+5)/6:(before+len(v))*8/6])
		}
	}
	return forms
}

// backslashed is how bash's printf %q writes a value of printable characters.
func backslashed(v string) string {
	var b strings.Builder
	for _, r := range v {
		if r < 0x80 && !strings.ContainsRune("%+-./:=@_,", r) &&
			(r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}
