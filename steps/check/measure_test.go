package check_test

import (
	"context"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"runbook/steps"
	"runbook/steps/check"
)

// brittle is a context that breaks whoever asks for its end, but for the first
// so many times.
type brittle struct {
	context.Context
	good *atomic.Int32
}

func (b brittle) Deadline() (time.Time, bool) {
	if b.good.Add(-1) < 0 {
		panic("S3cret")
	}
	return b.Context.Deadline()
}

func breaking(t *testing.T, good int32) context.Context {
	t.Helper()
	b := brittle{t.Context(), &atomic.Int32{}}
	b.good.Store(good)
	return b
}

// A bug in a goroutine of a check is an unknown, and ends nobody's session.
func TestABrokenGoroutineIsUnknown(t *testing.T) {
	t.Parallel()
	w := world(t, nil)
	url := serve(t, api)
	for name, c := range map[string]struct {
		check check.Check
		good  int32
	}{
		"tcp":     {&check.TCP{Open: []string{closedPort(t)}, Closed: []string{closedPort(t)}}, 0},
		"dns":     {&check.DNS{Name: "app.example", Type: "A", Match: ".", Resolvers: []string{closedPort(t), closedPort(t)}}, 0},
		"latency": {&check.Latency{Request: check.Request{URL: url + "/health"}, N: 20, Concurrency: 4, Mean: short(time.Minute)}, 1},
	} {
		r := c.check.Do(breaking(t, c.good), w)
		want(t, r, steps.Unknown, "this check broke (string): report it")
		never(t, r, "S3cret")
		if strings.Contains(r.Reason, "interrupted") {
			t.Errorf("%s: %s", name, r.Reason)
		}
	}
}

// A library dials in goroutines of its own.
func TestABrokenDialIsUnknown(t *testing.T) {
	t.Parallel()
	w := world(t, nil)
	w.Dial = func(context.Context, string, string) (net.Conn, error) { panic("S3cret") }
	for _, c := range []check.Check{
		&check.HTTP{Request: check.Request{URL: "http://127.0.0.1:1/"}},
		&check.Latency{Request: check.Request{URL: "http://127.0.0.1:1/"}, Mean: short(time.Minute)},
		&check.TCP{Open: []string{"127.0.0.1:1"}},
		&check.TCP{Closed: []string{"127.0.0.1:1"}},
	} {
		r := do(t, c, w)
		want(t, r, steps.Unknown, "opening the connection broke (string)")
		never(t, r, "S3cret")
	}
}
