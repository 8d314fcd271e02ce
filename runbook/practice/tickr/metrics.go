package tickr

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// buckets are the upper bounds of the latency histogram, in seconds.
var buckets = [...]float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5}

type metrics struct {
	mu       sync.Mutex
	requests map[string]uint64 // by method, route and code, as labels
	latency  map[string]*histogram
	logins   map[string]uint64
	throttle uint64
}

type histogram struct {
	counts [len(buckets)]uint64
	count  uint64
	sum    float64
}

func newMetrics() *metrics {
	const health = `method="GET",route="/api/health"`
	return &metrics{ // declared at zero, so that a scrape before the first request finds every family
		requests: map[string]uint64{health + `,code="200"`: 0}, latency: map[string]*histogram{health: {}},
		logins: map[string]uint64{"success": 0, "failure": 0, "error": 0},
	}
}

func (m *metrics) request(method, route string, code int, took time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, path, found := strings.Cut(route, " "); found {
		route = path
	}
	labels := fmt.Sprintf("method=%q,route=%q", method, route)
	m.requests[fmt.Sprintf("%s,code=\"%d\"", labels, code)]++
	h := m.latency[labels]
	if h == nil {
		h = &histogram{}
		m.latency[labels] = h
	}
	h.count++
	h.sum += took.Seconds()
	for i, bound := range buckets {
		if took.Seconds() <= bound {
			h.counts[i]++
		}
	}
}

// expect shows a route's success and latency at zero, so that the first scrape
// finds every series it will ever ask for.
func (m *metrics) expect(pattern string, code int) {
	method, route, _ := strings.Cut(pattern, " ")
	labels := fmt.Sprintf("method=%q,route=%q", method, route)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.requests[fmt.Sprintf("%s,code=\"%d\"", labels, code)] = 0
	m.latency[labels] = &histogram{}
}

func (m *metrics) login(result string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.logins[result]++
}

func (m *metrics) throttled() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.throttle++
}

// serve writes the text format of Prometheus. Process figures are those of the
// process the service lives in.
func (m *metrics) serve(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	m.mu.Lock()
	defer m.mu.Unlock()
	head(w, "http_requests_total", "counter", "Requests by route and code.")
	for _, labels := range slices.Sorted(maps.Keys(m.requests)) {
		line(w, "http_requests_total{%s} %d", labels, m.requests[labels])
	}
	head(w, "http_request_duration_seconds", "histogram", "Latency by route.")
	for _, labels := range slices.Sorted(maps.Keys(m.latency)) {
		h := m.latency[labels]
		for i, bound := range buckets {
			line(w, "http_request_duration_seconds_bucket{%s,le=\"%g\"} %d", labels, bound, h.counts[i])
		}
		line(w, "http_request_duration_seconds_bucket{%s,le=\"+Inf\"} %d", labels, h.count)
		line(w, "http_request_duration_seconds_sum{%s} %g", labels, h.sum)
		line(w, "http_request_duration_seconds_count{%s} %d", labels, h.count)
	}
	head(w, "auth_login_total", "counter", "Logins by result.")
	for _, result := range slices.Sorted(maps.Keys(m.logins)) {
		line(w, "auth_login_total{result=%q} %d", result, m.logins[result])
	}
	head(w, "throttle_hits_total", "counter", "Requests refused by the rate limit.")
	line(w, "throttle_hits_total %d", m.throttle)
	head(w, "process_cpu_seconds_total", "counter", "User and system time.")
	line(w, "process_cpu_seconds_total %.3f", cpuSeconds())
	head(w, "process_resident_memory_bytes", "gauge", "Resident memory.")
	line(w, "process_resident_memory_bytes %d", residentBytes())
}

func head(w io.Writer, name, kind, help string) {
	line(w, "# HELP %s %s\n# TYPE %s %s", name, help, name, kind)
}

func line(w io.Writer, format string, args ...any) { _, _ = fmt.Fprintf(w, format+"\n", args...) }
