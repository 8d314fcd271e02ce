package safetext

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"

	"runbook/steps"
)

// MinSecret is the length in bytes below which nothing is redacted: shorter
// needles would match everywhere.
const MinSecret = 6

// Needles are the forms in which the secret is looked for: as it stands and in
// the encodings of forms; each line of a secret of many lines; the password of
// one that is a URL, a libpq or another connection string, as written and
// decoded, in the same encodings. In a needle, \n stands for any run of white
// space, also of none. A secret shorter than MinSecret has none.
func Needles(s steps.Secret) []string {
	whole := strings.TrimSpace(s.Reveal())
	values := append([]string{whole}, passwords(whole)...)
	slices.Sort(values)
	var all []string
	for _, v := range slices.Compact(values) {
		if len(v) >= MinSecret {
			all = append(all, forms(v)...)
		}
	}
	if strings.Contains(whole, "\n") {
		for line := range strings.Lines(whole) {
			all = append(all, strings.TrimSpace(line))
		}
	}
	seen := map[string]bool{}
	needles := all[:0]
	for _, n := range all {
		if n = readable(n); len(n) >= MinSecret && !seen[n] {
			seen[n] = true
			needles = append(needles, n)
		}
	}
	return needles
}

// readable is a needle as a text reads in which it is looked for.
func readable(n string) string {
	if printable([]byte(n)) == len(n) {
		return n
	}
	var lines []string
	for line := range strings.SplitSeq(n, "\n") {
		var r reading
		r.read([]byte(strings.TrimSpace(line)))
		if len(r.text) > 0 {
			lines = append(lines, string(r.text))
		}
	}
	return strings.Join(lines, "\n")
}

var (
	keyword = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?i)(?:^|[\s;])(?:password|pwd)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|(\S+))`)
	})
	userinfo = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^(?:[\w+.-]+://)?[^:/?#@\s]*:([^/?#\s]*)@`)
	})
	unquote = strings.NewReplacer(`\\`, `\`, `\'`, `'`)
)

// passwords finds the password in a connection string, as written and
// decoded.
func passwords(s string) []string {
	var found []string
	if m := userinfo().FindStringSubmatch(s); m != nil {
		found = append(found, m[1])
		if d, err := url.PathUnescape(m[1]); err == nil {
			found = append(found, d)
		}
	}
	if u, err := url.Parse(s); err == nil && u.Scheme != "" {
		if p, ok := u.User.Password(); ok {
			found = append(found, p)
		}
		if p := u.Query().Get("password"); p != "" {
			found = append(found, p)
		}
	}
	if m := keyword().FindStringSubmatch(s); m != nil {
		p := unquote.Replace(m[1] + m[2])
		first, _, _ := strings.Cut(p, ";") // ends a value elsewhere, but not in libpq
		found = append(found, m[1]+m[2], p, first)
	}
	return found
}
