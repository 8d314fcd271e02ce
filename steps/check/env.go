package check

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"runbook/steps"
)

// Env is check.env: variables of the service's environment, never of ours.
//
//	check.env = { name = "JWT_SECRET", secret = true, min_bytes = 32, min_entropy_bits = 128, not_default = true }
//
//	source            default "service", the target's [service]; or "file:PATH",
//	                  "docker:CONTAINER", "k8s:NAMESPACE/DEPLOYMENT"
//	name              one variable
//	names             several; every rule below holds for each
//	all_of            instead: a source, "file:.env.example"; every variable
//	                  named there, and none may still hold a placeholder
//	secret            true: the value is never shown (see below)
//	equals            the value
//	one_of            the allowed values
//	not_in            refused values
//	min, max          bounds of a whole number, inclusive, written as strings
//	duration          the value as a length of time: "15m" equals "900s"
//	min_bytes         of the key, after undoing hex or base64 where it looks like one
//	min_entropy_bits  estimated, see entropyBits; use 128 for keys
//	not_default       true: not one of the defaults that projects ship
//	match             a regular expression
//	unique_across     other sources, ["file:.env.staging"]: no variable there has
//	                  this value ("service": no other variable of the service)
//
// Without a rule the variables must be set and not empty; with rules too.
//
// A secret is told by length, character classes, estimated bits and, if it is
// worth at least 64 bits, the first 8 digits of its SHA-256: of a weaker one
// they would be a test for guesses. A variable whose name says password,
// secret, token or key, and a value with credentials in a URL, are secrets
// without being asked.
//
// pass: every rule holds for every variable. fail: one is missing or breaks a
// rule. unknown: a source cannot be read, or not the part that one comes from.
type Env struct {
	Source         string   `mapstructure:"source"`
	Name           string   `mapstructure:"name"`
	Names          []string `mapstructure:"names"`
	AllOf          string   `mapstructure:"all_of"`
	Secret         bool     `mapstructure:"secret"`
	Equals         string   `mapstructure:"equals"`
	OneOf          []string `mapstructure:"one_of"`
	NotIn          []string `mapstructure:"not_in"`
	Min            string   `mapstructure:"min"`
	Max            string   `mapstructure:"max"`
	Duration       string   `mapstructure:"duration"`
	MinBytes       int      `mapstructure:"min_bytes"`
	MinEntropyBits int      `mapstructure:"min_entropy_bits"`
	NotDefault     bool     `mapstructure:"not_default"`
	Match          string   `mapstructure:"match"`
	UniqueAcross   []string `mapstructure:"unique_across"`
}

// Touches is false: it reads.
func (c *Env) Touches() bool { return false }

// Validate reports a missing name and limits that cannot be read.
func (c *Env) Validate() error {
	given := 0
	for _, is := range []bool{c.Name != "", len(c.Names) > 0, c.AllOf != ""} {
		if is {
			given++
		}
	}
	if given != 1 {
		return errors.New("name, names or all_of: want exactly one of them")
	}
	for field, limit := range map[string]string{"min": c.Min, "max": c.Max} {
		if limit == "" || unfilled(limit) {
			continue
		}
		if _, err := strconv.ParseInt(limit, 10, 64); err != nil {
			return fmt.Errorf("%s: %q is not a whole number", field, limit)
		}
	}
	if c.Duration != "" && !unfilled(c.Duration) {
		if _, err := steps.ParseDuration(c.Duration); err != nil {
			return fmt.Errorf("duration: %w", err)
		}
	}
	if c.MinBytes < 0 || c.MinEntropyBits < 0 {
		return errors.New("min_bytes and min_entropy_bits: want no negative number")
	}
	return validPattern("match", c.Match)
}

// Do reads the source and holds every variable against every rule.
func (c *Env) Do(ctx context.Context, w *steps.World) steps.Result {
	source := c.Source
	if source == "" {
		source = "service"
	}
	return measure(outside(source), func(r *steps.Result) {
		if err := c.Validate(); err != nil {
			r.Decide(steps.Unknown, "%v", err)
			return
		}
		vars, err := environment(ctx, w, source)
		partial := &steps.PartialEnv{}
		if err != nil && !errors.As(err, &partial) {
			r.Decide(steps.Unknown, "%v", err)
			return
		}
		names, err := c.wanted(ctx, w)
		if err != nil {
			r.Decide(steps.Unknown, "%v", err)
			return
		}
		r.Decide(steps.Pass, "")
		names = c.known(r, names, vars, partial)
		if missing := absent(names, vars); len(missing) > 0 {
			r.Worsen(steps.Fail, "%s: missing or empty in %s, wanted set", strings.Join(missing, ", "), outside(source))
		}
		for _, name := range names {
			v := variable{name: name, value: vars[name]}
			v.hidden = c.Secret || soundsSecret(name) || credentialsInURL(v.value)
			r.Saw(name, v.shown(), c.limit(v.hidden), "")
			if v.value != "" {
				c.hold(r, v)
				c.unique(ctx, w, r, source, v)
			}
		}
	})
}

// wanted are the names of the variables to look at. An all_of without any
// would pass whatever is set.
func (c *Env) wanted(ctx context.Context, w *steps.World) ([]string, error) {
	switch {
	case c.Name != "":
		return []string{c.Name}, nil
	case c.AllOf == "":
		return c.Names, nil
	}
	vars, err := environment(ctx, w, c.AllOf)
	if err == nil && len(vars) == 0 {
		err = fmt.Errorf("%s names no variable: there is nothing to look for", outside(c.AllOf))
	}
	return sortedKeys(vars), err
}

// known leaves out the variables of which nothing is known, and says why.
func (c *Env) known(r *steps.Result, names []string, vars map[string]string, partial *steps.PartialEnv) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		_, there := vars[name]
		why := partial.Why(name)
		if there || why == "" {
			return false
		}
		r.Saw(name, "not known", c.limit(true), "")
		r.Worsen(steps.Unknown, "%s is not known: %s", name, outside(why))
		return true
	})
}

// environment reads a source through the World. What is known in part comes with
// a *steps.PartialEnv.
func environment(ctx context.Context, w *steps.World, source string) (map[string]string, error) {
	if w.Vars == nil {
		return nil, fmt.Errorf("%s cannot be read: this world has no environments", outside(source))
	}
	vars, err := w.Vars(ctx, source)
	if errors.As(err, new(*steps.PartialEnv)) {
		return vars, err
	}
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read: %s", outside(source), outside(err.Error()))
	}
	return vars, nil
}

func absent(names []string, vars map[string]string) []string {
	var missing []string
	for _, name := range names {
		if vars[name] == "" {
			missing = append(missing, name)
		}
	}
	return missing
}

// variable is a value that may have to stay hidden.
type variable struct {
	name, value string
	hidden      bool
}

// shown is the value, or what may be told of a secret.
func (v variable) shown() string {
	switch {
	case v.value == "":
		return "empty"
	case v.hidden:
		return describeSecret(v.value)
	}
	return outside(v.value)
}

// seen is shown, short enough for a reason.
func (v variable) seen() string {
	if v.hidden {
		return "its value"
	}
	return strconv.Quote(outside(v.value))
}

// limit is what evidence tells of the rules. What a secret must equal is as
// secret as its value.
func (c *Env) limit(hidden bool) string {
	rules := []string{}
	add := func(set bool, format string, args ...any) {
		if set {
			rules = append(rules, fmt.Sprintf(format, args...))
		}
	}
	add(c.Equals != "" && !hidden, "= %s", c.Equals)
	add(c.Equals != "" && hidden, "the wanted value")
	add(len(c.OneOf) > 0 && !hidden, "one of %s", strings.Join(c.OneOf, " "))
	add(len(c.OneOf) > 0 && hidden, "one of %d values", len(c.OneOf))
	add(len(c.NotIn) > 0, "not one of %d values", len(c.NotIn))
	add(c.Min != "", ">= %s", c.Min)
	add(c.Max != "", "<= %s", c.Max)
	add(c.Duration != "", "= %s", c.Duration)
	add(c.MinBytes > 0, ">= %d bytes", c.MinBytes)
	add(c.MinEntropyBits > 0, ">= %d bits", c.MinEntropyBits)
	add(c.NotDefault, "no default")
	add(c.AllOf != "", "set, no placeholder")
	add(c.Match != "", "matches %s", c.Match)
	add(len(c.UniqueAcross) > 0, "not in %s", strings.Join(c.UniqueAcross, " "))
	if len(rules) == 0 {
		return "set"
	}
	return strings.Join(rules, ", ")
}

// hold applies every rule that needs the value alone.
func (c *Env) hold(r *steps.Result, v variable) {
	broken := func(bad bool, format string, args ...any) {
		if bad {
			r.Worsen(steps.Fail, "%s: %s %s", v.name, v.seen(), fmt.Sprintf(format, args...))
		}
	}
	wanted := strconv.Quote(c.Equals)
	if v.hidden {
		wanted = "the wanted value"
	}
	broken(c.Equals != "" && v.value != c.Equals, "is not %s", wanted)
	broken(len(c.OneOf) > 0 && !slices.Contains(c.OneOf, v.value), "is none of the allowed values")
	broken(slices.Contains(c.NotIn, v.value), "is one of the refused values")
	broken(c.NotDefault && isDefault(v.value), "is a default that projects ship")
	broken(c.AllOf != "" && placeholders().MatchString(v.value), "is a placeholder")
	size, form := keyBytes(v.value)
	broken(size < c.MinBytes, "has %d bytes (%s), wanted at least %d", size, form, c.MinBytes)
	bits := entropyBits(v.value)
	broken(bits < c.MinEntropyBits, "is worth about %d bits, wanted at least %d", bits, c.MinEntropyBits)
	c.number(r, v, broken)
	c.time(r, v, broken)
	if c.Match != "" {
		re, err := compile("match", c.Match)
		if err != nil {
			r.Worsen(steps.Unknown, "%v", err)
			return
		}
		broken(!re.MatchString(v.value), "does not match %s", c.Match)
	}
}

func (c *Env) number(r *steps.Result, v variable, broken func(bool, string, ...any)) {
	if c.Min == "" && c.Max == "" {
		return
	}
	n, err := strconv.ParseInt(strings.TrimSpace(v.value), 10, 64)
	if err != nil {
		broken(true, "is not a whole number")
		return
	}
	if limit, err := strconv.ParseInt(c.Min, 10, 64); c.Min != "" {
		broken(err == nil && n < limit, "is below %s", c.Min)
	}
	if limit, err := strconv.ParseInt(c.Max, 10, 64); c.Max != "" {
		broken(err == nil && n > limit, "is above %s", c.Max)
	}
}

func (c *Env) time(r *steps.Result, v variable, broken func(bool, string, ...any)) {
	if c.Duration == "" {
		return
	}
	wanted, err := steps.ParseDuration(c.Duration)
	if err != nil {
		r.Worsen(steps.Unknown, "duration: %v", err)
		return
	}
	got, err := steps.ParseDuration(strings.TrimSpace(v.value))
	broken(err != nil, "is not a length of time with a unit, wanted %s", c.Duration)
	broken(err == nil && got != wanted, "is not %s", c.Duration)
}

// unique compares keyed fingerprints, so that no comparison leaves the value
// or an unkeyed hash of it anywhere.
func (c *Env) unique(ctx context.Context, w *steps.World, r *steps.Result, source string, v variable) {
	mine := fingerprint(v.value)
	for _, other := range c.UniqueAcross {
		vars, err := environment(ctx, w, other)
		if err != nil {
			r.Worsen(steps.Unknown, "%s: whether it is unique is not known: %s", v.name, outside(err.Error()))
		}
		for _, name := range sortedKeys(vars) {
			if vars[name] == "" || (other == source && name == v.name) {
				continue
			}
			if sameFingerprint(mine, fingerprint(vars[name])) {
				r.Worsen(steps.Fail, "%s: %s is also that of %s in %s, wanted unique", v.name, v.seen(), outside(name), outside(other))
				break
			}
		}
	}
}
