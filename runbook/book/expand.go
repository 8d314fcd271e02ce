package book

import (
	"fmt"
	"strings"
)

// expand replaces each ${name} of a text; $${ stands for a literal ${. What
// comes in is never looked at again, so a value can't name another.
func expand(text string, value func(name string) (string, error)) (string, error) {
	var out strings.Builder
	for {
		i := strings.Index(text, "${")
		if i < 0 {
			out.WriteString(text)
			return out.String(), nil
		}
		if i > 0 && text[i-1] == '$' {
			out.WriteString(text[:i-1] + "${")
			text = text[i+2:]
			continue
		}
		end := strings.IndexByte(text[i:], '}')
		if end < 0 {
			return "", fmt.Errorf("${ without its }; $${ stands for a literal ${")
		}
		v, err := value(text[i+2 : i+end])
		if err != nil {
			return "", err
		}
		out.WriteString(text[:i] + v)
		text = text[i+end+1:]
	}
}

// expandAll is a copy of a verb's table with every string expanded, except sh:
// there ${NAME} is the shell's own.
func expandAll(value any, key string, expandOne func(text string) (string, error)) (any, error) {
	switch v := value.(type) {
	case string:
		if key == "sh" {
			return v, nil
		}
		return expandOne(v)
	case []any:
		return expandList(v, key, expandOne)
	case []map[string]any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = v[i]
		}
		return expandList(list, key, expandOne)
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, item := range v {
			var err error
			if out[k], err = expandAll(item, k, expandOne); err != nil {
				return nil, err
			}
		}
		return out, nil
	default:
		return value, nil
	}
}

// expandList expands each element by itself. In argv an element that a value
// turns into an option is refused, unless -- stands before it.
func expandList(list []any, key string, expandOne func(text string) (string, error)) (any, error) {
	out, options := make([]any, len(list)), key == "argv"
	for i, item := range list {
		var err error
		if out[i], err = expandAll(item, "", expandOne); err != nil {
			return nil, err
		}
		before, _ := item.(string)
		after, _ := out[i].(string)
		if options && strings.HasPrefix(after, "-") && !strings.HasPrefix(before, "-") {
			return nil, fmt.Errorf("%s of argv becomes the option %q; put \"--\" before it in the book, or give another value", before, after)
		}
		options = options && before != "--"
	}
	return out, nil
}
