package check

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"runbook/steps"
)

// CORS is check.cors: which other sites' scripts may read a service's answers.
//
//	check.cors = { url = "${base_url}/api/auth/login", method = "POST", allowed = ["https://app.example.com"] }
//
//	url          http or https, without credentials
//	allowed      origins that must be allowed, "https://app.example.com"
//	foreign      origins that must not; default those below
//	method       that allowed origins must be granted; default "GET"
//	credentials  true: allowed origins must be granted credentials too
//	timeout      for each request; default "10s"
//
// Of each origin a preflight (OPTIONS) and a GET are sent, never the method
// itself. Without foreign these must be refused: https://evil.example, null,
// and for each that is allowed what loose rules let through: it with
// .evil.example behind, with evil before, with a letter in the place of its
// first dot, and over http instead of https.
//
// pass: each allowed origin is granted by its exact name, no foreign one is,
// nor everybody ("*"). warn: the answer depends on the origin, and Vary does
// not say so: a cache hands one site's answer to another. fail: one is not as
// wanted, or the service refuses or is silent. unknown: the service said 429, or
// 500 and above to an origin that it did not grant, or nothing could be asked.
type CORS struct {
	URL         string         `mapstructure:"url"`
	Allowed     []string       `mapstructure:"allowed"`
	Foreign     []string       `mapstructure:"foreign"`
	Method      string         `mapstructure:"method"`
	Credentials bool           `mapstructure:"credentials"`
	Timeout     steps.Duration `mapstructure:"timeout"`
}

// maxOrigins bounds one check: each costs two requests.
const maxOrigins = 32

// Touches is false: neither a preflight nor a GET changes anything.
func (c *CORS) Touches() bool { return false }

// Validate reports what is no origin, and too many of them.
func (c *CORS) Validate() error {
	if len(c.Allowed) == 0 {
		return errors.New("allowed: missing")
	}
	for _, origin := range append(slices.Clone(c.Allowed), c.Foreign...) {
		if u, err := url.Parse(origin); !unfilled(origin) && origin != "null" && (err != nil || u.Scheme == "" || u.Scheme+"://"+u.Host != origin) {
			return fmt.Errorf("%q is no origin such as https://app.example.com", outside(origin))
		}
	}
	if n := len(c.Allowed) + len(c.foreign()); n > maxOrigins {
		return fmt.Errorf("%d origins; the limit is %d", n, maxOrigins)
	}
	if m := c.method(); !unfilled(m) && (!token().MatchString(m) || m != strings.ToUpper(m)) {
		return fmt.Errorf("method: %q is not a method in capitals", m)
	}
	return validURL(c.URL)
}

func (c *CORS) method() string {
	if c.Method == "" {
		return http.MethodGet
	}
	return c.Method
}

// foreign are the origins that must be refused.
func (c *CORS) foreign() []string {
	if len(c.Foreign) > 0 {
		return c.Foreign
	}
	all := []string{"https://evil.example", "null"}
	for _, allowed := range c.Allowed {
		all = append(all, lookAlikes(allowed)...)
	}
	return slices.DeleteFunc(all, func(origin string) bool { return slices.Contains(c.Allowed, origin) })
}

// lookAlikes are the origins that a loose rule takes for this one.
func lookAlikes(origin string) []string {
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" {
		return nil
	}
	port := strings.TrimPrefix(u.Host, u.Hostname())
	at := func(scheme, host string) string { return scheme + "://" + host + port }
	all := []string{at(u.Scheme, u.Hostname()+".evil.example"), at(u.Scheme, "evil"+u.Hostname())}
	if strings.Contains(u.Hostname(), ".") {
		all = append(all, at(u.Scheme, strings.Replace(u.Hostname(), ".", "x", 1)))
	}
	if u.Scheme == "https" {
		all = append(all, at("http", u.Hostname()))
	}
	return all
}

// Do asks for the allowed origins first: a service that is not there is then
// told from one that refuses.
func (c *CORS) Do(whole context.Context, w *steps.World) steps.Result {
	return measure(withoutSecrets(c.URL), func(r *steps.Result) {
		if err := c.Validate(); err != nil {
			r.Decide(steps.Unknown, "%v", err)
			return
		}
		s := newSequence(w)
		defer s.transport.CloseIdleConnections()
		var told steps.Result
		told.Decide(steps.Pass, "")
		var varies caching
		all, held := append(slices.Clone(c.Allowed), c.foreign()...), 0
		for i, origin := range all {
			g, ok := c.origin(whole, s, r, origin)
			if !ok {
				return
			}
			varies.add(g)
			limit, wrong := "granted", c.withheld(origin, g)
			if i >= len(c.Allowed) {
				limit, wrong = "refused", g.given(origin)
			}
			g.show(&told, origin, limit)
			switch {
			case wrong != "":
				told.Worsen(steps.Fail, "%s", wrong)
			case g.failed() != 0:
				told.Worsen(steps.Unknown, "status %d to %s: what the service grants it when it works is not known", g.failed(), outside(origin))
			default:
				held++
			}
		}
		c.judgeVary(&told, varies)
		r.Decide(told.Verdict, "%s", told.Reason)
		r.Saw("as wanted", strconv.Itoa(held), strconv.Itoa(len(all)), "origins")
		r.Evidence = append(r.Evidence, told.Evidence...)
	})
}

// origin asks twice, and sets the result if that says nothing.
func (c *CORS) origin(whole context.Context, s *sequence, r *steps.Result, origin string) (g grant, ok bool) {
	ask := func(method string, headers map[string]string) *answer {
		headers["Origin"] = origin
		got := s.ask(whole, r, Request{URL: c.URL, Method: method, Headers: headers, Timeout: c.Timeout})
		if got != nil && got.status == http.StatusTooManyRequests {
			r.Decide(steps.Unknown, "the service has had enough of us: status 429 to %s from %s", method, outside(origin))
			return nil
		}
		return got
	}
	g.preflight = ask(http.MethodOptions, map[string]string{"Access-Control-Request-Method": c.method(), "Access-Control-Request-Headers": "content-type"})
	if g.preflight == nil {
		return g, false
	}
	g.get = ask(http.MethodGet, map[string]string{})
	return g, g.get != nil
}
