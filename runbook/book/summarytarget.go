package book

import (
	"fmt"
	"maps"
	"slices"

	"runbook/steps/safetext"
)

// Summary is what a person must see before trusting a target: where commands
// run, what they find, what it lets pass, and where each secret comes from. Of
// a target that extends others it is the whole.
func (t *Target) Summary() []string {
	out := []string{fmt.Sprintf("target %s, sha256 %s", safetext.Exact(t.Name), t.SHA256)}
	for _, e := range t.Extends {
		out = append(out, fmt.Sprintf("extends %s, sha256 %s", safetext.Exact(e.File), e.SHA256))
	}
	if t.Guard {
		out = append(out, "guarded: production; an approval before the first change")
	}
	out = append(out, "dir = "+exactly(t.Dir), "path = "+exactly(t.Path))
	for _, field := range [][2]string{
		{"home", t.Home},
		{"user", t.User},
		{"lang", t.Lang},
		{"tz", t.TZ},
		{"practice", t.Practice},
		{"service.env_from", t.Service.EnvFrom},
		{"service.on", t.Service.On},
	} {
		if field[1] != "" {
			out = append(out, field[0]+" = "+exactly(field[1]))
		}
	}
	for _, d := range t.Require {
		out = append(out, "demands "+safetext.Exact(d.Name)+" of each run")
	}
	for _, name := range slices.Sorted(maps.Keys(t.Vars)) {
		out = append(out, fmt.Sprintf("var %s = %s", safetext.Exact(name), exactly(t.Vars[name])))
	}
	for _, name := range slices.Sorted(maps.Keys(t.Choose)) {
		out = append(out, fmt.Sprintf("chooses %s = %s", safetext.Exact(name), exactly(t.Choose[name])))
	}
	for i := range t.Waivers {
		out = append(out, fmt.Sprintf("check %s, if it fails: %s", t.Waivers[i].Step, safetext.Exact(t.Waivers[i].String())))
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
