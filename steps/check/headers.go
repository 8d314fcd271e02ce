package check

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"runbook/steps"
)

// Headers is check.headers: the headers that tell browsers to be careful, and
// those that tell attackers too much.
//
//	check.headers = { url = "${base_url}/api/health", profile = "api" }
//
//	url           http or https, without credentials; its answer is not followed
//	profile       "web" (default): pages, or "api"
//	require       name = regular expression that such a header must match, besides
//	              or, of the same name, instead of the profile's demand
//	forbid        names that must be absent, besides the profile's
//	hsts_min_age  of Strict-Transport-Security; default "180d"
//	timeout       default "10s"
//
// Both profiles demand, after OWASP's list of secure headers:
//
//	Strict-Transport-Security  max-age of at least hsts_min_age; under a year,
//	                           or without includeSubDomains, warns
//	X-Content-Type-Options     nosniff
//	Content-Security-Policy    it is there and enforced; scripts that may be
//	                           'unsafe-inline' without a nonce or a hash, or
//	                           'unsafe-eval', warn. web: it has default-src or
//	                           script-src
//	X-Frame-Options            DENY or SAMEORIGIN, or frame-ancestors in the policy
//	Referrer-Policy            neither unsafe-url nor no-referrer-when-downgrade
//	X-Powered-By, X-AspNet-Version, X-AspNetMvc-Version   absent
//	Server                     without a version
//
// web warns without Permissions-Policy and without Cross-Origin-Opener-Policy.
//
// pass: all is as wanted. warn: as above. fail: one is not, or the service
// refuses, is silent or answers with an error. unknown: the url is not https,
// where Strict-Transport-Security says nothing, or nothing could be asked.
type Headers struct {
	URL        string            `mapstructure:"url"`
	Profile    string            `mapstructure:"profile"`
	Require    map[string]string `mapstructure:"require"`
	Forbid     []string          `mapstructure:"forbid"`
	HSTSMinAge steps.Duration    `mapstructure:"hsts_min_age"`
	Timeout    steps.Duration    `mapstructure:"timeout"`
}

// Touches is false: one page is asked for.
func (c *Headers) Touches() bool { return false }

// Validate reports a URL, a profile, a name or a pattern that cannot be read.
func (c *Headers) Validate() error {
	if c.Profile != "" && c.Profile != "api" && c.Profile != "web" && !unfilled(c.Profile) {
		return fmt.Errorf("profile: %q is neither api nor web", c.Profile)
	}
	for _, name := range c.Forbid {
		if !token().MatchString(name) && !unfilled(name) {
			return fmt.Errorf("forbid: %q is not a header's name", name)
		}
	}
	for name, pattern := range c.Require {
		if !token().MatchString(name) {
			return fmt.Errorf("require: %q is not a header's name", name)
		}
		if err := validPattern("require."+name, pattern); err != nil {
			return err
		}
	}
	return validURL(c.URL)
}

func (c *Headers) leastAge() time.Duration {
	if c.HSTSMinAge == 0 {
		return 180 * 24 * time.Hour
	}
	return c.HSTSMinAge.D()
}

// Do asks once.
func (c *Headers) Do(whole context.Context, w *steps.World) steps.Result {
	return measure(withoutSecrets(c.URL), func(r *steps.Result) {
		if err := c.Validate(); err != nil {
			r.Decide(steps.Unknown, "%v", err)
			return
		}
		s := newSequence(w)
		defer s.transport.CloseIdleConnections()
		got := s.ask(whole, r, Request{URL: c.URL, Timeout: c.Timeout})
		if got == nil {
			return
		}
		if got.status >= http.StatusBadRequest {
			r.Saw("status", strconv.Itoa(got.status), "< 400", "")
			r.Decide(steps.Fail, "status %d: an error's headers say nothing of the others", got.status)
			return
		}
		c.judge(r, s, got)
	})
}

// judge holds every demand, and tells first how many are met.
func (c *Headers) judge(r *steps.Result, s *sequence, got *answer) {
	demands := c.demands(got)
	var each steps.Result
	reasons := map[steps.Verdict][]string{}
	worst, met := steps.Pass, 0
	for _, d := range demands {
		values := got.header.Values(d.name)
		verdict, reason := d.judge(values)
		shown := s.header(d.name, values)
		each.Saw(d.name, shown, d.limit, "")
		if verdict == steps.Pass {
			met++
			continue
		}
		if reason == "" {
			reason = d.name + " is " + shown + ", wanted " + d.limit
		}
		worst = worst.Worse(verdict)
		reasons[verdict] = append(reasons[verdict], outside(reason))
	}
	r.Saw("as wanted", strconv.Itoa(met), strconv.Itoa(len(demands)), "headers")
	r.Evidence = append(r.Evidence, each.Evidence...)
	r.Saw("status", strconv.Itoa(got.status), "< 400", "")
	r.Decide(worst, "%s", strings.Join(reasons[worst], "; "))
}

// demand is what one header must be. An empty reason is that it is not.
type demand struct {
	name, limit string
	judge       func(values []string) (steps.Verdict, string)
}

// demands are those of the profile, and the book's own.
func (c *Headers) demands(got *answer) []demand {
	var all []demand
	add := func(d demand) {
		for name := range c.Require {
			if strings.EqualFold(name, d.name) {
				return
			}
		}
		all = append(all, d)
	}
	for _, d := range c.profile(got) {
		add(d)
	}
	for _, name := range sortedKeys(c.Require) {
		all = append(all, demand{name, c.Require[name], func(values []string) (steps.Verdict, string) {
			re, err := compile("require."+name, c.Require[name])
			if err != nil {
				return steps.Unknown, err.Error()
			}
			return passIf(anyOf(values, re.MatchString)), ""
		}})
	}
	for _, name := range c.Forbid {
		add(absentHeader(name))
	}
	return all
}

func absentHeader(name string) demand {
	return demand{name, "absent", func(values []string) (steps.Verdict, string) { return passIf(len(values) == 0), "" }}
}

func passIf(held bool) steps.Verdict {
	if held {
		return steps.Pass
	}
	return steps.Fail
}

func anyOf(values []string, holds func(string) bool) bool {
	for _, value := range values {
		if holds(value) {
			return true
		}
	}
	return false
}
