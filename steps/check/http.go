package check

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"runbook/steps"
	"runbook/steps/reach"
)

// HTTP is check.http: one request and what its answer must be, or a sequence
// of requests that hand values on.
//
//	check.http = { url = "${base_url}/api/health", json = { status = "ok" }, max = "2s" }
//
//	[phase.step.run.probe.http]
//	steps = [
//	  { url = "${base_url}/api/auth/register", method = "POST", status = [201],
//	    body = '{"email":"probe+{{unique}}@example.com","password":"Long-Enough-1!"}', capture = { id = "user.id" } },
//	]
//	cleanup = [ { url = "${base_url}/api/users/{{id}}", method = "DELETE", status = [200, 204, 404] } ]
//
// The fields of a request, here at the top or in each element of steps:
//
//	url            http or https, without credentials
//	method         default "GET"
//	headers        sent
//	bearer         a secret var of the book, sent as "Authorization: Bearer …"
//	body           sent
//	status         allowed status codes; default [200]
//	json           path = expected text, "user.roles.0" = "admin"; "*": it is
//	               there, and not null
//	contains       text in the first 1 MiB of the body
//	match          a regular expression on the same
//	not_match      one that must not match there
//	header         name = regular expression that a header of the answer must match
//	forbid_headers names that the answer must not have
//	max            the answer's longest time, head and body: "2s"
//	timeout        default "10s"
//	follow         true: follow redirects, within the same origin only
//	capture        name = path in the JSON answer, used later as {{name}}
//
//	steps          requests, one after another until one does not pass
//	cleanup        requests that are always made at the end; a failure warns
//
// {{unique}} is 16 random characters, the same in one execution. A captured
// value goes only to the origin it came from, and appears in no evidence; nor
// does bearer.
// Proxies, cookies and our environment are not used.
//
// pass: every answer is as wanted. warn: all is, but cleaning up is not. fail:
// refused, silent, slow, a bad certificate, or an answer that is not as
// wanted. unknown: nothing could be asked, the secret can't be had, a {{name}}
// may not be used there, or a text was not found in the first 1 MiB of a
// longer body.
type HTTP struct {
	Request `mapstructure:",squash"`
	Steps   []Request `mapstructure:"steps"`
	Cleanup []Request `mapstructure:"cleanup"`
}

// Request is one request of check.http.
type Request struct {
	URL           string            `mapstructure:"url"`
	Method        string            `mapstructure:"method"`
	Headers       map[string]string `mapstructure:"headers"`
	Bearer        string            `mapstructure:"bearer"`
	Body          string            `mapstructure:"body"`
	Status        []int             `mapstructure:"status"`
	JSON          map[string]string `mapstructure:"json"`
	Contains      string            `mapstructure:"contains"`
	Match         string            `mapstructure:"match"`
	NotMatch      string            `mapstructure:"not_match"`
	Header        map[string]string `mapstructure:"header"`
	ForbidHeaders []string          `mapstructure:"forbid_headers"`
	Max           steps.Duration    `mapstructure:"max"`
	Timeout       steps.Duration    `mapstructure:"timeout"`
	Follow        bool              `mapstructure:"follow"`
	Capture       map[string]string `mapstructure:"capture"`
}

// maxRequests bounds one execution: more would be a load test.
const maxRequests = 32

// Touches is true if any request may change something: its method is not GET,
// HEAD or OPTIONS.
func (c *HTTP) Touches() bool {
	for _, request := range append(c.requests(), c.Cleanup...) {
		if request.touches() {
			return true
		}
	}
	return false
}

// Plan is each request, without its body.
func (c *HTTP) Plan() []string {
	var lines []string
	for _, q := range c.requests() {
		lines = append(lines, q.method()+" "+q.URL)
	}
	for _, q := range c.Cleanup {
		lines = append(lines, "at its end "+q.method()+" "+q.URL)
	}
	return lines
}

// SecretVars are the bearers of all requests.
func (c *HTTP) SecretVars() []SecretVar {
	named := []SecretVar{{"bearer", c.Bearer}}
	for i, q := range c.Steps {
		named = append(named, SecretVar{fmt.Sprintf("steps[%d].bearer", i), q.Bearer})
	}
	for i, q := range c.Cleanup {
		named = append(named, SecretVar{fmt.Sprintf("cleanup[%d].bearer", i), q.Bearer})
	}
	return named
}

// requests are those that decide, in order.
func (c *HTTP) requests() []Request {
	if c.URL != "" {
		return []Request{c.Request}
	}
	return append([]Request{}, c.Steps...)
}

// Validate reports what is wrong with any request, and a {{name}} that no
// earlier request captures.
func (c *HTTP) Validate() error {
	if (c.URL == "") == (len(c.Steps) == 0) {
		return errors.New("url or steps: want exactly one of them")
	}
	all := append(c.requests(), c.Cleanup...)
	if len(all) > maxRequests {
		return fmt.Errorf("%d requests; the limit is %d", len(all), maxRequests)
	}
	known := map[string]bool{"unique": true}
	for i, request := range all {
		if err := request.validate(known); err != nil {
			return fmt.Errorf("request %d: %w", i+1, err)
		}
		for name := range request.Capture {
			known[name] = true
		}
	}
	return nil
}

// Do makes the requests in order, stops at the first that does not pass, and
// then cleans up.
func (c *HTTP) Do(ctx context.Context, w *steps.World) steps.Result {
	where := "http"
	if all := c.requests(); len(all) > 0 {
		where = withoutSecrets(all[0].URL)
	}
	return measure(where, func(r *steps.Result) {
		if err := c.Validate(); err != nil {
			r.Decide(steps.Unknown, "%v", err)
			return
		}
		s := newSequence(w)
		defer s.transport.CloseIdleConnections()
		r.Decide(steps.Pass, "")
		for i, request := range c.requests() {
			label := ""
			if len(c.Steps) > 0 {
				label = fmt.Sprintf("%d %s ", i+1, request.method())
			}
			s.do(ctx, r, label, request)
			if r.Verdict != steps.Pass {
				break
			}
		}
		c.cleanUp(ctx, r, s)
	})
}

// cleanUp makes every request of cleanup, even when the check was interrupted.
// One that needs a value which was never captured is needed only if something
// was touched.
func (c *HTTP) cleanUp(ctx context.Context, r *steps.Result, s *sequence) {
	ctx = context.WithoutCancel(ctx)
	for i, request := range c.Cleanup {
		label := fmt.Sprintf("cleanup %d %s ", i+1, request.method())
		if missing := s.missing(request); missing != "" && !s.touched {
			r.Saw(strings.TrimSpace(label), "nothing to clean up", "", "")
			continue
		}
		var one steps.Result
		one.Decide(steps.Pass, "")
		s.do(ctx, &one, label, request)
		r.Evidence = append(r.Evidence, one.Evidence...)
		if one.Verdict != steps.Pass {
			r.Saw(strings.TrimSpace(label), one.Reason, "", "")
			r.Worsen(steps.Warn, "cleaning up failed, something may be left: %s", one.Reason)
		}
	}
}

// transport dials through the World only: no proxy, no shared connections.
func transport(w *steps.World) *http.Transport {
	return &http.Transport{
		DialContext:            reach.Dial(w),
		TLSClientConfig:        &tls.Config{RootCAs: w.Roots, MinVersion: tls.VersionTLS12},
		ForceAttemptHTTP2:      true,
		MaxResponseHeaderBytes: 64 << 10,
		TLSHandshakeTimeout:    10 * time.Second,
	}
}
