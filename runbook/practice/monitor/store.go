// Package monitor is what watches the practice world: a small Prometheus that
// scrapes it, an Alertmanager that routes alerts, and the dashboards of a
// Grafana. Values are those of the world; a query of what is not measured is
// empty.
package monitor

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// sample is one scrape: values by series.
type sample struct {
	at     time.Time
	values map[string]float64 // by key of the labels
}

// labels of a series; its name is __name__.
type labels map[string]string

// kept is how many scrapes stay: an hour of them.
const (
	kept  = 240
	every = 15 * time.Second
)

// Source gives one target's metrics as text; an error is a target that is down.
// Rates are taken between the times at which the store began to scrape, so what
// is counted by the clock is counted up to at.
type Source func(ctx context.Context, at time.Time) (string, error)

// Store scrapes targets and keeps what they said.
type Store struct {
	targets map[string]Source // by job

	scraping sync.Mutex // one at a time: a counter that seems to go back is taken for a restart

	mu      sync.Mutex
	series  map[string]labels
	samples []sample // the oldest first
	down    map[string]error
}

// NewStore scrapes once, and then every 15 s until the context ends. A query
// scrapes too.
func NewStore(life context.Context, targets map[string]Source) *Store {
	s := &Store{targets: targets, series: map[string]labels{}}
	s.Scrape(life)
	go func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				s.Scrape(life)
			case <-life.Done():
				return
			}
		}
	}()
	return s
}

// Scrape asks every target now.
func (s *Store) Scrape(ctx context.Context) {
	s.scraping.Lock()
	defer s.scraping.Unlock()
	at := time.Now()
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	texts, down := map[string]string{}, map[string]error{}
	for job, source := range s.targets {
		text, err := source(ctx, at)
		if err != nil {
			down[job] = err
			continue
		}
		texts[job] = text
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = down
	next := sample{at: at, values: map[string]float64{}}
	put := func(l labels, value float64) {
		key := l.key()
		s.series[key] = l
		next.values[key] = value
	}
	for job := range s.targets {
		up := 0.0
		if text, ok := texts[job]; ok {
			up = 1
			for line := range strings.Lines(text) {
				if l, value, ok := parseLine(strings.TrimSpace(line)); ok {
					l["job"], l["instance"] = job, "localhost"
					put(l, value)
				}
			}
		}
		put(labels{"__name__": "up", "job": job, "instance": "localhost"}, up)
	}
	put(labels{"__name__": "ALERTS", "alertname": "Watchdog", "alertstate": "firing", "severity": "none"}, 1)
	s.samples = append(s.samples, next)
	if over := len(s.samples) - kept; over > 0 {
		s.samples = slices.Delete(s.samples, 0, over)
	}
}

// key is the same for the same labels.
func (l labels) key() string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(l)) {
		b.WriteString(name + "\x00" + l[name] + "\x00")
	}
	return b.String()
}

// parseLine reads `name{label="value",…} number`.
func parseLine(line string) (labels, float64, bool) {
	if line == "" || strings.HasPrefix(line, "#") {
		return nil, 0, false
	}
	at := strings.LastIndexByte(line, ' ')
	if at < 0 {
		return nil, 0, false
	}
	value, err := strconv.ParseFloat(line[at+1:], 64)
	if err != nil {
		return nil, 0, false
	}
	name, rest, found := strings.Cut(strings.TrimSpace(line[:at]), "{")
	l := labels{"__name__": name}
	if !found {
		return l, value, true
	}
	for rest = strings.TrimSuffix(rest, "}"); rest != ""; {
		label, after, ok := strings.Cut(rest, "=")
		if !ok {
			return nil, 0, false
		}
		text, err := strconv.QuotedPrefix(after)
		if err != nil {
			return nil, 0, false
		}
		if l[label], err = strconv.Unquote(text); err != nil {
			return nil, 0, false
		}
		rest = strings.TrimPrefix(after[len(text):], ",")
	}
	return l, value, true
}
