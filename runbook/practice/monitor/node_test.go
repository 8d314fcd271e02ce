package monitor

import (
	"runtime"
	"testing"
)

// Books ask for what is not idle, and that is a share of all processors: from
// none to all but for rounding, however close two scrapes are.
func TestNodeIsNeverLessThanIdle(t *testing.T) {
	t.Parallel()
	s := &Store{series: map[string]labels{}, targets: map[string]Source{"node": Node(t.TempDir())}}
	s.Scrape(t.Context())
	for range 50 {
		s.Scrape(t.Context())
		v, err := s.answer(`100 * (1 - avg(rate(node_cpu_seconds_total{mode="idle"}[5m])))`)
		if err != nil || len(v.points) != 1 || v.points[0].value < -1e-6 || v.points[0].value > 100 {
			t.Fatalf("CPU is %v %%, %v", v, err)
		}
	}
	if v, err := s.answer(`count(node_cpu_seconds_total{mode="idle"})`); err != nil || len(v.points) != 1 || v.points[0].value != float64(runtime.NumCPU()) {
		t.Errorf("%v processors, %v", v, err)
	}
}
