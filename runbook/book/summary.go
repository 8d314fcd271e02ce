package book

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"runbook/steps/safetext"
)

// Summary is what a person must see before trusting a book: every command as
// it stands, every field of every check, every address, and the names of vars
// and secrets; one line each, invisible characters made visible.
func (b *Book) Summary() []string {
	out := []string{fmt.Sprintf("book %s, sha256 %s", safetext.Exact(b.Name), b.SHA256)}
	for _, name := range slices.Sorted(maps.Keys(b.Vars)) {
		what := "var"
		if b.Vars[name].Secret {
			what = "secret"
		}
		out = append(out, fmt.Sprintf("%s %s, to commands as %s", what, name, b.Vars[name].Exported(name)))
	}
	addresses := map[string]bool{}
	for _, s := range b.All() {
		verb, _ := VerbOf(s)
		if verb == "ask" {
			continue // asks a person, and does nothing
		}
		out = append(out, s.ID+": "+verb)
		if place := s.Place(); place != "" {
			out = append(out, "  on "+place)
		}
		for _, line := range lines(verb, s.raw) {
			out = append(out, "  "+line)
		}
		gather(s.raw, addresses)
	}
	for _, address := range slices.Sorted(maps.Keys(addresses)) {
		out = append(out, "connects to "+safetext.Exact(address))
	}
	return out
}

// gather finds what a verb connects to: URLs, and the fields that hold an
// address by their name.
func gather(value any, into map[string]bool) {
	switch v := value.(type) {
	case map[string]any:
		for key, item := range v {
			if text, ok := item.(string); ok && slices.Contains([]string{"addr", "address", "host"}, key) {
				into[text] = true
			}
			gather(item, into)
		}
	case []any:
		for _, item := range v {
			gather(item, into)
		}
	case []map[string]any:
		for _, item := range v {
			gather(item, into)
		}
	case string:
		if scheme, rest, ok := strings.Cut(v, "://"); ok && !strings.ContainsAny(scheme, " \n") {
			host, _, _ := strings.Cut(rest, "/")
			into[scheme+"://"+host] = true
		}
	}
}
