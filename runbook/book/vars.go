package book

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
)

var (
	varPattern = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)
	})
	exportPattern = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,63}$`)
	})

	// reserved names steer the shell, the loader or a client: as a var of a
	// book they would change what its commands are.
	reserved = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^(?i:PATH|IFS|ENV|HOME|SHELL|USER|LANG|TZ|KUBECONFIG|UID|EUID|PPID|PROMPT_COMMAND|PS4|SHELLOPTS|BASHOPTS|` +
			`(LD|DYLD|BASH|SSH|GIT|NODE|DOCKER)_.*|PG.*|PERL5.*|PYTHON.*|.*_PROXY)$`)
	})
)

// maxPattern bounds the source of a regular expression in a book.
const maxPattern = 1 << 10

// Exported is the environment variable that carries the var of that name.
func (v Var) Exported(name string) string { return cmp.Or(v.Export, strings.ToUpper(name)) }

// full is the pattern that a whole value must match, or nil.
func (v Var) full() (*regexp.Regexp, error) {
	if v.Match == "" {
		return nil, nil
	}
	return compile(`^(?:` + v.Match + `)$`)
}

func compile(pattern string) (*regexp.Regexp, error) {
	if len(pattern) > maxPattern {
		return nil, fmt.Errorf("a pattern has at most %d bytes, not %d", maxPattern, len(pattern))
	}
	return regexp.Compile(pattern)
}

func (r *reader) checkVar(path, name string, v Var) {
	export := v.Exported(name)
	switch {
	case !varPattern().MatchString(name):
		r.at(path, "a var is lower case letters, digits and underscores, begins with a letter and has at most 64: %q", name)
	case !exportPattern().MatchString(export):
		r.at(join(path, "export"), "export is no name of an environment variable: %q", export)
	case reserved().MatchString(export):
		r.at(path, "var %s would reach commands as %s, which is reserved; name it otherwise, or set export", name, export)
	case v.Secret && v.Default != "":
		r.at(join(path, "default"), "a secret has no default: it would stand in the book")
	}
	if _, err := v.full(); err != nil {
		r.at(join(path, "match"), "match: %v", err)
	} else if v.Default != "" {
		if err := checkValue(name, v, v.Default); err != nil {
			r.at(join(path, "default"), "default: %v", err)
		}
	}
}

// checkValue holds a value against its var. It stands in commands, URLs and
// headers of screens, and an operator approves what he sees of it: so it holds
// nothing invisible, wherever it comes from.
func checkValue(name string, v Var, value string) error {
	if strings.ContainsAny(value, "\x00\n\r") {
		return fmt.Errorf("the value of %s holds a line break or a NUL", name)
	}
	if c, i := hidden(value); i >= 0 {
		return fmt.Errorf("the value of %s holds the invisible character %U", name, c)
	}
	pattern, err := v.full()
	if err != nil {
		return err
	}
	if pattern != nil && !pattern.MatchString(value) {
		return fmt.Errorf("%s = %q does not match %s", name, value, v.Match)
	}
	return nil
}

// Resolve gives every var that is no secret its value: from given (--var),
// else the target's [vars], else its default. A var without any of them is
// left out. The error joins all that is wrong: unknown names, a secret in
// given, values that do not match, required ones that are missing.
func (b *Book) Resolve(given, target map[string]string) (map[string]string, error) {
	var errs []error
	names := slices.Sorted(maps.Keys(b.Vars))
	for _, name := range slices.Sorted(maps.Keys(given)) {
		v, ok := b.Vars[name]
		switch {
		case !ok:
			errs = append(errs, fmt.Errorf("--var %s: %s has no such var%s", name, b.Name, nearest(name, names)))
		case v.Secret:
			errs = append(errs, fmt.Errorf("--var %s: a secret never stands on a command line; set [secret.%s] in the target", name, name))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(target)) {
		// A target may hold vars of other books; one that is nearly ours is a
		// typing error, and would leave the default to be used.
		if _, ok := b.Vars[name]; !ok && nearest(name, names) != "" {
			errs = append(errs, fmt.Errorf("[vars] of the target has %s, which %s does not know%s", name, b.Name, nearest(name, names)))
		}
	}
	vars := map[string]string{}
	var missing []string
	for _, name := range names {
		v := b.Vars[name]
		if v.Secret {
			if _, ok := target[name]; ok {
				errs = append(errs, fmt.Errorf("%s is a secret and stands in [vars] of the target; move it to [secret.%s]", name, name))
			}
			continue
		}
		value, ok := choose(v, name, given, target)
		switch {
		case ok:
			vars[name] = value
			errs = append(errs, checkValue(name, v, value))
		case v.Required:
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		errs = append(errs, fmt.Errorf("missing: %s; give --var %s=…, or set it in [vars] of the target", strings.Join(missing, ", "), missing[0]))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return vars, nil
}

// choose takes a value from the first place that has one. An empty --var is a
// value, but none that a required var takes: it is most often a shell variable
// that was not set.
func choose(v Var, name string, given, target map[string]string) (string, bool) {
	value, ok := given[name]
	if !ok {
		value, ok = target[name]
	}
	if !ok {
		value, ok = v.Default, v.Default != ""
	}
	return value, ok && (value != "" || !v.Required)
}

// Environ returns NAME=VALUE of each var in vars that is no secret, sorted.
func (b *Book) Environ(vars map[string]string) []string {
	var env []string
	for name, value := range vars {
		if v, ok := b.Vars[name]; ok && !v.Secret {
			env = append(env, v.Exported(name)+"="+value)
		}
	}
	slices.Sort(env)
	return env
}
