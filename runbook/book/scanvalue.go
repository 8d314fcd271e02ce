package book

import "bytes"

// value reads one value into n.
func (s *scan) value(n *node, depth int) {
	n.val = s.pos
	if depth > maxDepth {
		s.stop(s.pos, "nested deeper than %d", maxDepth)
	}
	switch c := s.peek(); {
	case s.has(`"""`), s.has(`'''`):
		s.lines(c)
	case c == '"', c == '\'':
		s.line(c)
	case c == '[':
		s.array(n, depth)
	case c == '{':
		s.inline(n, depth)
	default:
		s.scalar()
	}
}

// line reads a string of one line.
func (s *scan) line(quote byte) {
	start := s.pos
	for s.pos++; s.pos < len(s.data); s.pos++ {
		switch c := s.data[s.pos]; {
		case c == quote:
			s.pos++
			return
		case c == '\n':
			s.stop(start, "this string is not closed on its line")
			return
		case c == '\\' && quote == '"':
			s.pos++
		}
	}
	s.stop(start, "this string is not closed")
}

// lines reads a string of several lines. Up to two quotes may stand before the
// three that close it.
func (s *scan) lines(quote byte) {
	start, closing := s.pos, bytes.Repeat([]byte{quote}, 3)
	for s.pos += 3; s.pos < len(s.data); s.pos++ {
		if s.data[s.pos] == '\\' && quote == '"' {
			s.pos++
			continue
		}
		if !bytes.HasPrefix(s.data[s.pos:], closing) {
			continue
		}
		s.pos += 3
		for extra := 0; extra < 2 && s.peek() == quote; extra++ {
			s.pos++
		}
		return
	}
	s.stop(start, "this string is not closed")
}

func (s *scan) array(n *node, depth int) {
	start := s.pos
	s.pos++
	for s.err == nil {
		s.blank(true)
		if s.peek() == ']' {
			s.pos++
			return
		}
		if s.pos >= len(s.data) {
			s.stop(start, "this list is not closed")
			return
		}
		item := &node{key: s.pos, closed: true}
		n.items = append(n.items, item)
		s.value(item, depth+1)
		s.blank(true)
		s.comma(']', "list")
	}
}

// inline reads an inline table, over several lines if need be (TOML 1.1).
func (s *scan) inline(n *node, depth int) {
	start := s.pos
	s.pos++
	for s.err == nil {
		s.blank(true)
		if s.peek() == '}' {
			s.pos++
			return
		}
		if s.pos >= len(s.data) {
			s.stop(start, "this table is not closed")
			return
		}
		s.pair(n, depth)
		s.blank(true)
		s.comma('}', "table")
	}
}

func (s *scan) comma(closing byte, what string) {
	switch s.peek() {
	case ',':
		s.pos++
	case closing:
	default:
		s.stop(s.pos, "expected a comma or the end of the %s", what)
	}
}

// scalar reads a number, a boolean or a date; the library judges it.
func (s *scan) scalar() {
	start := s.pos
	for s.pos < len(s.data) && s.inScalar(start) {
		s.pos++
	}
	if s.pos == start {
		s.stop(s.pos, "expected a value")
	}
}

// inScalar allows one space between a date and its time.
func (s *scan) inScalar(start int) bool {
	c := s.data[s.pos]
	if c == ' ' && s.pos-start == len("2006-01-02") && s.data[start+4] == '-' && s.pos+1 < len(s.data) {
		c = s.data[s.pos+1]
		return c >= '0' && c <= '9'
	}
	return bareKey(c) || c == '+' || c == '.' || c == ':'
}
