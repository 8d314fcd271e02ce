package book

import (
	"regexp"
	"slices"
	"sync"

	"runbook/steps/ask"
	"runbook/steps/run"
)

var rolePattern = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[a-z][a-z0-9-]{0,31}$`)
})

// command checks what must hold for a command to mean one thing.
func (r *reader) command(path string, c run.Command) bool {
	switch {
	case len(c.Argv) > 0 && c.Sh != "":
		r.at(path, "a command has argv or sh, not both")
	case len(c.Argv) == 0 && c.Sh == "":
		r.at(path, "a command wants argv or sh")
	case len(c.Argv) > 0 && c.Argv[0] == "":
		r.at(join(path, "argv"), "argv names no program")
	case slices.ContainsFunc(c.Exit, func(code int) bool { return code < 0 || code > 255 }):
		r.at(join(path, "exit"), "an exit code lies between 0 and 255")
	default:
		return true
	}
	return false
}

func (r *reader) decide(path string, a ask.Decide) bool {
	switch {
	case a.Var == "":
		r.at(path, "decide wants var, the name of what is decided")
	case len(a.Choices) < 2:
		r.at(path, "decide wants at least two choices")
	case len(slices.Compact(slices.Sorted(slices.Values(a.Choices)))) < len(a.Choices), slices.Contains(a.Choices, ""):
		r.at(join(path, "choices"), "choices must differ, and none may be empty")
	default:
		return true
	}
	return false
}

func (r *reader) role(path, role string) bool {
	if rolePattern().MatchString(role) {
		return true
	}
	r.at(path, "role must be lower case letters, digits and dashes, begin with a letter and have at most 32: %q", role)
	return false
}

// valid notes what the fields of a verb say of themselves.
func (r *reader) valid(path string, err error) bool {
	if err != nil {
		r.at(path, "%s: %v", short(path), err)
	}
	return err == nil
}
