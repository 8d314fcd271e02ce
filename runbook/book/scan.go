package book

import (
	"bytes"
	"fmt"
	"strings"
)

// maxDepth bounds keys and nesting together. The TOML library takes 25 s for a
// dotted key 20,000 deep, and 3 million nested brackets overflow its stack,
// which can't be recovered: what is deeper never reaches it.
const maxDepth = 64

// maxWork bounds all keys of a file together: the library's time for a dotted
// key grows with the square of its parts. A book of 10,000 steps needs about
// an eighth of it.
const maxWork = 2_000_000

// scan walks a file by TOML's grammar, finds where everything stands, and
// refuses what is too deep or set twice. What it lets through may still be
// wrong in its values; the library says so.
type scan struct {
	*index
	pos  int
	work int
	err  *Problem // the first thing that stops the scan
	list []Problem
}

func (s *scan) file() []Problem {
	table, depth := s.root, 0
	for s.blank(true); s.err == nil && s.pos < len(s.data); s.blank(true) {
		if s.data[s.pos] == '[' {
			table, depth = s.header()
		} else {
			s.pair(table, depth)
		}
		s.endOfLine()
	}
	if s.err != nil {
		s.list = append(s.list, *s.err)
	}
	return s.list
}

func (s *scan) problem(offset int, format string, args ...any) Problem {
	line, col := s.place(offset)
	return Problem{Line: line, Col: col, Text: fmt.Sprintf(format, args...)}
}

// stop ends the scan with a problem; only the first counts.
func (s *scan) stop(offset int, format string, args ...any) {
	if s.err == nil {
		p := s.problem(offset, format, args...)
		s.err = &p
	}
}

func (s *scan) peek() byte {
	if s.err != nil || s.pos >= len(s.data) {
		return 0
	}
	return s.data[s.pos]
}

func (s *scan) has(prefix string) bool {
	return s.err == nil && bytes.HasPrefix(s.data[s.pos:], []byte(prefix))
}

// blank skips spaces and, over lines, newlines and comments.
func (s *scan) blank(lines bool) {
	for s.err == nil && s.pos < len(s.data) {
		switch c := s.data[s.pos]; {
		case c == ' ' || c == '\t' || lines && (c == '\n' || c == '\r'):
			s.pos++
		case c == '#' && lines:
			s.comment()
		default:
			return
		}
	}
}

func (s *scan) comment() {
	if end := bytes.IndexByte(s.data[s.pos:], '\n'); end >= 0 {
		s.pos += end
		return
	}
	s.pos = len(s.data)
}

func (s *scan) endOfLine() {
	s.blank(false)
	if s.peek() == '#' {
		s.comment()
	}
	if s.has("\r\n") {
		s.pos++
	}
	if s.pos < len(s.data) && s.peek() != '\n' {
		s.stop(s.pos, "expected the end of the line")
	}
}

// header reads [table] or [[array of tables]].
func (s *scan) header() (table *node, depth int) {
	start, closing := s.pos, "]"
	s.pos++
	if s.peek() == '[' {
		s.pos++
		closing = "]]"
	}
	keys, at := s.keys(0)
	if !s.has(closing) {
		s.stop(s.pos, "expected %s", closing)
	}
	if s.err != nil {
		return s.root, 0
	}
	s.pos += len(closing)
	parent, ok := s.descend(s.root, keys, at)
	if !ok {
		return &node{}, len(keys)
	}
	n, fresh := parent.kid(keys[len(keys)-1], at[len(at)-1])
	switch {
	case n.closed, closing == "]" && (n.header || len(n.items) > 0), closing == "]]" && !fresh && len(n.items) == 0:
		s.doubled(n, at[len(at)-1], keys)
		return &node{}, len(keys)
	case closing == "]":
		n.header = true
		return n, len(keys)
	}
	item := &node{key: start}
	n.items = append(n.items, item)
	return item, len(keys) + 1
}

func (s *scan) doubled(n *node, offset int, keys []string) {
	first, _ := s.place(n.key)
	s.list = append(s.list, s.problem(offset, "doubled key %s: it is already set at line %d", strings.Join(keys, "."), first))
}

// descend walks to the table that holds the last key.
func (s *scan) descend(from *node, keys []string, at []int) (*node, bool) {
	n := from
	for i, key := range keys[:len(keys)-1] {
		n, _ = n.kid(key, at[i])
		if n.closed {
			s.doubled(n, at[0], keys[:i+1])
			return nil, false
		}
		n = n.last()
	}
	return n, true
}

// pair reads key = value into a table.
func (s *scan) pair(table *node, depth int) {
	keys, at := s.keys(depth)
	if s.peek() != '=' {
		s.stop(s.pos, "expected = after the key")
	}
	if s.err != nil {
		return
	}
	s.pos++
	s.blank(false)
	into := &node{}
	if parent, ok := s.descend(table, keys, at); ok {
		kid, fresh := parent.kid(keys[len(keys)-1], at[len(at)-1])
		if fresh {
			into = kid
		} else {
			s.doubled(kid, at[0], keys)
		}
	}
	s.value(into, depth+len(keys))
	into.closed = true
}

// keys reads a dotted key up to what follows it.
func (s *scan) keys(depth int) (keys []string, at []int) {
	for s.err == nil {
		s.blank(false)
		at = append(at, s.pos)
		keys = append(keys, s.key())
		if depth+len(keys) > maxDepth {
			s.stop(s.pos, "nested deeper than %d", maxDepth)
		}
		s.blank(false)
		if s.peek() != '.' {
			break
		}
		s.pos++
	}
	if s.work += depth + len(keys)*len(keys); s.work > maxWork {
		s.stop(at[0], "the keys up to here are too many and too deep to read")
	}
	return keys, at
}

func (s *scan) key() string {
	start := s.pos
	if c := s.peek(); c == '"' || c == '\'' {
		s.line(c)
		text := s.data[start:s.pos]
		if bytes.IndexByte(text, '\\') >= 0 {
			s.stop(start, "a key can't hold a backslash")
		}
		return strings.Trim(string(text), string(c))
	}
	for s.pos < len(s.data) && bareKey(s.data[s.pos]) {
		s.pos++
	}
	if s.pos == start {
		s.stop(s.pos, "expected a key")
	}
	return string(s.data[start:s.pos])
}

func bareKey(c byte) bool {
	return c == '_' || c == '-' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
