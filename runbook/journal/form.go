package journal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// maxDepth caps how deep objects and arrays of a body nest.
const maxDepth = 64

// form reads a body from left to right and holds it against its one form: what
// canonical writes.
type form struct{ rest []byte }

// checkBody says why b is not the one form of a body: an object with sorted
// keys, without white space and without HTML escapes. Floats are refused, since
// they have many forms: measured values are strings with a unit.
func checkBody(b []byte) error {
	f := form{b}
	if !bytes.HasPrefix(b, []byte("{")) {
		return errors.New("not an object")
	}
	if err := f.value(1); err != nil {
		return err
	}
	if len(f.rest) > 0 {
		return errors.New("something follows the object")
	}
	return nil
}

// takes reads c, if it comes next.
func (f *form) takes(c byte) bool {
	if len(f.rest) == 0 || f.rest[0] != c {
		return false
	}
	f.rest = f.rest[1:]
	return true
}

func (f *form) value(depth int) error {
	switch {
	case depth > maxDepth:
		return fmt.Errorf("nests deeper than %d", maxDepth)
	case f.takes('{'):
		return f.object(depth)
	case f.takes('['):
		return f.array(depth)
	case f.takes('"'):
		_, err := f.text()
		return err
	}
	for _, word := range []string{"true", "false", "null"} {
		if rest, ok := bytes.CutPrefix(f.rest, []byte(word)); ok {
			f.rest = rest
			return nil
		}
	}
	return f.integer()
}

// object reads what follows the brace.
func (f *form) object(depth int) error {
	if f.takes('}') {
		return nil
	}
	for before := []byte(nil); ; {
		if !f.takes('"') {
			return errors.New("no key where one belongs")
		}
		key, err := f.text()
		switch {
		case err != nil:
			return err
		case before != nil && bytes.Compare(before, key) >= 0:
			return fmt.Errorf("the key %q behind %q", key, before)
		case !f.takes(':'):
			return fmt.Errorf("no colon behind the key %q", key)
		}
		if err := f.value(depth + 1); err != nil {
			return fmt.Errorf("%q: %w", key, err)
		}
		if f.takes('}') {
			return nil
		}
		if !f.takes(',') {
			return fmt.Errorf("no end behind the value of %q", key)
		}
		before = key
	}
}

// array reads what follows the bracket.
func (f *form) array(depth int) error {
	if f.takes(']') {
		return nil
	}
	for {
		if err := f.value(depth + 1); err != nil {
			return err
		}
		if f.takes(']') {
			return nil
		}
		if !f.takes(',') {
			return errors.New("no end behind a value of a list")
		}
	}
}

// text reads what follows the quote, with the one that ends it, and returns what
// it says. One of plain ASCII has no other form; any other is written again.
func (f *form) text() ([]byte, error) {
	plain, end := true, 0
	for ; end < len(f.rest) && f.rest[end] != '"'; end++ {
		c := f.rest[end]
		plain = plain && c >= ' ' && c < utf8.RuneSelf && c != '\\'
		if c == '\\' {
			end++ // what it escapes may be a quote
		}
	}
	if end >= len(f.rest) {
		return nil, errors.New("a string without an end")
	}
	inner := f.rest[:end]
	f.rest = f.rest[end+1:]
	if plain {
		return inner, nil
	}
	quoted := `"` + string(inner) + `"`
	var text string
	if err := json.Unmarshal([]byte(quoted), &text); err != nil {
		return nil, err
	}
	if again, err := encode(text); err != nil || string(again) != quoted {
		return nil, fmt.Errorf("%q is not the one form of that string", quoted)
	}
	return []byte(text), nil
}

func (f *form) integer() error {
	text := f.rest[:len(f.rest)-len(bytes.TrimLeft(f.rest, "+-.0123456789Ee"))]
	f.rest = f.rest[len(text):]
	n, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil || strconv.FormatInt(n, 10) != string(text) {
		return fmt.Errorf("%s is not an integer of 64 bits: write it as a string with its unit", text)
	}
	return nil
}
