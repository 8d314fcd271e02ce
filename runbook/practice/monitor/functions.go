package monitor

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
)

func clamp(op string, args []value) (value, error) {
	if op != "abs" && (len(args) != 2 || !args[1].scalar) {
		return value{}, fmt.Errorf("%s wants a vector and a number", op)
	}
	var out value
	for _, p := range args[0].points {
		f := math.Abs(p.value)
		switch op {
		case "clamp_min":
			f = max(p.value, args[1].points[0].value)
		case "clamp_max":
			f = min(p.value, args[1].points[0].value)
		}
		out.points = append(out.points, point{p.labels.nameless(), f})
	}
	return out, nil
}

// overRange are the functions of a range. What has too few samples has no
// value.
var overRange = map[string]func(span) (float64, bool){
	"rate":     func(s span) (float64, bool) { return s.increase() / s.seconds(), s.seconds() > 0 },
	"irate":    func(s span) (float64, bool) { return s.increase() / s.seconds(), s.seconds() > 0 },
	"increase": func(s span) (float64, bool) { return s.increase(), s.seconds() > 0 },
	"delta":    func(s span) (float64, bool) { return s.values[len(s.values)-1] - s.values[0], s.seconds() > 0 },
	"deriv":    func(s span) (float64, bool) { return s.slope(), s.seconds() > 0 },
	"changes": func(s span) (float64, bool) {
		n := 0.0
		for i := 1; i < len(s.values); i++ {
			if s.values[i] != s.values[i-1] {
				n++
			}
		}
		return n, true
	},
	"avg_over_time":   func(s span) (float64, bool) { return fold("avg", s.values), true },
	"max_over_time":   func(s span) (float64, bool) { return fold("max", s.values), true },
	"min_over_time":   func(s span) (float64, bool) { return fold("min", s.values), true },
	"sum_over_time":   func(s span) (float64, bool) { return fold("sum", s.values), true },
	"count_over_time": func(s span) (float64, bool) { return fold("count", s.values), true },
	"last_over_time":  func(s span) (float64, bool) { return s.values[len(s.values)-1], true },
}

func (s span) seconds() float64 { return s.at[len(s.at)-1].Sub(s.at[0]).Seconds() }

// increase of a counter, which begins anew when its process does.
func (s span) increase() float64 {
	sum := 0.0
	for i := 1; i < len(s.values); i++ {
		if s.values[i] >= s.values[i-1] {
			sum += s.values[i] - s.values[i-1]
		} else {
			sum += s.values[i]
		}
	}
	return sum
}

// slope is that of the line with the least squares, per second.
func (s span) slope() float64 {
	var sumX, sumY, sumXY, sumXX float64
	n := float64(len(s.values))
	for i, v := range s.values {
		x := s.at[i].Sub(s.at[0]).Seconds()
		sumX, sumY, sumXY, sumXX = sumX+x, sumY+v, sumXY+x*v, sumXX+x*x
	}
	return (n*sumXY - sumX*sumY) / (n*sumXX - sumX*sumX)
}

// quantiles reads them from cumulative buckets, as Prometheus does: linear
// within a bucket, and the last bound for what lies above it.
func quantiles(q float64, v value) value {
	type bucket struct{ bound, count float64 }
	groups, buckets := map[string]labels{}, map[string][]bucket{}
	for _, p := range v.points {
		bound, err := strconv.ParseFloat(p.labels["le"], 64)
		if err != nil {
			continue
		}
		l := p.labels.nameless()
		delete(l, "le")
		groups[l.key()] = l
		buckets[l.key()] = append(buckets[l.key()], bucket{bound, p.value})
	}
	var out value
	for _, key := range slices.Sorted(maps.Keys(groups)) {
		all := buckets[key]
		slices.SortFunc(all, func(a, b bucket) int { return int(math.Copysign(1, a.bound-b.bound)) })
		total := all[len(all)-1].count
		result, below := math.NaN(), bucket{}
		for i, b := range all {
			if total == 0 || b.count < q*total {
				below = b
				continue
			}
			if result = below.bound; !math.IsInf(b.bound, 1) {
				result = below.bound + (b.bound-below.bound)*(q*total-below.count)/(b.count-below.count)
			} else if i > 0 {
				result = all[i-1].bound
			}
			break
		}
		out.points = append(out.points, point{groups[key], result})
	}
	return out
}
