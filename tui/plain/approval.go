package plain

import (
	"slices"
	"strings"

	"runbook/runbook"
	"runbook/steps"
	"runbook/steps/run"
	"runbook/steps/safetext"
)

// Approval is the command as it will be executed, every character of it
// visible: where, in which directory, the words, the names of its variables.
// here is the name of this place.
func Approval(here string, o runbook.Order) []string {
	if len(o.Hosts) > 0 {
		return approvalOn(o)
	}
	lines := append(commandAt(here, o.Dir, o.Argv), "program "+safetext.Exact(o.Path))
	if o.Interactive {
		lines = append(lines, "interactive: it talks with you on a terminal of its own, unfiltered but for secrets")
	}
	return append(lines, variables(o.Env, o.Argv, o.Secrets)...)
}

// approvalOn is the command on each of its hosts, the way there, and what
// becomes of it without us.
func approvalOn(o runbook.Order) []string {
	var lines []string
	switch {
	case len(o.Hosts) > 1 && o.Parallel:
		lines = append(lines, "on "+hostNames(o.Hosts)+", at once")
	case len(o.Hosts) > 1:
		lines = append(lines, "on "+hostNames(o.Hosts)+", in this order, to the first that fails")
	}
	for i, r := range o.Hosts {
		way := "over " + safetext.Exact(r.Local.Path) + " " + strings.Join(quoted(r.Host.Via[1:]), " ")
		if first := o.Hosts[0]; i > 0 && r.Path == first.Path { // of one step all else is the same
			lines = append(lines, safetext.Exact(r.Host.Name)+":"+safetext.Exact(r.Host.Dir)+" $ the same", way)
			continue
		}
		lines = append(lines, commandAt(r.Host.Name, r.Host.Dir, r.Argv)...)
		lines = append(lines, way, "program looked up there, in "+safetext.Exact(r.Path))
		lines = append(lines, variables(append([]string{"PATH=" + r.Path}, r.Env...), r.Argv, o.Secrets, "HOME", "USER")...)
	}
	return append(lines, "it goes on there when the connection is lost; the host keeps how it ended")
}

func hostNames(all []run.Remote) string {
	names := make([]string, len(all))
	for i, r := range all {
		names[i] = r.Host.Name
	}
	return strings.Join(names, ", ")
}

// commandAt is a command line as a shell's prompt would show it; a script is
// shown line by line.
func commandAt(where, dir string, argv []string) []string {
	prompt := safetext.Exact(where) + ":" + safetext.Exact(dir) + " $ "
	words := quoted(argv)
	last := len(argv) - 1
	if last < 1 || !strings.Contains(argv[last], "\n") {
		return []string{prompt + strings.Join(words, " ")}
	}
	lines := []string{prompt + strings.Join(words[:last], " ")}
	for _, line := range strings.Split(strings.TrimRight(argv[last], "\n"), "\n") {
		lines = append(lines, "    "+safetext.Exact(line))
	}
	return lines
}

// quoted are words as they would be typed.
func quoted(argv []string) []string {
	words := make([]string, len(argv))
	for i, w := range argv {
		words[i] = safetext.Exact(w)
		if strings.ContainsAny(words[i], " \t\"'\\$`*?[]{}()<>|&;#~!") || words[i] == "" {
			words[i] = "'" + strings.ReplaceAll(words[i], "'", `'\''`) + "'"
		}
	}
	return words
}

// variables are the names of an environment, and the values of those that the
// command names. Of more names the values are not known here.
func variables(env, argv []string, secrets []steps.Secret, more ...string) []string {
	names, used := more, []string(nil)
	for _, pair := range env {
		name, value, _ := strings.Cut(pair, "=")
		names = append(names, safetext.Exact(name))
		if mentions(argv, name) {
			used = append(used, safetext.Exact(name)+"="+shown(value, secrets))
		}
	}
	slices.Sort(names)
	lines := []string{"environment " + strings.Join(slices.Compact(names), " ")}
	if len(used) > 0 {
		lines = append([]string{"with " + strings.Join(used, " ")}, lines...)
	}
	return lines
}

// mentions reports whether a command's words name a variable.
func mentions(argv []string, name string) bool {
	return slices.ContainsFunc(argv, func(word string) bool {
		return strings.Contains(word, "$"+name) || strings.Contains(word, "${"+name)
	})
}

// shown is a variable's value, unless it is a secret.
func shown(value string, secrets []steps.Secret) string {
	for _, s := range secrets {
		if value == s.Reveal() {
			return s.String()
		}
	}
	return safetext.Exact(value)
}
