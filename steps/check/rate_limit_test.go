package check_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"runbook/steps"
	"runbook/steps/check"
)

// limiter takes so many requests of a window, as most limiters do.
type limiter struct {
	sync.Mutex
	limit, taken int
	sent         int // in windows that are over
	again        string
	forgets      int // after so many times 429, its window is over
	fails        int // the number of a request that breaks it
}

func (l *limiter) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	l.Lock()
	defer l.Unlock()
	l.taken++
	switch {
	case l.taken == l.fails:
		w.WriteHeader(http.StatusInternalServerError)
	case l.limit > 0 && l.taken > l.limit:
		if l.again != "" {
			w.Header().Set("Retry-After", l.again)
		}
		w.WriteHeader(http.StatusTooManyRequests)
		if l.forgets--; l.forgets >= 0 {
			l.sent, l.taken = l.sent+l.taken, 0
		}
	default:
		w.WriteHeader(http.StatusUnauthorized)
	}
}

func TestRateLimit(t *testing.T) {
	t.Parallel()
	soon := func(c *check.RateLimit) { c.Window, c.RetryAfter = short(10*time.Millisecond), false }
	for name, c := range map[string]struct {
		service *limiter
		change  func(*check.RateLimit)
		verdict steps.Verdict
		reason  string
		sent    int
	}{
		"works":           {&limiter{limit: 5, again: "42"}, nil, steps.Pass, "", 6},
		"off":             {&limiter{}, nil, steps.Fail, "6 requests passed, wanted 429 after 5", 6},
		"too late":        {&limiter{limit: 6, again: "42"}, nil, steps.Fail, "6 requests passed", 6},
		"too early":       {&limiter{limit: 3, again: "0", forgets: 2}, soon, steps.Fail, "429 after 3 requests, wanted 5 to pass", 12},
		"used before":     {&limiter{limit: 5, taken: 2, again: "0", forgets: 1}, soon, steps.Pass, "", 10},
		"slides":          {&limiter{limit: 5, taken: 2, forgets: 1}, soon, steps.Pass, "", 10},
		"used up before":  {&limiter{limit: 5, taken: 5, again: "0", forgets: 1}, soon, steps.Pass, "", 7},
		"used by others":  {&limiter{limit: 1, taken: 1, again: "0"}, soon, steps.Unknown, "others use the limit up; Retry-After is 0", 3},
		"for an hour":     {&limiter{limit: 3, again: "3600"}, nil, steps.Fail, "429 after 3 requests", 4},
		"does not say":    {&limiter{limit: 5}, nil, steps.Fail, "Retry-After is absent", 6},
		"need not say":    {&limiter{limit: 5}, func(c *check.RateLimit) { c.RetryAfter = false }, steps.Pass, "", 6},
		"says nonsense":   {&limiter{limit: 5, again: "soon\u202e"}, nil, steps.Fail, "Retry-After is soon", 6},
		"says a date":     {&limiter{limit: 5, again: "Wed, 21 Oct 2015 07:28:00 GMT"}, nil, steps.Pass, "", 6},
		"breaks":          {&limiter{limit: 5, fails: 3}, nil, steps.Fail, "request 3: status 500, wanted 401", 3},
		"one":             {&limiter{limit: 1, again: "1"}, func(c *check.RateLimit) { c.Limit = "1" }, steps.Pass, "", 2},
		"slower than it":  {&limiter{}, func(c *check.RateLimit) { c.Window = 1 }, steps.Unknown, "longer than the window", 6},
		"no limit":        {&limiter{}, func(c *check.RateLimit) { c.Limit = "" }, steps.Unknown, "limit:", 0},
		"not filled in":   {&limiter{}, func(c *check.RateLimit) { c.Limit = "${limit}" }, steps.Unknown, "limit:", 0},
		"an attack":       {&limiter{}, func(c *check.RateLimit) { c.Limit = "100000" }, steps.Unknown, "from 1 to 1000", 0},
		"nothing to hand": {&limiter{}, func(c *check.RateLimit) { c.Capture = map[string]string{"a": "b"} }, steps.Unknown, "are for check.http", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before := c.service.taken
			server := httptest.NewServer(c.service)
			t.Cleanup(server.Close)
			probe := &check.RateLimit{
				Request: check.Request{URL: server.URL, Method: "POST", Body: `{"password":"wrong"}`, Status: []int{401}},
				Limit:   "5", RetryAfter: true,
			}
			if c.change != nil {
				c.change(probe)
			}
			r := do(t, probe, world(t, nil))
			want(t, r, c.verdict, c.reason)
			never(t, r, "\u202e")
			if sent := c.service.sent + c.service.taken - before; sent != c.sent {
				t.Errorf("%d requests were sent, want %d", sent, c.sent)
			}
		})
	}
}

func TestRateLimitEvidence(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(&limiter{limit: 5, again: "42"})
	t.Cleanup(server.Close)
	r := do(t, &check.RateLimit{Request: check.Request{URL: server.URL, Status: []int{401}}, Limit: "5"}, world(t, nil))
	want(t, r, steps.Pass, "")
	if first := r.Evidence[0]; first.Label != "passed" || first.Value != "5" || first.Limit != "5, then 429" {
		t.Errorf("evidence begins %+v", first)
	}
	if e := evidence(t, r, "statuses"); e.Value != "5 times 401, 429" {
		t.Errorf("statuses %+v", e)
	}
}

func TestRateLimitNotMeasured(t *testing.T) {
	t.Parallel()
	at := func(url string) *check.RateLimit {
		return &check.RateLimit{Request: check.Request{URL: url, Timeout: short(50 * time.Millisecond)}, Limit: "2"}
	}
	w := world(t, nil)
	want(t, do(t, at("http://"+closedPort(t)), w), steps.Fail, "request 1: connection refused")
	want(t, do(t, at("http://"+silent(t)), w), steps.Fail, "request 1: no answer within 50ms")
	ctx, cancel := context.WithCancel(t.Context())
	base := serve(t, func(http.ResponseWriter, *http.Request) { cancel() })
	c := at(base)
	c.Timeout = 0
	want(t, c.Do(ctx, w), steps.Unknown, "interrupted")
	signed := at(base)
	signed.Bearer = "no_token"
	want(t, do(t, signed, w), steps.Unknown, "secret not available")
}

func TestRateLimitFields(t *testing.T) {
	t.Parallel()
	c := decode[*check.RateLimit](t, "rate_limit", map[string]any{
		"url": "${base_url}/login", "method": "POST", "status": []int64{401}, "limit": "${login_limit}", "window": "15m", "retry_after": true, "bearer": "token",
	})
	if !c.Touches() || len(check.SecretVars(c)) != 1 || !strings.Contains(c.Plan()[0], "POST ${base_url}/login") {
		t.Errorf("rate_limit: %+v %q", c, c.Plan())
	}
}
