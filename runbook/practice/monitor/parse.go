package monitor

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The part of PromQL that this Prometheus reads: selectors, ranges, functions,
// aggregations by labels, arithmetic, comparisons, and/or/unless.

// node is a part of a query.
type node struct {
	kind    string // number, text, select, call, aggregate, binary
	op      string // of a call, an aggregation, a binary
	number  float64
	match   []matcher
	over    time.Duration // range of a selector, 0 is an instant
	args    []*node
	labels  []string // of by, without, on, ignoring
	without bool     // labels are of without or ignoring
	listed  bool     // by, without, on or ignoring was given
	boolean bool     // a comparison answers 0 or 1
}

type matcher struct {
	name, op, value string
	re              *regexp.Regexp
}

var tokens = regexp.MustCompile(`^(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|\d+(?:\.\d+)?(?:[smhdwy]\w*)?(?:[eE][+-]?\d+)?|[a-zA-Z_:][\w:]*|=~|!~|!=|==|<=|>=|[-+*/%^<>=(){}\[\],])`)

type parser struct {
	words []string
	at    int
}

func parseQuery(text string) (*node, error) {
	p := &parser{}
	for rest := strings.TrimSpace(text); rest != ""; rest = strings.TrimLeft(rest, " \t\r\n") {
		word := tokens.FindString(rest)
		if word == "" {
			return nil, fmt.Errorf("parse error: unexpected character: %q", rest[:1])
		}
		p.words = append(p.words, word)
		rest = rest[len(word):]
	}
	n, err := p.binary(0)
	if err == nil && p.at < len(p.words) {
		err = fmt.Errorf("parse error: unexpected %q", p.words[p.at])
	}
	return n, err
}

func (p *parser) peek() string {
	if p.at < len(p.words) {
		return p.words[p.at]
	}
	return ""
}

func (p *parser) take(word string) bool {
	if p.peek() == word {
		p.at++
		return true
	}
	return false
}

func (p *parser) need(word string) error {
	if !p.take(word) {
		return fmt.Errorf("parse error: want %q, got %q", word, p.peek())
	}
	return nil
}

// levels are the binary operators, those that bind least first.
var levels = [][]string{{"or"}, {"and", "unless"}, {"==", "!=", "<=", "<", ">=", ">"}, {"+", "-"}, {"*", "/", "%"}}

func (p *parser) binary(level int) (*node, error) {
	if level == len(levels) {
		return p.unary()
	}
	left, err := p.binary(level + 1)
	for err == nil && slices.Contains(levels[level], p.peek()) {
		n := &node{kind: "binary", op: p.peek()}
		p.at++
		n.boolean = p.take("bool")
		if p.peek() == "on" || p.peek() == "ignoring" {
			n.without = p.peek() == "ignoring"
			p.at++
			if n.labels, err = p.names(); err != nil {
				return nil, err
			}
			n.listed = true
		}
		var right *node
		right, err = p.binary(level + 1)
		n.args = []*node{left, right}
		left = n
	}
	return left, err
}

func (p *parser) unary() (*node, error) {
	if p.take("-") {
		one, err := p.unary()
		return &node{kind: "binary", op: "*", args: []*node{{kind: "number", number: -1}, one}}, err
	}
	word := p.peek()
	switch {
	case word == "":
		return nil, fmt.Errorf("parse error: unexpected end of input")
	case p.take("("):
		n, err := p.binary(0)
		if err != nil {
			return nil, err
		}
		return n, p.need(")")
	case word[0] >= '0' && word[0] <= '9':
		p.at++
		number, err := strconv.ParseFloat(word, 64)
		return &node{kind: "number", number: number}, err
	case word == "{":
		return p.selector("")
	case !isName(word):
		return nil, fmt.Errorf("parse error: unexpected %q", word)
	}
	p.at++
	switch {
	case slices.Contains(aggregations, word) && (p.peek() == "(" || p.peek() == "by" || p.peek() == "without"):
		return p.aggregate(word)
	case p.peek() == "(":
		return p.call(word)
	}
	return p.selector(word)
}

func isName(word string) bool {
	return word[0] == '_' || word[0] == ':' || word[0]|0x20 >= 'a' && word[0]|0x20 <= 'z'
}

func (p *parser) call(name string) (*node, error) {
	n := &node{kind: "call", op: name}
	if err := p.need("("); err != nil {
		return nil, err
	}
	for p.peek() != ")" {
		one, err := p.binary(0)
		if err != nil {
			return nil, err
		}
		n.args = append(n.args, one)
		if !p.take(",") {
			break
		}
	}
	return n, p.need(")")
}

func (p *parser) aggregate(name string) (*node, error) {
	n := &node{kind: "aggregate", op: name}
	if err := p.group(n); err != nil {
		return nil, err
	}
	inner, err := p.call(name)
	if err != nil {
		return nil, err
	}
	if len(inner.args) != 1 {
		return nil, fmt.Errorf("parse error: %s wants one argument", name)
	}
	n.args = inner.args
	return n, p.group(n)
}

// group reads by (…) or without (…), if it is there.
func (p *parser) group(n *node) (err error) {
	if n.listed || p.peek() != "by" && p.peek() != "without" {
		return nil
	}
	n.without, n.listed = p.peek() == "without", true
	p.at++
	n.labels, err = p.names()
	return err
}

func (p *parser) names() (all []string, err error) {
	if err := p.need("("); err != nil {
		return nil, err
	}
	for p.peek() != ")" && p.peek() != "" {
		all = append(all, p.peek())
		p.at++
		p.take(",")
	}
	return all, p.need(")")
}

func (p *parser) selector(name string) (*node, error) {
	n := &node{kind: "select"}
	if name != "" {
		n.match = append(n.match, matcher{name: "__name__", op: "=", value: name})
	}
	if p.take("{") {
		for p.peek() != "}" {
			m, err := p.matcher()
			if err != nil {
				return nil, err
			}
			n.match = append(n.match, m)
			if !p.take(",") {
				break
			}
		}
		if err := p.need("}"); err != nil {
			return nil, err
		}
	}
	if p.take("[") {
		var err error
		if n.over, err = duration(p.peek()); err != nil {
			return nil, err
		}
		p.at++
		return n, p.need("]")
	}
	return n, nil
}

func (p *parser) matcher() (matcher, error) {
	m := matcher{name: p.peek()}
	p.at++
	if m.op = p.peek(); !slices.Contains([]string{"=", "!=", "=~", "!~"}, m.op) {
		return m, fmt.Errorf("parse error: unexpected %q in a selector", m.op)
	}
	p.at++
	word := p.peek()
	p.at++
	if len(word) < 2 || word[0] != '"' && word[0] != '\'' {
		return m, fmt.Errorf("parse error: %q is no text", word)
	}
	m.value = strings.ReplaceAll(word[1:len(word)-1], `\\`, `\`)
	if strings.HasSuffix(m.op, "~") {
		var err error
		if m.re, err = regexp.Compile("^(?:" + m.value + ")$"); err != nil {
			return m, fmt.Errorf("parse error: %w", err)
		}
	}
	return m, nil
}

var units = map[byte]time.Duration{'s': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour, 'w': 7 * 24 * time.Hour}

// duration reads 90s, 5m, 7d.
func duration(word string) (time.Duration, error) {
	if len(word) > 1 && units[word[len(word)-1]] > 0 {
		if n, err := strconv.Atoi(word[:len(word)-1]); err == nil && n > 0 {
			return time.Duration(n) * units[word[len(word)-1]], nil
		}
	}
	return 0, fmt.Errorf("parse error: %q is no duration", word)
}

func (m matcher) holds(l labels) bool {
	switch m.op {
	case "=":
		return l[m.name] == m.value
	case "!=":
		return l[m.name] != m.value
	case "=~":
		return m.re.MatchString(l[m.name])
	}
	return !m.re.MatchString(l[m.name])
}
