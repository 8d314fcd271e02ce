package monitor

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"
)

// point is one series of an answer.
type point struct {
	labels labels
	value  float64
}

// value is an answer: a vector, or a scalar as one point without labels.
type value struct {
	scalar bool
	points []point
}

// span is what a series said within a range.
type span struct {
	labels labels
	at     []time.Time
	values []float64
}

var errFunction = errors.New("not simulated in the practice world")

// answer answers one instant query.
func (s *Store) answer(text string) (value, error) {
	n, err := parseQuery(text)
	if err != nil {
		return value{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.eval(n)
}

func (s *Store) eval(n *node) (value, error) {
	switch n.kind {
	case "number":
		return scalar(n.number), nil
	case "select":
		if n.over > 0 {
			return value{}, errors.New("a range is no answer: a function such as rate() is missing")
		}
		return s.instant(n), nil
	case "aggregate":
		inner, err := s.eval(n.args[0])
		if err != nil {
			return value{}, err
		}
		return aggregate(n, inner), nil
	case "binary":
		left, err := s.eval(n.args[0])
		if err != nil {
			return value{}, err
		}
		right, err := s.eval(n.args[1])
		if err != nil {
			return value{}, err
		}
		return binary(n, left, right)
	}
	return s.call(n)
}

func scalar(f float64) value { return value{scalar: true, points: []point{{value: f}}} }

// instant is the newest sample of what a selector means.
func (s *Store) instant(n *node) value {
	var v value
	newest := s.samples[len(s.samples)-1]
	for _, key := range slices.Sorted(maps.Keys(newest.values)) {
		if n.means(s.series[key]) {
			v.points = append(v.points, point{s.series[key], newest.values[key]})
		}
	}
	return v
}

func (n *node) means(l labels) bool {
	return !slices.ContainsFunc(n.match, func(m matcher) bool { return !m.holds(l) })
}

// spans are the samples of what a selector means, within its range.
func (s *Store) spans(n *node) []span {
	since := time.Now().Add(-n.over)
	found := map[string]*span{}
	for _, one := range s.samples {
		if one.at.Before(since) {
			continue
		}
		for key, v := range one.values {
			if !n.means(s.series[key]) {
				continue
			}
			if found[key] == nil {
				found[key] = &span{labels: s.series[key]}
			}
			found[key].at, found[key].values = append(found[key].at, one.at), append(found[key].values, v)
		}
	}
	var all []span
	for _, key := range slices.Sorted(maps.Keys(found)) {
		all = append(all, *found[key])
	}
	return all
}

// nameless is a series after a calculation.
func (l labels) nameless() labels {
	rest := maps.Clone(l)
	delete(rest, "__name__")
	return rest
}

// group is the part of a series' labels that a grouping keeps.
func (n *node) group(l labels) labels {
	rest := labels{}
	for name, text := range l {
		if name != "__name__" && slices.Contains(n.labels, name) != n.without && (n.listed || n.kind != "aggregate") {
			rest[name] = text
		}
	}
	return rest
}

var aggregations = []string{"sum", "max", "min", "avg", "count"}

func aggregate(n *node, v value) value {
	groups, members := map[string]labels{}, map[string][]float64{}
	for _, p := range v.points {
		l := n.group(p.labels)
		groups[l.key()] = l
		members[l.key()] = append(members[l.key()], p.value)
	}
	var out value
	for _, key := range slices.Sorted(maps.Keys(groups)) {
		out.points = append(out.points, point{groups[key], fold(n.op, members[key])})
	}
	return out
}

func fold(op string, all []float64) float64 {
	sum := 0.0
	for _, v := range all {
		sum += v
	}
	switch op {
	case "max":
		return slices.Max(all)
	case "min":
		return slices.Min(all)
	case "avg":
		return sum / float64(len(all))
	case "count":
		return float64(len(all))
	}
	return sum
}

func binary(n *node, left, right value) (value, error) {
	if n.op == "and" || n.op == "or" || n.op == "unless" {
		return sets(n, left, right), nil
	}
	if left.scalar && right.scalar {
		f, keep := calculate(n, left.points[0].value, right.points[0].value)
		if isComparison(n.op) && !n.boolean {
			return value{}, errors.New("comparisons between scalars must use bool")
		}
		if !keep {
			f = 0
		}
		return scalar(f), nil
	}
	var out value
	add := func(l labels, a, b, shown float64) {
		f, keep := calculate(n, a, b)
		switch {
		case isComparison(n.op) && !n.boolean && keep:
			out.points = append(out.points, point{l, shown})
		case !isComparison(n.op) || n.boolean:
			out.points = append(out.points, point{l.nameless(), f})
		}
	}
	switch {
	case right.scalar:
		for _, p := range left.points {
			add(p.labels, p.value, right.points[0].value, p.value)
		}
	case left.scalar:
		for _, p := range right.points {
			add(p.labels, left.points[0].value, p.value, p.value)
		}
	default:
		for _, p := range left.points {
			key := n.matching(p.labels)
			for _, q := range right.points {
				if n.matching(q.labels) == key {
					add(p.labels, p.value, q.value, p.value)
				}
			}
		}
	}
	return out, nil
}

// matching is what has to be the same on both sides of an operator.
func (n *node) matching(l labels) string {
	if !n.listed {
		return l.nameless().key()
	}
	return n.group(l).key()
}

func sets(n *node, left, right value) value {
	has := func(v value, l labels) bool {
		return slices.ContainsFunc(v.points, func(p point) bool { return n.matching(p.labels) == n.matching(l) })
	}
	var out value
	for _, p := range left.points {
		if n.op == "or" || has(right, p.labels) == (n.op == "and") {
			out.points = append(out.points, p)
		}
	}
	for _, p := range right.points {
		if n.op == "or" && !has(left, p.labels) {
			out.points = append(out.points, p)
		}
	}
	return out
}

func isComparison(op string) bool { return slices.Contains(levels[2], op) }

// calculate is one operation; a comparison is 1 or 0, and whether it holds.
func calculate(n *node, a, b float64) (f float64, holds bool) {
	switch n.op {
	case "+":
		return a + b, true
	case "-":
		return a - b, true
	case "*":
		return a * b, true
	case "/":
		return a / b, true
	case "%":
		return math.Mod(a, b), true
	}
	holds = map[string]bool{"==": a == b, "!=": a != b, "<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b}[n.op]
	if holds {
		f = 1
	}
	return f, holds
}

// functions are those of vectors and scalars.
var functions = []string{"time", "vector", "absent", "histogram_quantile", "abs", "clamp_min", "clamp_max"}

func (s *Store) call(n *node) (value, error) {
	if f, known := overRange[n.op]; known && len(n.args) >= 1 && n.args[0].kind == "select" && n.args[0].over > 0 {
		var out value
		for _, one := range s.spans(n.args[0]) {
			if v, ok := f(one); ok {
				out.points = append(out.points, point{one.labels.nameless(), v})
			}
		}
		return out, nil
	}
	if !slices.Contains(functions, n.op) {
		return value{}, fmt.Errorf("%s: %w", n.op, errFunction)
	}
	var args []value
	for _, a := range n.args {
		v, err := s.eval(a)
		if err != nil {
			return value{}, err
		}
		args = append(args, v)
	}
	switch {
	case n.op == "time" && len(args) == 0:
		return scalar(float64(time.Now().UnixMilli()) / 1000), nil
	case n.op == "vector" && len(args) == 1 && args[0].scalar:
		return value{points: args[0].points}, nil
	case n.op == "absent" && len(args) == 1:
		if len(args[0].points) > 0 {
			return value{}, nil
		}
		return value{points: []point{{labels{}, 1}}}, nil
	case n.op == "histogram_quantile" && len(args) == 2 && args[0].scalar:
		return quantiles(args[0].points[0].value, args[1]), nil
	case (n.op == "abs" || n.op == "clamp_min" || n.op == "clamp_max") && len(args) > 0:
		return clamp(n.op, args)
	}
	return value{}, fmt.Errorf("%s: other arguments are wanted", n.op)
}
