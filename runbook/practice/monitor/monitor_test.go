package monitor

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// storeOf holds two scrapes, 100 s apart: what was first, and what is now.
func storeOf(t *testing.T, first, now string) *Store {
	t.Helper()
	text := first
	s := &Store{series: map[string]labels{}, targets: map[string]Source{
		"a": func(context.Context, time.Time) (string, error) { return text, nil },
		"b": func(context.Context, time.Time) (string, error) { return "", errors.New("connection refused") },
	}}
	s.Scrape(t.Context())
	s.samples[0].at = s.samples[0].at.Add(-100 * time.Second)
	text = now
	s.Scrape(t.Context())
	return s
}

func TestQuery(t *testing.T) {
	t.Parallel()
	s := storeOf(t,
		"requests{code=\"200\"} 0\nrequests{code=\"500\"} 0\nm 5\nh_bucket{le=\"0.1\"} 0\nh_bucket{le=\"1\"} 0\nh_bucket{le=\"+Inf\"} 0\nrestarted 50\n",
		"# HELP x\nrequests{code=\"200\"} 90\nrequests{code=\"500\"} 10\nm 15\nh_bucket{le=\"0.1\"} 50\nh_bucket{le=\"1\"} 100\nh_bucket{le=\"+Inf\"} 100\nrestarted 20\n")
	for query, want := range map[string][]float64{
		`up`:                           {1, 0},
		`up{job="b"} == 0`:             {0},
		`up == 0 or vector(7)`:         {0, 7},
		`m`:                            {15},
		`nothing`:                      nil,
		`sum(requests)`:                {100},
		`sum by (code) (requests)`:     {90, 10},
		`max(requests) without (code)`: {90},
		`count(up)`:                    {2},
		`100 * sum(requests{code=~"5.."}) / sum(requests)`: {10},
		`sum(rate(requests[5m]))`:                          {1},
		`increase(restarted[1h])`:                          {20},
		`rate(m[10s])`:                                     nil,
		`deriv(m[6h])`:                                     {0.1},
		`m > 20`:                                           nil,
		`m > bool 20`:                                      {0},
		`(1 - 0.5) * m`:                                    {7.5},
		`-m`:                                               {-15},
		`absent(nothing)`:                                  {1},
		`histogram_quantile(0.75, sum by (le) (rate(h_bucket[5m])))`:           {0.55},
		`requests{code!="200"} / on (job) group_missing`:                       nil,
		`requests{code="200"} / ignoring (code) sum without (code) (requests)`: {0.9},
		`2 + 3 * 2`:                    {8},
		`ALERTS{alertname="Watchdog"}`: {1},
	} {
		v, err := s.answer(query)
		if err != nil {
			t.Errorf("%s: %v", query, err)
			continue
		}
		var got []float64
		for _, p := range v.points {
			got = append(got, p.value)
		}
		if len(got) != len(want) {
			t.Errorf("%s: %v, want %v", query, got, want)
			continue
		}
		for i := range got {
			if math.Abs(got[i]-want[i]) > 0.002 {
				t.Errorf("%s: %v, want %v", query, got, want)
			}
		}
	}
}

func TestQueryRefuses(t *testing.T) {
	t.Parallel()
	s := storeOf(t, "m 1\n", "m 1\n")
	for query, says := range map[string]string{
		"": "unexpected end", "m[5m]": "a range is no answer", "m[5x]": "no duration", "sum(": "unexpected end", "m}": "unexpected",
		"predict_linear(m[1h], 3600)": "not simulated", "topk(3, m)": "not simulated", `m{a="b}`: "unexpected character", "1 > 2": "bool", `m{a=~"("}`: "parse error",
	} {
		if v, err := s.answer(query); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, %v", query, v, err)
		}
	}
}

// Queries scrape, several at once too: no counter may seem to go back.
func TestScrapesAreInOrder(t *testing.T) {
	t.Parallel()
	var counted atomic.Int64
	s := &Store{series: map[string]labels{}, targets: map[string]Source{"a": func(context.Context, time.Time) (string, error) {
		n := counted.Add(1)
		runtime.Gosched()
		return fmt.Sprintf("c %d\n", n), nil
	}}}
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 20 {
				s.Scrape(t.Context())
			}
		})
	}
	group.Wait()
	v, err := s.answer("increase(c[1h])")
	if err != nil || len(v.points) != 1 || v.points[0].value != 159 {
		t.Errorf("increase is %v, %v", v, err)
	}
}
