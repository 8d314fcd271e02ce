package check

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"runbook/steps"
)

// profile is what OWASP's list demands of this answer.
func (c *Headers) profile(got *answer) []demand {
	policy := readPolicy(got.header.Values("Content-Security-Policy"))
	all := []demand{
		{"Strict-Transport-Security", "max-age >= " + strconv.Itoa(int(c.leastAge()/time.Second)), func(values []string) (steps.Verdict, string) {
			if got.from.Scheme != "https" {
				return steps.Unknown, "Strict-Transport-Security says nothing over http: ask the https url"
			}
			return c.judgeHSTS(values)
		}},
		{"X-Content-Type-Options", "nosniff", func(values []string) (steps.Verdict, string) {
			return passIf(each(values, "nosniff")), ""
		}},
		{"Content-Security-Policy", "enforced", func(values []string) (steps.Verdict, string) { return c.judgePolicy(got, policy) }},
		{"X-Frame-Options", "DENY or SAMEORIGIN", func(values []string) (steps.Verdict, string) {
			// Where the policy says who may frame it, browsers leave the header out.
			framers, framed := policy["frame-ancestors"]
			if framed && slices.ContainsFunc(framers, anybody) {
				return steps.Fail, "Content-Security-Policy lets anybody frame it: frame-ancestors " + outside(strings.Join(framers, " "))
			}
			return passIf(framed || each(values, "deny", "sameorigin")), ""
		}},
		{"Referrer-Policy", "a careful one", func(values []string) (steps.Verdict, string) { return judgeReferrer(values) }},
		absentHeader("X-Powered-By"), absentHeader("X-AspNet-Version"), absentHeader("X-AspNetMvc-Version"),
		{"Server", "no version", func(values []string) (steps.Verdict, string) {
			return passIf(!anyOf(values, versionNumber().MatchString)), ""
		}},
	}
	if c.Profile == "api" {
		return all
	}
	for _, name := range []string{"Permissions-Policy", "Cross-Origin-Opener-Policy"} {
		all = append(all, demand{name, "there", func(values []string) (steps.Verdict, string) {
			if len(values) == 0 {
				return steps.Warn, ""
			}
			return steps.Pass, ""
		}})
	}
	return all
}

var versionNumber = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`/\d|\d\.\d`) })

// each reports that there is a value, and that every one, also of a list, is
// one of those wanted: browsers drop a header that contradicts itself.
func each(values []string, wanted ...string) bool {
	for part := range strings.SplitSeq(strings.Join(values, ","), ",") {
		if !slices.Contains(wanted, strings.ToLower(strings.TrimSpace(part))) {
			return false
		}
	}
	return true
}

// judgeHSTS reads the first header only, as browsers do.
func (c *Headers) judgeHSTS(values []string) (steps.Verdict, string) {
	if len(values) == 0 {
		return steps.Fail, ""
	}
	age, subdomains := int64(-1), false
	for part := range strings.SplitSeq(values[0], ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "max-age":
			if n, err := strconv.ParseInt(strings.Trim(strings.TrimSpace(value), `"`), 10, 64); err == nil {
				age = n
			}
		case "includesubdomains":
			subdomains = true
		}
	}
	const year = 365 * 24 * 60 * 60
	switch {
	case age < int64(c.leastAge()/time.Second):
		return steps.Fail, ""
	case !subdomains:
		return steps.Warn, "Strict-Transport-Security leaves the subdomains out"
	case age < year && c.HSTSMinAge == 0:
		return steps.Warn, fmt.Sprintf("Strict-Transport-Security lasts %d days, a year is usual", age/(24*60*60))
	}
	return steps.Pass, ""
}

// readPolicy is a Content-Security-Policy by directive. Of several policies
// all are in force; what one of them has counts.
func readPolicy(values []string) map[string][]string {
	policy := map[string][]string{}
	for part := range strings.FieldsFuncSeq(strings.Join(values, ";"), func(r rune) bool { return r == ';' || r == ',' }) {
		words := strings.Fields(strings.ToLower(part))
		if len(words) > 0 && policy[words[0]] == nil {
			policy[words[0]] = append([]string{}, words[1:]...)
		}
	}
	return policy
}

// anybody reports that a source of a policy is every site, if only every one of
// a scheme.
func anybody(source string) bool {
	scheme, host, found := strings.Cut(source, "://")
	if !found {
		scheme, host = "", scheme
	}
	name, _, _ := strings.Cut(host, ":")
	return name == "*" || scheme == "" && strings.HasSuffix(source, ":")
}

func (c *Headers) judgePolicy(got *answer, policy map[string][]string) (steps.Verdict, string) {
	scripts, found := policy["script-src"]
	if !found {
		scripts, found = policy["default-src"]
	}
	switch {
	case len(policy) == 0 && got.header.Get("Content-Security-Policy-Report-Only") != "":
		return steps.Fail, "Content-Security-Policy is only reported, not enforced"
	case len(policy) == 0:
		return steps.Fail, ""
	case c.Profile != "api" && !found:
		return steps.Fail, "Content-Security-Policy says nothing of scripts: wanted default-src or script-src"
	}
	// A nonce or a hash takes the force from 'unsafe-inline'.
	strict := slices.ContainsFunc(scripts, func(s string) bool { return strings.HasPrefix(s, "'nonce-") || strings.HasPrefix(s, "'sha") })
	for _, word := range []string{"'unsafe-inline'", "'unsafe-eval'"} {
		if slices.Contains(scripts, word) && (word != "'unsafe-inline'" || !strict) {
			return steps.Warn, "Content-Security-Policy lets scripts be " + word
		}
	}
	return steps.Pass, ""
}

// judgeReferrer reads the last policy that is known, as browsers do.
func judgeReferrer(values []string) (steps.Verdict, string) {
	careful := map[string]bool{
		"no-referrer": true, "same-origin": true, "strict-origin": true, "strict-origin-when-cross-origin": true,
		"origin": true, "origin-when-cross-origin": true, "unsafe-url": false, "no-referrer-when-downgrade": false,
	}
	held := false
	for part := range strings.SplitSeq(strings.Join(values, ","), ",") {
		if good, known := careful[strings.ToLower(strings.TrimSpace(part))]; known {
			held = good
		}
	}
	return passIf(held), ""
}
