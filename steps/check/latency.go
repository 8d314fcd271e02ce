package check

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"runbook/steps"
	"runbook/steps/reach"
)

// Latency is run.probe.latency: how long a service takes to answer, measured
// over many requests. It is a load, if a small one.
//
//	run.probe.latency = { url = "${base_url}/api/health", n = 50, concurrency = 2, mean = "2s", p95 = "2s" }
//
// The fields of a request of check.http, except capture and follow: each answer
// must be as they want. And:
//
//	n            requests that are measured; default 50
//	concurrency  how many at once, each over a connection of its own; default 1
//	warmup       requests before, that do not count; default one a connection
//	mean, p50, p95, p99   limits of the time of an answer, head and body
//	errors       percent of the requests that may fail; default "0"
//
// A percentile is the time of a real answer: of n = 50, p99 is the slowest.
// A request fails that gets no answer, or not the wanted one; its time does not
// count.
//
// pass: times and errors are within their limits. fail: one is not, or the
// service does not answer the first request. unknown: nothing could be asked, or
// the probe was interrupted.
type Latency struct {
	Request     `mapstructure:",squash"`
	N           int            `mapstructure:"n"`
	Concurrency int            `mapstructure:"concurrency"`
	Warmup      int            `mapstructure:"warmup"`
	Mean        steps.Duration `mapstructure:"mean"`
	P50         steps.Duration `mapstructure:"p50"`
	P95         steps.Duration `mapstructure:"p95"`
	P99         steps.Duration `mapstructure:"p99"`
	Errors      string         `mapstructure:"errors"`
}

// Bounds of one probe: more would be a load test.
const (
	maxMeasured    = 10_000
	maxConcurrency = 64
)

// Touches is true: it loads the service.
func (c *Latency) Touches() bool { return true }

// Plan is what is sent.
func (c *Latency) Plan() []string {
	return []string{fmt.Sprintf("%d times %s %s, %d at once", c.n()+c.warmup(), c.method(), c.URL, c.concurrency())}
}

// SecretVars is bearer.
func (c *Latency) SecretVars() []SecretVar { return []SecretVar{{"bearer", c.Bearer}} }

// Validate reports what is wrong with the request, and limits that are missing
// or too large.
func (c *Latency) Validate() error {
	switch {
	case c.N < 0 || c.n() > maxMeasured:
		return fmt.Errorf("n: want 1 to %d, got %d", maxMeasured, c.N)
	case c.Concurrency < 0 || c.concurrency() > maxConcurrency:
		return fmt.Errorf("concurrency: want 1 to %d, got %d", maxConcurrency, c.Concurrency)
	case c.Warmup < 0 || c.Warmup > maxMeasured:
		return fmt.Errorf("warmup: want at most %d, got %d", maxMeasured, c.Warmup)
	case c.Mean == 0 && c.P50 == 0 && c.P95 == 0 && c.P99 == 0:
		return errors.New("mean, p50, p95 or p99: want at least one of them")
	}
	if _, err := number(c.Errors, "0"); err != nil && !unfilled(c.Errors) {
		return fmt.Errorf("errors: %w", err)
	}
	return c.alone()
}

func (c *Latency) n() int {
	if c.N == 0 {
		return 50
	}
	return c.N
}

func (c *Latency) concurrency() int { return max(1, c.Concurrency) }

func (c *Latency) warmup() int {
	if c.Warmup == 0 {
		return c.concurrency()
	}
	return c.Warmup
}

// Do warms up, measures and judges.
func (c *Latency) Do(whole context.Context, w *steps.World) steps.Result {
	return measure(withoutSecrets(c.URL), func(r *steps.Result) {
		if err := c.Validate(); err != nil {
			r.Decide(steps.Unknown, "%v", err)
			return
		}
		most, err := number(c.Errors, "0")
		if err != nil {
			r.Decide(steps.Unknown, "errors: %v", err)
			return
		}
		s := newSequence(w)
		defer s.transport.CloseIdleConnections()
		s.transport.MaxIdleConnsPerHost = c.concurrency()
		s.transport.ForceAttemptHTTP2 = false // there all requests would share a connection
		request, err := s.fill(whole, c.Request)
		if err != nil {
			r.Decide(steps.Unknown, "%v", err)
			return
		}
		l := &load{Latency: c, sequence: s, request: request}
		if failed := l.try(whole); failed != nil {
			r.Decide(failed.Verdict, "%s", failed.Reason)
			return
		}
		l.repeat(whole, c.warmup()-1)
		l.times, l.failed, l.why = nil, 0, ""
		began := time.Now()
		l.repeat(whole, c.n())
		if whole.Err() != nil {
			r.Decide(steps.Unknown, "interrupted after %d of %d requests", len(l.times)+l.failed, c.n())
			return
		}
		c.judge(r, l, most, time.Since(began))
	})
}

// load is one execution: the times of what was answered, and the rest.
type load struct {
	*Latency
	*sequence
	request *http.Request
	mu      sync.Mutex
	times   []time.Duration
	failed  int
	why     string // the first failed
}

// repeat makes n requests, some at once, each when another is done.
func (l *load) repeat(whole context.Context, n int) {
	turns := make(chan struct{})
	var all crew
	for range l.concurrency() {
		all.start(func() {
			for range turns { // to the last, or nobody would take what is left
				all.safely(func() { l.try(whole) })
			}
		})
	}
	for range n {
		if whole.Err() != nil {
			break
		}
		turns <- struct{}{}
	}
	close(turns)
	all.wait()
}

// try makes one request; its result is nil if it is answered as wanted.
func (l *load) try(whole context.Context) *steps.Result {
	ctx, cancel := context.WithTimeout(whole, l.limit())
	defer cancel()
	request := l.request.Clone(ctx)
	var one steps.Result
	one.Decide(steps.Pass, "")
	if request.GetBody != nil {
		body, err := request.GetBody()
		if err != nil { // it reads a string
			one.Decide(steps.Unknown, "%v", err)
			return &one
		}
		request.Body = body
	}
	got, err := l.send(request, false)
	if err != nil {
		verdict, reason := reach.Fault(whole, l.limit(), err)
		one.Decide(verdict, "%s", l.hide(reason))
	} else {
		l.sequence.judge(&one, "", l.Request, got)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if one.Verdict == steps.Pass {
		l.times = append(l.times, got.took)
		return nil
	}
	if l.failed++; l.why == "" {
		l.why = one.Reason
	}
	return &one
}

// judge holds times and errors against their limits.
func (c *Latency) judge(r *steps.Result, l *load, most float64, took time.Duration) {
	r.Decide(steps.Pass, "")
	slices.Sort(l.times)
	if len(l.times) > 0 {
		c.judgeTimes(r, l.times)
	}
	if len(l.times) == 0 { // whatever share of them may fail
		r.Worsen(steps.Fail, "no answer is as wanted, so none was timed; the first: %s", l.why)
	}
	share := 100 * float64(l.failed) / float64(c.n())
	r.Saw("errors", strconv.FormatFloat(math.Round(share*100)/100, 'f', -1, 64), "<= "+strconv.FormatFloat(most, 'f', -1, 64), "%")
	if share > most {
		r.Worsen(steps.Fail, "%d of %d requests failed, the first: %s", l.failed, c.n(), l.why)
	}
	if len(l.times) > 0 {
		r.Saw("slowest", milliseconds(l.times[len(l.times)-1]), "", "ms")
	}
	r.Saw("requests", strconv.Itoa(c.n()), "", "")
	r.Saw("at once", strconv.Itoa(c.concurrency()), "", "")
	r.Saw("rate", fmt.Sprintf("%.1f", float64(c.n())/took.Seconds()), "", "/s")
}

func (c *Latency) judgeTimes(r *steps.Result, sorted []time.Duration) {
	var sum time.Duration
	for _, t := range sorted {
		sum += t
	}
	for _, measured := range []struct {
		label string
		value time.Duration
		limit steps.Duration
	}{
		{"p95", percentile(sorted, 95), c.P95},
		{"mean", sum / time.Duration(len(sorted)), c.Mean},
		{"p50", percentile(sorted, 50), c.P50},
		{"p99", percentile(sorted, 99), c.P99},
	} {
		limit := ""
		if measured.limit > 0 {
			limit = milliseconds(measured.limit.D())
		}
		r.Saw(measured.label, milliseconds(measured.value), limit, "ms")
		if measured.limit > 0 && measured.value > measured.limit.D() {
			r.Worsen(steps.Fail, "%s of %d answers is %s ms, wanted within %s", measured.label, len(sorted), milliseconds(measured.value), measured.limit)
		}
	}
}

// percentile is the smallest time that so many percent do not exceed.
func percentile(sorted []time.Duration, percent int) time.Duration {
	rank := (percent*len(sorted) + 99) / 100
	return sorted[max(rank, 1)-1]
}
