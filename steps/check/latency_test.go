package check_test

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"runbook/steps"
	"runbook/steps/check"
)

// every10th is a service of which each tenth answer is an error.
func every10th(t *testing.T) (string, *atomic.Int64) {
	t.Helper()
	var asked atomic.Int64
	return serve(t, func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1)%10 == 0 {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}), &asked
}

func TestLatency(t *testing.T) {
	t.Parallel()
	minute := short(time.Minute)
	for name, c := range map[string]struct {
		change  func(*check.Latency)
		verdict steps.Verdict
		reason  string
		asked   int64
	}{
		"within":            {func(c *check.Latency) { c.Mean, c.P50, c.P95, c.P99 = minute, minute, minute, minute }, steps.Pass, "", 51},
		"mean":              {func(c *check.Latency) { c.Mean, c.P95 = 1, minute }, steps.Fail, "mean of 45 answers is", 51},
		"p50":               {func(c *check.Latency) { c.P50, c.P95 = 1, minute }, steps.Fail, "p50 of 45 answers is", 51},
		"p95":               {func(c *check.Latency) { c.P95, c.P99 = 1, minute }, steps.Fail, "p95 of 45 answers is", 51},
		"p99":               {func(c *check.Latency) { c.P95, c.P99 = minute, 1 }, steps.Fail, "p99 of 45 answers is", 51},
		"errors":            {func(c *check.Latency) { c.P95, c.Errors = minute, "9" }, steps.Fail, "5 of 50 requests failed, the first: status 500", 51},
		"no errors allowed": {func(c *check.Latency) { c.P95, c.Errors = minute, "" }, steps.Fail, "5 of 50 requests failed", 51},
		"some at once":      {func(c *check.Latency) { c.P95, c.N, c.Concurrency, c.Warmup = minute, 8, 4, 0 }, steps.Pass, "", 12},
		"warmed up":         {func(c *check.Latency) { c.P95, c.N, c.Warmup = minute, 1, 11 }, steps.Pass, "", 12},
		"no limit":          {func(*check.Latency) {}, steps.Unknown, "want at least one of them", 0},
		"a load test":       {func(c *check.Latency) { c.P95, c.N = minute, 100_000 }, steps.Unknown, "want 1 to 10000", 0},
		"too many at once":  {func(c *check.Latency) { c.P95, c.Concurrency = minute, 1000 }, steps.Unknown, "want 1 to 64", 0},
		"no percent":        {func(c *check.Latency) { c.P95, c.Errors = minute, "few" }, steps.Unknown, "errors:", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, asked := every10th(t)
			probe := &check.Latency{Request: check.Request{URL: url}, Errors: "50", Warmup: 1}
			c.change(probe)
			want(t, do(t, probe, world(t, nil)), c.verdict, c.reason)
			if got := asked.Load(); got != c.asked {
				t.Errorf("%d requests were sent, want %d", got, c.asked)
			}
		})
	}
}

// A service that answers two at a time only, and then the last of all.
func TestLatencyAtOnce(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	pair := make(chan struct{})
	url := serve(t, func(_ http.ResponseWriter, q *http.Request) {
		switch n := asked.Add(1); {
		case n == 1: // alone, to warm up
		case n%2 == 0:
			select {
			case pair <- struct{}{}:
			case <-q.Context().Done():
			}
		default:
			select {
			case <-pair:
			case <-q.Context().Done():
			}
		}
	})
	r := do(t, &check.Latency{Request: check.Request{URL: url}, N: 20, Concurrency: 2, Warmup: 1, P95: short(time.Minute)}, world(t, nil))
	want(t, r, steps.Pass, "")
	if first := r.Evidence[0]; first.Label != "p95" || first.Limit != "60000" {
		t.Errorf("evidence begins %+v", first)
	}
	last := 0
	for _, label := range []string{"p50", "p95", "p99", "slowest"} {
		ms, err := strconv.Atoi(evidence(t, r, label).Value)
		if err != nil || ms < last {
			t.Errorf("%s is %d ms after %d: %v", label, ms, last, err)
		}
		last = ms
	}
	if evidence(t, r, "p99").Value != evidence(t, r, "slowest").Value {
		t.Error("of 20, p99 is not the slowest")
	}
}

func TestLatencyNotMeasured(t *testing.T) {
	t.Parallel()
	at := func(url string) *check.Latency {
		return &check.Latency{Request: check.Request{URL: url, Timeout: short(50 * time.Millisecond)}, P95: short(time.Minute), Errors: "100"}
	}
	w := world(t, nil)
	want(t, do(t, at("http://"+closedPort(t)), w), steps.Fail, "connection refused")
	want(t, do(t, at("http://"+silent(t)), w), steps.Fail, "no answer within 50ms")
	want(t, do(t, at(serve(t, http.NotFound)), w), steps.Fail, "status 404, wanted 200")
	var first atomic.Bool
	once := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		if !first.CompareAndSwap(false, true) {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	want(t, do(t, at(once), w), steps.Fail, "no answer is as wanted")
	ctx, cancel := context.WithCancel(t.Context())
	var asked atomic.Int64
	c := at(serve(t, func(http.ResponseWriter, *http.Request) {
		if asked.Add(1) == 5 {
			cancel()
		}
	}))
	c.Timeout = 0
	want(t, c.Do(ctx, w), steps.Unknown, "interrupted after")
}

func TestLatencyFields(t *testing.T) {
	t.Parallel()
	c := decode[*check.Latency](t, "latency", map[string]any{
		"url": "${base_url}/health", "n": 50, "concurrency": 2, "warmup": 2, "mean": "2s", "p50": "1s", "p95": "2s", "p99": "3s", "errors": "${errors}", "bearer": "token",
	})
	if !c.Touches() || len(check.SecretVars(c)) != 1 || !strings.Contains(c.Plan()[0], "52 times GET ${base_url}/health, 2 at once") {
		t.Errorf("latency: %+v %q", c, c.Plan())
	}
}
