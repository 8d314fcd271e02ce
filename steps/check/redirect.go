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

// Redirect is check.redirect: addresses that must lead elsewhere for good.
//
//	check.redirect = { urls = ["http://app.example.com/", "http://app.example.com/api/health"] }
//
//	urls     http or https, without credentials; each is asked with GET
//	to       where each must lead; default "https://"
//	status   allowed status codes; default [301, 308]
//	timeout  for each; default "10s"
//
// A redirect to "https://" must lead to the host that was asked, on any port;
// one to "https://www.example.com/app" to that host and port, at that path or
// below. It is not followed.
//
// pass: all lead there. fail: one does not, with a status that is not wanted,
// or the service refuses or is silent. unknown: nothing could be asked.
type Redirect struct {
	URLs    []string       `mapstructure:"urls"`
	To      string         `mapstructure:"to"`
	Status  []int          `mapstructure:"status"`
	Timeout steps.Duration `mapstructure:"timeout"`
}

// Touches is false: the addresses are asked for.
func (c *Redirect) Touches() bool { return false }

// Validate reports an empty list, too long a list, and what is no URL.
func (c *Redirect) Validate() error {
	if len(c.URLs) == 0 || len(c.URLs) > maxRequests {
		return fmt.Errorf("urls: want 1 to %d, got %d", maxRequests, len(c.URLs))
	}
	for _, raw := range c.URLs {
		if err := validURL(raw); err != nil {
			return err
		}
	}
	for _, status := range c.Status {
		if status < 300 || status > 399 {
			return fmt.Errorf("status: %d is no redirect's", status)
		}
	}
	if to, err := url.Parse(c.to()); !unfilled(c.to()) && (err != nil || to.Scheme != "http" && to.Scheme != "https" || to.RawQuery != "") {
		return errors.New("to: want https:// or https://HOST/PATH")
	}
	return nil
}

func (c *Redirect) to() string {
	if c.To == "" {
		return "https://"
	}
	return c.To
}

func (c *Redirect) statuses() []int {
	if len(c.Status) == 0 {
		return []int{http.StatusMovedPermanently, http.StatusPermanentRedirect}
	}
	return c.Status
}

// Do asks each, one after another.
func (c *Redirect) Do(whole context.Context, w *steps.World) steps.Result {
	where := "redirect"
	if len(c.URLs) > 0 {
		where = withoutSecrets(c.URLs[0])
	}
	return measure(where, func(r *steps.Result) {
		if err := c.Validate(); err != nil {
			r.Decide(steps.Unknown, "%v", err)
			return
		}
		s := newSequence(w)
		defer s.transport.CloseIdleConnections()
		r.Decide(steps.Pass, "")
		for _, raw := range c.URLs {
			var one steps.Result
			label := withoutSecrets(raw)
			got := s.ask(whole, &one, Request{URL: raw, Timeout: c.Timeout})
			if got == nil {
				r.Saw(label, one.Reason, c.to(), "")
				r.Worsen(one.Verdict, "%s: %s", label, one.Reason)
				continue
			}
			c.judge(r, label, got)
		}
	})
}

func (c *Redirect) judge(r *steps.Result, label string, got *answer) {
	shown := strconv.Itoa(got.status)
	location, err := url.Parse(got.header.Get("Location"))
	if err != nil || got.header.Get("Location") == "" {
		r.Saw(label, shown, c.to(), "")
		r.Worsen(steps.Fail, "%s: status %s leads nowhere, wanted a redirect to %s", label, shown, c.to())
		return
	}
	location = got.from.ResolveReference(location)
	target := withoutSecrets(location.String())
	r.Saw(label, shown+" to "+target, c.to(), "")
	if !c.leads(got.from, location) {
		r.Worsen(steps.Fail, "%s: leads to %s, wanted %s", label, target, c.wanted(got.from))
	}
	if !slices.Contains(c.statuses(), got.status) {
		r.Worsen(steps.Fail, "%s: status %s, wanted %s", label, shown, strings.Trim(fmt.Sprint(c.statuses()), "[]"))
	}
}

func (c *Redirect) wanted(from *url.URL) string {
	if c.to() == "https://" {
		return "https://" + from.Hostname()
	}
	return c.to()
}

// leads reports that a location is where it must be. Beginning with the same
// letters is not enough: https://app.example.com.evil.example does so too.
func (c *Redirect) leads(from, location *url.URL) bool {
	to, err := url.Parse(c.to())
	if err != nil || location.Scheme != to.Scheme || location.User != nil {
		return false
	}
	if to.Host == "" {
		return strings.EqualFold(location.Hostname(), from.Hostname())
	}
	path := strings.TrimSuffix(to.Path, "/")
	return origin(location) == origin(to) && (path == "" || location.Path == path || strings.HasPrefix(location.Path, path+"/"))
}
