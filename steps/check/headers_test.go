package check_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"runbook/steps"
	"runbook/steps/check"
)

// helmet is what Helmet 8 sends by default.
var helmet = map[string]string{
	"Strict-Transport-Security": "max-age=31536000; includeSubDomains", "X-Content-Type-Options": "nosniff",
	"Content-Security-Policy": "default-src 'self';script-src 'self';style-src 'self' https: 'unsafe-inline';frame-ancestors 'self'",
	"X-Frame-Options":         "SAMEORIGIN", "Referrer-Policy": "no-referrer", "Cross-Origin-Opener-Policy": "same-origin", "Permissions-Policy": "camera=()",
}

// sends is a service over TLS that answers with these headers, and the world
// that trusts it. A header that is changed to nothing is left out.
func sends(t *testing.T, changes ...string) (string, *steps.World) {
	t.Helper()
	headers := maps.Clone(helmet)
	for _, change := range changes {
		name, value, _ := strings.Cut(change, ": ")
		headers[name] = value
	}
	return servesTLS(t, func(w http.ResponseWriter, q *http.Request) {
		for name, value := range headers {
			for part := range strings.SplitSeq(value, "|") {
				if part != "" {
					w.Header().Add(name, part)
				}
			}
		}
		if q.URL.Path != "/" {
			http.Error(w, "no", http.StatusBadGateway)
		}
	})
}

func servesTLS(t *testing.T, handler http.HandlerFunc) (string, *steps.World) {
	t.Helper()
	server := httptest.NewTLSServer(handler)
	t.Cleanup(server.Close)
	w := world(t, nil)
	w.Roots = server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	return server.URL, w
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	const csp, hsts = "Content-Security-Policy: ", "Strict-Transport-Security: "
	for name, c := range map[string]struct {
		changes []string
		verdict steps.Verdict
		reason  string
	}{
		"helmet":            {nil, steps.Pass, ""},
		"no HSTS":           {[]string{hsts}, steps.Fail, "Strict-Transport-Security is absent"},
		"short HSTS":        {[]string{hsts + "max-age=86400; includeSubDomains"}, steps.Fail, "max-age=86400; includeSubDomains, wanted max-age >= 15552000"},
		"HSTS of nothing":   {[]string{hsts + "includeSubDomains"}, steps.Fail, "wanted max-age"},
		"HSTS taken back":   {[]string{hsts + "max-age=0|max-age=31536000; includeSubDomains"}, steps.Fail, "max-age=0"},
		"HSTS of Helmet 7":  {[]string{hsts + "max-age=15552000; includeSubDomains"}, steps.Warn, "lasts 180 days, a year is usual"},
		"HSTS of one host":  {[]string{hsts + "max-age=31536000"}, steps.Warn, "leaves the subdomains out"},
		"sniffed":           {[]string{"X-Content-Type-Options: none"}, steps.Fail, "X-Content-Type-Options is none, wanted nosniff"},
		"no policy":         {[]string{csp}, steps.Fail, "Content-Security-Policy is absent, wanted enforced"},
		"only reported":     {[]string{csp, "Content-Security-Policy-Report-Only: default-src 'self'"}, steps.Fail, "only reported"},
		"no scripts":        {[]string{csp + "frame-ancestors 'none'"}, steps.Fail, "says nothing of scripts"},
		"inline scripts":    {[]string{csp + "default-src 'self' 'unsafe-inline'"}, steps.Warn, "lets scripts be 'unsafe-inline'"},
		"inline with nonce": {[]string{csp + "script-src 'nonce-abc' 'unsafe-inline'"}, steps.Pass, ""},
		"eval with nonce":   {[]string{csp + "script-src 'nonce-abc' 'unsafe-eval'"}, steps.Warn, "'unsafe-eval'"},
		"framed":            {[]string{"X-Frame-Options: ", csp + "default-src 'self'"}, steps.Fail, "X-Frame-Options is absent"},
		"framed by policy":  {[]string{"X-Frame-Options: "}, steps.Pass, ""},
		"framed by anybody": {[]string{csp + "default-src 'self'; frame-ancestors *"}, steps.Fail, "lets anybody frame it: frame-ancestors *"},
		"framed by a port":  {[]string{csp + "default-src 'self'; frame-ancestors https://*:443"}, steps.Fail, "lets anybody frame it"},
		"framed over https": {[]string{csp + "default-src 'self'; frame-ancestors 'self' https:"}, steps.Fail, "lets anybody frame it"},
		"framed by partner": {[]string{"X-Frame-Options: ", csp + "default-src 'self'; frame-ancestors https://*.example.com:8443"}, steps.Pass, ""},
		"framed by both":    {[]string{"X-Frame-Options: DENY|ALLOWALL", csp + "default-src 'self'"}, steps.Fail, "X-Frame-Options is DENY, ALLOWALL"},
		"tells all":         {[]string{"Referrer-Policy: no-referrer, unsafe-url"}, steps.Fail, "Referrer-Policy is no-referrer, unsafe-url"},
		"not known":         {[]string{"Referrer-Policy: none"}, steps.Fail, "Referrer-Policy is none"},
		"powered":           {[]string{"X-Powered-By: Express"}, steps.Fail, "X-Powered-By is Express, wanted absent"},
		"versions":          {[]string{"Server: nginx/1.25.3"}, steps.Fail, "Server is nginx/1.25.3, wanted no version"},
		"no version":        {[]string{"Server: AmazonS3"}, steps.Pass, ""},
		"both":              {[]string{"Server: nginx/1.25.3", "X-Powered-By: Express"}, steps.Fail, "X-Powered-By is Express, wanted absent; Server is"},
		"no permissions":    {[]string{"Permissions-Policy: "}, steps.Warn, "Permissions-Policy is absent"},
		"hostile":           {[]string{"X-Powered-By: \u202eEx\u2066press"}, steps.Fail, "X-Powered-By is"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, w := sends(t, c.changes...)
			r := do(t, &check.Headers{URL: url + "/"}, w)
			want(t, r, c.verdict, c.reason)
			never(t, r, "\u202e", "\u2066")
		})
	}
}

func TestHeadersOfABook(t *testing.T) {
	t.Parallel()
	url, w := sends(t, "Content-Security-Policy: frame-ancestors 'none'", "Permissions-Policy: ", "Strict-Transport-Security: max-age=864000; includeSubDomains", "X-Tier: blue")
	for name, c := range map[string]struct {
		check   check.Headers
		verdict steps.Verdict
		reason  string
	}{
		"api":              {check.Headers{Profile: "api", HSTSMinAge: short(10 * day)}, steps.Pass, ""},
		"web":              {check.Headers{Profile: "web", HSTSMinAge: short(10 * day)}, steps.Fail, "says nothing of scripts"},
		"required":         {check.Headers{Profile: "api", HSTSMinAge: short(10 * day), Require: map[string]string{"X-Tier": "^green$"}}, steps.Fail, "X-Tier is blue, wanted ^green$"},
		"required instead": {check.Headers{Profile: "api", Require: map[string]string{"strict-transport-security": "max-age=864000"}}, steps.Pass, ""},
		"forbidden":        {check.Headers{Profile: "api", HSTSMinAge: short(10 * day), Forbid: []string{"x-tier"}}, steps.Fail, "x-tier is blue, wanted absent"},
		"no such profile":  {check.Headers{Profile: "strict"}, steps.Unknown, "neither api nor web"},
		"no pattern":       {check.Headers{Require: map[string]string{"X": "("}}, steps.Unknown, "require.X"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.check.URL = url
			want(t, do(t, &c.check, w), c.verdict, c.reason)
		})
	}
}

func TestHeadersNotMeasured(t *testing.T) {
	t.Parallel()
	url, w := sends(t)
	plain := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		for name, value := range helmet {
			w.Header().Set(name, value)
		}
	})
	want(t, do(t, &check.Headers{URL: plain}, w), steps.Unknown, "says nothing over http")
	want(t, do(t, &check.Headers{URL: url + "/error"}, w), steps.Fail, "status 502")
	want(t, do(t, &check.Headers{URL: "http://" + closedPort(t)}, w), steps.Fail, "connection refused")
	want(t, do(t, &check.Headers{URL: "http://" + silent(t), Timeout: short(50 * time.Millisecond)}, w), steps.Fail, "no answer within")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	want(t, (&check.Headers{URL: url}).Do(ctx, w), steps.Unknown, "interrupted")
}

func TestHeadersFields(t *testing.T) {
	t.Parallel()
	c := decode[*check.Headers](t, "headers", map[string]any{"url": "${base_url}/", "profile": "web", "hsts_min_age": "180d", "forbid": []string{"Via"}, "require": map[string]any{"Cache-Control": "no-store"}})
	if c.Touches() || c.HSTSMinAge.D() != 180*day {
		t.Errorf("headers: %+v", c)
	}
	url, w := sends(t)
	r := do(t, &check.Headers{URL: url}, w)
	if first := r.Evidence[0]; first.Label != "as wanted" || first.Value != fmt.Sprint(11) || first.Limit != first.Value {
		t.Errorf("evidence begins %+v", first)
	}
}
