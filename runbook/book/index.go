package book

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// index knows where each key and value of a file stands. The TOML library
// keeps no usable positions, so the scan that guards it against deep nesting
// writes them down.
type index struct {
	data  []byte
	lines []int // offset of each line's first byte
	root  *node
}

// node is a key, or an element of an array.
type node struct {
	key, val int // offsets into the file; val is 0 for a table without a value
	closed   bool
	header   bool
	kids     map[string]*node
	items    []*node
}

func newIndex(data []byte) *index {
	x := &index{data: data, lines: []int{0}, root: &node{}}
	for i, c := range data {
		if c == '\n' {
			x.lines = append(x.lines, i+1)
		}
	}
	return x
}

// kid returns the child of that name, made at offset if there is none.
func (n *node) kid(name string, offset int) (kid *node, fresh bool) {
	if kid, ok := n.kids[name]; ok {
		return kid, false
	}
	if n.kids == nil {
		n.kids = map[string]*node{}
	}
	kid = &node{key: offset}
	n.kids[name] = kid
	return kid, true
}

// last is the table that further keys of this name go to: of an array of
// tables the newest.
func (n *node) last() *node {
	if len(n.items) > 0 && !n.closed {
		return n.items[len(n.items)-1]
	}
	return n
}

// place is line and column of an offset.
func (x *index) place(offset int) (line, col int) {
	if x == nil {
		return 0, 0
	}
	offset = min(max(offset, 0), len(x.data))
	i, exact := slices.BinarySearch(x.lines, offset)
	if !exact {
		i--
	}
	return i + 1, utf8.RuneCount(x.data[x.lines[i]:offset]) + 1
}

// find returns the node of a path such as phase[0].step[1].title, or of its
// nearest ancestor that exists.
func (x *index) find(path string) (n *node, exact bool) {
	n = x.root
	for _, part := range splitPath(path) {
		var next *node
		if i, err := strconv.Atoi(strings.Trim(part, "[]")); err == nil && part[0] == '[' && i < len(n.items) {
			next = n.items[i]
		} else {
			next = n.kids[strings.Trim(part, `"`)]
		}
		if next == nil {
			return n, false
		}
		n = next
	}
	return n, true
}

// splitPath cuts a.b[3]."c.d" into a, b, [3] and "c.d", brackets and quotes
// kept.
func splitPath(path string) []string {
	var parts []string
	for path != "" {
		end := strings.IndexAny(path[1:], ".[") + 1
		switch path[0] {
		case '.':
			path = path[1:]
			continue
		case '[':
			end = strings.IndexByte(path, ']') + 1
		case '"':
			end = strings.IndexByte(path[1:], '"') + 2
		}
		if end <= 0 || end > len(path) {
			end = len(path)
		}
		parts = append(parts, path[:end])
		path = path[end:]
	}
	return parts
}

// at is the place of a path's key, or of its nearest ancestor's.
func (x *index) at(path string) (line, col int) {
	if x == nil || x.root == nil {
		return 0, 0
	}
	n, _ := x.find(path)
	return x.place(n.key)
}

// value is the offset at which a path's value begins.
func (x *index) value(path string) (offset int, ok bool) {
	if x == nil || x.root == nil {
		return 0, false
	}
	n, exact := x.find(path)
	return n.val, exact && n.val > 0
}
