package check

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"runbook/steps"
)

// RateLimit is run.probe.rate_limit: how many requests a service takes before
// it says 429. It uses the limit up: what is limited together with it is refused
// for a while.
//
//	run.probe.rate_limit = { url = "${base_url}/api/auth/login", method = "POST", body = '{"email":"probe@example.com","password":"wrong"}', status = [401], limit = "5", window = "15m" }
//
// The fields of a request of check.http, except capture and follow: each answer
// before the limit must be as they want. And:
//
//	limit        requests that must pass; the next one must get 429
//	window       the time that the limit is for; default "60s"
//	retry_after  true: the 429 must say when to come again
//
// One request follows another, up to the first 429. If that comes too early,
// something may have used the limit before: the probe waits as long as
// Retry-After says, then a whole window, and tries again each time. It waits
// for no more than 2 minutes.
//
// pass: the first limit requests pass, the next gets 429. fail: a request
// before it gets 429 or another answer that is not wanted, or none gets 429, or
// it does not say Retry-After. unknown: even the first request got 429, so the
// limit is used up by others, the requests took longer than window, or nothing
// could be asked.
type RateLimit struct {
	Request    `mapstructure:",squash"`
	Limit      string         `mapstructure:"limit"`
	Window     steps.Duration `mapstructure:"window"`
	RetryAfter bool           `mapstructure:"retry_after"`
}

// Bounds of one probe: more requests would be an attack, and nobody waits for
// an hour.
const (
	maxLimit = 1000
	maxPause = 2 * time.Minute
)

// Touches is true: what it is limited together with is refused for a while.
func (c *RateLimit) Touches() bool { return true }

// Plan is what is sent.
func (c *RateLimit) Plan() []string {
	return []string{fmt.Sprintf("%s + 1 times %s %s, up to the first 429", c.Limit, c.method(), c.URL)}
}

// SecretVars is bearer.
func (c *RateLimit) SecretVars() []SecretVar { return []SecretVar{{"bearer", c.Bearer}} }

// Validate reports what is wrong with the request, and a limit that is none.
func (c *RateLimit) Validate() error {
	if !unfilled(c.Limit) {
		if n, err := strconv.Atoi(c.Limit); err != nil || n < 1 || n > maxLimit {
			return fmt.Errorf("limit: %q is not a number from 1 to %d", c.Limit, maxLimit)
		}
	}
	return c.alone()
}

func (c *RateLimit) window() time.Duration {
	if c.Window == 0 {
		return time.Minute
	}
	return c.Window.D()
}

// alone is validate for a request that is repeated as it is.
func (q *Request) alone() error {
	if len(q.Capture) > 0 || q.Follow {
		return errors.New("capture and follow are for check.http")
	}
	return q.validate(map[string]bool{"unique": true})
}

// Do sends until the first 429, or one more than must pass.
func (c *RateLimit) Do(whole context.Context, w *steps.World) steps.Result {
	return measure(withoutSecrets(c.URL), func(r *steps.Result) {
		if err := c.Validate(); err != nil {
			r.Decide(steps.Unknown, "%v", err)
			return
		}
		limit, err := strconv.Atoi(c.Limit)
		if err != nil {
			r.Decide(steps.Unknown, "limit: %q is not a number", c.Limit)
			return
		}
		s := newSequence(w)
		defer s.transport.CloseIdleConnections()
		c.tries(whole, r, &flood{RateLimit: c, sequence: s, limit: limit})
	})
}

// tries floods once, and again after each pause if 429 came too early.
func (c *RateLimit) tries(whole context.Context, r *steps.Result, f *flood) {
	var waited time.Duration
	for again := range 3 {
		*r = steps.Result{Where: r.Where, Began: r.Began}
		f.statuses, f.early = nil, nil
		f.run(whole, r)
		pause := c.pause(f.early, again)
		if f.early == nil || again == 2 || pause > maxPause {
			break
		}
		select {
		case <-time.After(pause):
			waited += pause
		case <-whole.Done():
			r.Decide(steps.Unknown, "interrupted while it waited for the limit to be free")
			return
		}
	}
	r.Saw("statuses", outside(sequenceOf(f.statuses)), "", "")
	if waited > 0 {
		r.Saw("waited before", steps.Duration(waited).String(), "", "")
	}
}

// pause is how long the limit may be in use: first as the service says, then a
// whole window.
func (c *RateLimit) pause(early http.Header, again int) time.Duration {
	if seconds, err := strconv.Atoi(early.Get("Retry-After")); err == nil && seconds >= 0 && again == 0 {
		return time.Duration(min(seconds, 1<<20)) * time.Second
	}
	return c.window()
}

// flood is one execution.
type flood struct {
	*RateLimit
	*sequence
	limit    int
	statuses []int
	early    http.Header // of a 429 that came too early
}

func (f *flood) run(whole context.Context, r *steps.Result) {
	began := time.Now()
	for n := range f.limit + 1 {
		got := f.ask(whole, r, f.Request)
		if got == nil {
			r.Reason = fmt.Sprintf("request %d: %s", n+1, r.Reason)
			return
		}
		f.statuses = append(f.statuses, got.status)
		took := time.Since(began)
		switch {
		case got.status == http.StatusTooManyRequests:
			f.limited(r, n, got)
			return
		case n == f.limit && took > f.window():
			r.Decide(steps.Unknown, "%d requests took %s, longer than the window of %s", n+1, steps.Duration(took.Round(time.Second)), steps.Duration(f.window()))
			return
		case n == f.limit:
			f.passed(r, n+1)
			r.Decide(steps.Fail, "%d requests passed, wanted 429 after %d", n+1, f.limit)
			return
		}
		var one steps.Result
		one.Decide(steps.Pass, "")
		f.judge(&one, "", f.Request, got)
		if one.Verdict != steps.Pass {
			f.passed(r, n)
			r.Decide(one.Verdict, "request %d: %s", n+1, one.Reason)
			return
		}
	}
}

// limited judges the first 429, which n requests came before.
func (f *flood) limited(r *steps.Result, n int, got *answer) {
	f.passed(r, n)
	again, wanted := "absent", ""
	if value := got.header.Get("Retry-After"); value != "" {
		again = outside(value)
	}
	if f.RetryAfter {
		wanted = "there"
	}
	r.Saw("Retry-After", again, wanted, "")
	r.Decide(steps.Pass, "")
	if n < f.limit {
		f.early = got.header
	}
	switch {
	case n == 0:
		r.Decide(steps.Unknown, "the first request got 429: others use the limit up; Retry-After is %s", again)
	case n < f.limit:
		r.Decide(steps.Fail, "429 after %d requests, wanted %d to pass: the limit is lower, or others use it too", n, f.limit)
	case f.RetryAfter && !retryAfter(got.header):
		r.Decide(steps.Fail, "the 429 does not say when to come again: Retry-After is %s", again)
	}
}

// passed tells how many requests were taken.
func (f *flood) passed(r *steps.Result, n int) {
	r.Saw("passed", strconv.Itoa(n), fmt.Sprintf("%d, then 429", f.limit), "requests")
}

// retryAfter reports that a header says seconds or a date.
func retryAfter(header http.Header) bool {
	value := header.Get("Retry-After")
	if n, err := strconv.Atoi(value); err == nil {
		return n >= 0
	}
	_, err := http.ParseTime(value)
	return err == nil
}

// sequenceOf tells what repeats once: "5 times 401, 429".
func sequenceOf(statuses []int) string {
	var parts []string
	for i := 0; i < len(statuses); {
		j := i
		for j < len(statuses) && statuses[j] == statuses[i] {
			j++
		}
		part := strconv.Itoa(statuses[i])
		if j-i > 1 {
			part = fmt.Sprintf("%d times %s", j-i, part)
		}
		parts, i = append(parts, part), j
	}
	return strings.Join(parts, ", ")
}
