package check_test

import (
	"context"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"runbook/steps"
	"runbook/steps/check"
)

const ours, theirs = "https://app.example.com", "https://admin.example.com"

// cors is a service with a rule: which origin it grants, and what else it says.
type cors struct {
	rule    func(origin string) string
	headers map[string]string
	status  int  // of a preflight; 0 is 204
	quiet   bool // it says no Vary
}

func (c cors) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	if !c.quiet {
		w.Header().Set("Vary", "Accept-Encoding, Origin")
	}
	for part := range strings.SplitSeq(c.rule(q.Header.Get("Origin")), "|") {
		if part != "" {
			w.Header().Add("Access-Control-Allow-Origin", part)
		}
	}
	for name, value := range c.headers {
		w.Header().Set(name, value)
	}
	if q.Method == http.MethodOptions {
		w.WriteHeader(max(c.status, http.StatusNoContent))
		return
	}
	if q.Method != http.MethodGet {
		w.WriteHeader(http.StatusTeapot)
	}
}

func listed(origin string) string {
	if slices.Contains([]string{ours, theirs}, origin) {
		return origin
	}
	return ""
}

// matches is a rule that grants what a pattern matches.
func matches(pattern string) func(string) string {
	re := regexp.MustCompile(pattern)
	return func(origin string) string {
		if re.MatchString(origin) {
			return origin
		}
		return ""
	}
}

func TestCORS(t *testing.T) {
	t.Parallel()
	reflect := func(origin string) string { return origin }
	everybody := func(string) string { return "*" }
	credentials := map[string]string{"Access-Control-Allow-Credentials": "true"}
	for name, c := range map[string]struct {
		service cors
		change  func(*check.CORS)
		verdict steps.Verdict
		reason  string
	}{
		"listed":            {cors{rule: listed}, nil, steps.Pass, ""},
		"for POST":          {cors{rule: listed}, func(c *check.CORS) { c.Method = "POST" }, steps.Pass, ""},
		"one for all":       {cors{rule: func(string) string { return ours }, quiet: true}, nil, steps.Pass, ""},
		"nobody":            {cors{rule: func(string) string { return "" }}, nil, steps.Fail, ours + " is not granted by its name: no Access-Control-Allow-Origin"},
		"another":           {cors{rule: func(string) string { return theirs }}, nil, steps.Fail, "not granted by its name: Access-Control-Allow-Origin " + theirs},
		"twice":             {cors{rule: func(o string) string { return listed(o) + "|" + listed(o) }}, nil, steps.Fail, "not granted by its name"},
		"reflects":          {cors{rule: reflect}, nil, steps.Fail, "https://evil.example is granted"},
		"reflects all":      {cors{rule: reflect, headers: credentials}, nil, steps.Fail, "https://evil.example, with credentials, is granted"},
		"null":              {cors{rule: func(o string) string { return map[bool]string{true: o}[o == "null" || listed(o) != ""] }}, nil, steps.Fail, "null is granted"},
		"everybody":         {cors{rule: everybody}, nil, steps.Fail, "not granted by its name: Access-Control-Allow-Origin *"},
		"everybody, too":    {cors{rule: func(o string) string { return map[bool]string{true: o, false: "*"}[listed(o) != ""] }, headers: credentials}, nil, steps.Fail, "everybody (*), with credentials, is granted"},
		"ends so":           {cors{rule: matches(`app\.example\.com$`)}, nil, steps.Fail, "https://evilapp.example.com is granted"},
		"begins so":         {cors{rule: matches(`^https://app\.example\.com`)}, nil, steps.Fail, "https://app.example.com.evil.example is granted"},
		"a dot is any":      {cors{rule: matches(`^https://app.example\.com$`)}, nil, steps.Fail, "https://appxexample.com is granted"},
		"over http too":     {cors{rule: matches(`^https?://app\.example\.com$`)}, nil, steps.Fail, "http://app.example.com is granted"},
		"foreign of ours":   {cors{rule: listed}, func(c *check.CORS) { c.Foreign = []string{theirs} }, steps.Fail, theirs + " is granted"},
		"preflight refused": {cors{rule: listed, status: 403}, nil, steps.Fail, "its preflight got status 403"},
		"credentials":       {cors{rule: listed, headers: credentials}, func(c *check.CORS) { c.Credentials = true }, steps.Pass, ""},
		"no credentials":    {cors{rule: listed}, func(c *check.CORS) { c.Credentials = true }, steps.Fail, "granted without credentials"},
		"no DELETE": {cors{rule: listed, headers: map[string]string{"Access-Control-Allow-Methods": "GET, PUT"}}, func(c *check.CORS) {
			c.Method = "DELETE"
		}, steps.Fail, "may not use DELETE"},
		"DELETE": {cors{rule: listed, headers: map[string]string{"Access-Control-Allow-Methods": "GET,DELETE"}}, func(c *check.CORS) {
			c.Method = "DELETE"
		}, steps.Pass, ""},
		"no Vary": {cors{rule: listed, quiet: true}, nil, steps.Warn, "Vary does not say so"},
		"hostile": {cors{rule: func(string) string { return "\u202eevil" }}, nil, steps.Fail, "not granted by its name"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			probe := &check.CORS{URL: serve(t, c.service.ServeHTTP), Allowed: []string{ours}}
			if c.change != nil {
				c.change(probe)
			}
			r := do(t, probe, world(t, nil))
			want(t, r, c.verdict, c.reason)
			never(t, r, "\u202e")
			if first := r.Evidence[0]; first.Label != "as wanted" || (first.Value == first.Limit) == (c.verdict == steps.Fail) {
				t.Errorf("evidence begins %+v", first)
			}
		})
	}
}

func TestCORSNotMeasured(t *testing.T) {
	t.Parallel()
	limited := serve(t, func(w http.ResponseWriter, q *http.Request) {
		if origin := q.Header.Get("Origin"); listed(origin) == "" {
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		cors{rule: listed}.ServeHTTP(w, q)
	})
	fails := func(also map[string]string) string {
		return serve(t, func(w http.ResponseWriter, q *http.Request) {
			if origin := q.Header.Get("Origin"); listed(origin) == "" && q.Method == http.MethodGet {
				for name, value := range also {
					w.Header().Set(name, value)
				}
				w.WriteHeader(http.StatusBadGateway)
				return
			}
			cors{rule: listed}.ServeHTTP(w, q)
		})
	}
	w, allowed := world(t, nil), []string{ours}
	broken := do(t, &check.CORS{URL: fails(nil), Allowed: allowed}, w)
	want(t, broken, steps.Unknown, "status 502 to https://evil.example")
	if first := broken.Evidence[0]; first.Value != "1" {
		t.Errorf("%s origins are as wanted, of the others nothing is known", first.Value)
	}
	want(t, do(t, &check.CORS{URL: fails(map[string]string{"Access-Control-Allow-Origin": "*"}), Allowed: allowed}, w), steps.Fail, "everybody (*) is granted")
	want(t, do(t, &check.CORS{URL: limited, Allowed: allowed}, w), steps.Unknown, "status 429")
	want(t, do(t, &check.CORS{URL: "http://" + closedPort(t), Allowed: allowed}, w), steps.Fail, "connection refused")
	want(t, do(t, &check.CORS{URL: "http://" + silent(t), Allowed: allowed, Timeout: short(50 * time.Millisecond)}, w), steps.Fail, "no answer within")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	want(t, (&check.CORS{URL: limited, Allowed: allowed}).Do(ctx, w), steps.Unknown, "interrupted")
}

func TestCORSFields(t *testing.T) {
	t.Parallel()
	c := decode[*check.CORS](t, "cors", map[string]any{"url": "${base_url}/login", "method": "POST", "allowed": []string{"${base_url}"}, "foreign": []string{"null"}, "credentials": true})
	if c.Touches() {
		t.Error("cors touches")
	}
	for name, wrong := range map[string]check.CORS{
		"nobody": {URL: "http://x"}, "a path": {URL: "http://x", Allowed: []string{"https://a/"}}, "no scheme": {URL: "http://x", Allowed: []string{"a.example"}},
		"too many": {URL: "http://x", Allowed: slices.Repeat([]string{ours}, 33)},
	} {
		if wrong.Validate() == nil {
			t.Errorf("%s is valid", name)
		}
	}
}
