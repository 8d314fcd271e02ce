package web

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

// Metrics counts what a service does, and shows it in the text format of
// Prometheus.
type Metrics struct {
	mu       sync.Mutex
	requests map[string]uint64 // by method, route and code, as labels
	latency  map[string]*histogram
	families []*family // in the order of their declaration
}

type histogram struct {
	counts [len(buckets)]uint64
	count  uint64
	sum    float64
}

// family is a counter of the service's own, or a gauge that is asked for.
type family struct {
	name, kind, help string
	values           map[string]uint64 // by labels
	gauge            func() float64
}

// NewMetrics declares what every service counts, at zero, so that a scrape
// before the first request finds every family.
func NewMetrics() *Metrics {
	const health = `method="GET",route="/api/health"`
	m := &Metrics{requests: map[string]uint64{health + `,code="200"`: 0}, latency: map[string]*histogram{health: {}}}
	m.Counter("throttle_hits_total", "Requests refused by the rate limit.", "")
	return m
}

// Counter declares a family with its label sets, each at zero.
func (m *Metrics) Counter(name, help string, labels ...string) {
	f := &family{name: name, kind: "counter", help: help, values: map[string]uint64{}}
	for _, l := range labels {
		f.values[l] = 0
	}
	m.families = append(m.families, f)
}

// Gauge declares a family of one value, which is asked for at each scrape.
func (m *Metrics) Gauge(name, help string, value func() float64) {
	m.families = append(m.families, &family{name: name, kind: "gauge", help: help, gauge: value})
}

// Count adds one to a counter.
func (m *Metrics) Count(name, labels string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, f := range m.families {
		if f.name == name {
			f.values[labels]++
		}
	}
}

func (m *Metrics) request(method, route string, code int, took time.Duration) {
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
func (m *Metrics) expect(pattern string, code int) {
	method, route, _ := strings.Cut(pattern, " ")
	labels := fmt.Sprintf("method=%q,route=%q", method, route)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.requests[fmt.Sprintf("%s,code=\"%d\"", labels, code)] = 0
	m.latency[labels] = &histogram{}
}

// Serve writes the text format of Prometheus. Process figures are those of the
// process the service lives in.
func (m *Metrics) Serve(w http.ResponseWriter, _ *http.Request) {
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
	for _, f := range m.families {
		f.show(w)
	}
	head(w, "process_cpu_seconds_total", "counter", "User and system time.")
	line(w, "process_cpu_seconds_total %.3f", CPUSeconds())
	head(w, "process_resident_memory_bytes", "gauge", "Resident memory.")
	line(w, "process_resident_memory_bytes %d", ResidentBytes())
}

func (f *family) show(w io.Writer) {
	head(w, f.name, f.kind, f.help)
	if f.gauge != nil {
		line(w, "%s %g", f.name, f.gauge())
	}
	for _, labels := range slices.Sorted(maps.Keys(f.values)) {
		if labels != "" {
			line(w, "%s{%s} %d", f.name, labels, f.values[labels])
		} else {
			line(w, "%s %d", f.name, f.values[labels])
		}
	}
}

func head(w io.Writer, name, kind, help string) {
	line(w, "# HELP %s %s\n# TYPE %s %s", name, help, name, kind)
}

func line(w io.Writer, format string, args ...any) { _, _ = fmt.Fprintf(w, format+"\n", args...) }
