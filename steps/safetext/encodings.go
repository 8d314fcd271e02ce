package safetext

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf16"
)

// forms are a value as it stands and in the usual encodings: base64 and
// base64url at three alignments, hex and percent-encoding in both cases, JSON,
// HTML, the quoted strings of Go, Python, SQL and Compose, and those of shells.
func forms(v string) []string {
	lower := hex.EncodeToString([]byte(v))
	goQuoted, goASCII := strconv.Quote(v), strconv.QuoteToASCII(v)
	all := []string{
		v,
		lower, strings.ToUpper(lower),
		goQuoted[1 : len(goQuoted)-1], goASCII[1 : len(goASCII)-1],
		inPython.Replace(v),
		html.EscapeString(v), inXML.Replace(html.EscapeString(v)),
		strings.ReplaceAll(v, "'", "''"), // SQL, YAML
		strings.ReplaceAll(v, "$", "$$"), // docker compose config
		strings.ReplaceAll(v, "'", `'\''`), strings.ReplaceAll(v, "'", `'"'"'`), backslashed(v), dollarQuoted(v),
	}
	all = append(all, percents(v)...)
	all = append(all, jsons(v)...)
	return append(all, base64s(v)...)
}

var (
	inPython = strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\n", `\n`, "\r", `\r`, "\t", `\t`)
	inXML    = strings.NewReplacer("&#34;", "&quot;", "&#39;", "&apos;")
)

// unescaped are the characters that percent-encoders leave alone beside
// letters, digits and -_.~: none, Python's quote, JavaScript's
// encodeURIComponent and encodeURI, Go's path segment, path and user
// information.
var unescaped = []string{"", "/", "!'()*", "!'()*;/?:@&=+$,#", "$&+=:@", "$&+,/:;=@", "$&+,;="}

// percents are the value in URLs, in all of which a space may be a plus.
func percents(v string) []string {
	all := []string{url.QueryEscape(v)}
	for _, keep := range unescaped {
		var upper, lower strings.Builder
		for _, c := range []byte(v) {
			if alphanumeric(c) || strings.IndexByte("-_.~"+keep, c) >= 0 {
				upper.WriteByte(c)
				lower.WriteByte(c)
				continue
			}
			upper.Write([]byte{'%', "0123456789ABCDEF"[c>>4], "0123456789ABCDEF"[c&15]})
			lower.Write([]byte{'%', "0123456789abcdef"[c>>4], "0123456789abcdef"[c&15]})
		}
		all = append(all, upper.String(), lower.String(), strings.ReplaceAll(lower.String(), "%20", "+"))
	}
	return all
}

func alphanumeric[T byte | rune](c T) bool {
	return c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
}

// dollarQuoted is the value inside bash's $'…', as `printf %q` and `set -x`
// write it where the locale does not know its characters.
func dollarQuoted(v string) string {
	named := map[byte]string{'\\': `\\`, '\'': `\'`, '\a': `\a`, '\b': `\b`, esc: `\E`, '\f': `\f`, '\n': `\n`, '\r': `\r`, '\t': `\t`, '\v': `\v`}
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

// backslashed is how bash's printf %q writes a value of printable characters.
func backslashed(v string) string {
	var b strings.Builder
	for _, r := range v {
		if r < 0x80 && !alphanumeric(r) && !strings.ContainsRune("%+-./:=@_,", r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// jsons are the value inside a JSON string: with and without the escapes that
// keep HTML safe, with escaped slashes, and in ASCII.
func jsons(v string) []string {
	var all []string
	for _, safe := range []bool{true, false} {
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(safe)
		if e.Encode(v) == nil {
			text := strings.TrimSuffix(b.String(), "\n")
			text = text[1 : len(text)-1]
			all = append(all, text, strings.ReplaceAll(text, "/", `\/`), ascii(text), ascii(strings.ReplaceAll(text, "/", `\/`)))
		}
	}
	return all
}

// ascii writes what is beyond ASCII as JSON's \u00fc.
func ascii(text string) string {
	var b strings.Builder
	for _, r := range text {
		if r < 0x80 {
			b.WriteRune(r)
			continue
		}
		for _, unit := range utf16.Encode([]rune{r}) {
			fmt.Fprintf(&b, `\u%04x`, unit)
		}
	}
	return b.String()
}

// base64s are the characters that a value gives at each of the three places
// where it can begin in a group of three, without those its neighbours share.
func base64s(v string) []string {
	var all []string
	for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for before := range 3 {
			text := enc.EncodeToString(append(make([]byte, before), v...))
			all = append(all, text[(before*8+5)/6:(before+len(v))*8/6])
		}
	}
	return all
}
