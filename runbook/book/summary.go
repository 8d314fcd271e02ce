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

// Summary is what a person must see before trusting a target: where commands
// run, what they find, and where each secret comes from.
func (t *Target) Summary() []string {
	out := []string{
		fmt.Sprintf("target %s, sha256 %s", safetext.Exact(t.Name), t.SHA256),
		"dir = " + exactly(t.Dir),
		"path = " + exactly(t.Path),
	}
	for _, field := range [][2]string{
		{"home", t.Home},
		{"user", t.User},
		{"lang", t.Lang},
		{"tz", t.TZ},
		{"practice", t.Practice},
		{"service.env_from", t.Service.EnvFrom},
	} {
		if field[1] != "" {
			out = append(out, field[0]+" = "+exactly(field[1]))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(t.Vars)) {
		out = append(out, fmt.Sprintf("var %s = %s", safetext.Exact(name), exactly(t.Vars[name])))
	}
	for _, name := range slices.Sorted(maps.Keys(t.Hosts)) {
		h := t.Hosts[name]
		out = append(out, fmt.Sprintf("host %s over %s, in %s", name, exactly(words(h.Via)), exactly(h.Dir)))
		if h.Path != "" {
			out = append(out, fmt.Sprintf("host %s path = %s", name, exactly(h.Path)))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(t.Secrets)) {
		out = append(out, "secret "+safetext.Exact(name)+" from "+t.Secrets[name].shown())
	}
	return out
}

func (s Source) shown() string {
	switch {
	case s.Env != "":
		return "the environment variable " + safetext.Exact(s.Env)
	case s.File != "":
		return "the file " + exactly(s.File)
	default:
		return "the command " + exactly(words(s.Command))
	}
}

func words(argv []string) []any {
	all := make([]any, len(argv))
	for i, arg := range argv {
		all[i] = arg
	}
	return all
}
