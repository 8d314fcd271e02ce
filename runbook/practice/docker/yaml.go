package docker

import (
	"fmt"
	"strings"
)

// yamlLine is a line of a compose file without its indentation and comment.
type yamlLine struct {
	number, indent int
	text           string
}

// readYAML reads what a compose file is made of: mappings and lists in blocks,
// and scalars, which all stay text. Anchors, flows, tags and multi-line text
// are refused, not misread.
func readYAML(text string) (map[string]any, error) {
	var lines []yamlLine
	for n, line := range strings.Split(text, "\n") {
		bare := strings.TrimLeft(line, " ")
		if bare == "" || strings.HasPrefix(bare, "#") {
			continue
		}
		if strings.Contains(line, "\t") {
			return nil, fmt.Errorf("line %d: a tab", n+1)
		}
		if at := strings.Index(bare, " #"); at >= 0 {
			bare = bare[:at]
		}
		lines = append(lines, yamlLine{n + 1, len(line) - len(strings.TrimLeft(line, " ")), strings.TrimRight(bare, " ")})
	}
	if len(lines) == 0 {
		return nil, fmt.Errorf("it is empty")
	}
	value, rest, err := readBlock(lines, lines[0].indent)
	if err != nil {
		return nil, err
	}
	if len(rest) > 0 {
		return nil, fmt.Errorf("line %d: not indented as what is above it", rest[0].number)
	}
	tree, ok := value.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("line 1: want a mapping")
	}
	return tree, nil
}

// readBlock reads the lines of one indentation, and what is nested in them.
func readBlock(lines []yamlLine, indent int) (value any, rest []yamlLine, err error) {
	var list []any
	mapping := map[string]any{}
	for len(lines) > 0 && lines[0].indent == indent {
		line := lines[0]
		lines = lines[1:]
		if item, ok := strings.CutPrefix(line.text, "- "); ok {
			scalar, err := readScalar(line.number, item)
			if err != nil {
				return nil, nil, err
			}
			list = append(list, scalar)
			continue
		}
		key, text, found := strings.Cut(line.text, ":")
		if !found || list != nil || text != "" && text[0] != ' ' {
			return nil, nil, fmt.Errorf("line %d: %q is neither `key: value` nor a list's `- value`", line.number, line.text)
		}
		if text = strings.TrimSpace(text); text != "" {
			if mapping[key], err = readScalar(line.number, text); err != nil {
				return nil, nil, err
			}
			continue
		}
		mapping[key] = ""
		if len(lines) > 0 && lines[0].indent > indent {
			if mapping[key], lines, err = readBlock(lines, lines[0].indent); err != nil {
				return nil, nil, err
			}
		}
	}
	if len(lines) > 0 && lines[0].indent > indent {
		return nil, nil, fmt.Errorf("line %d: indented under nothing", lines[0].number)
	}
	if list != nil {
		return list, lines, nil
	}
	return mapping, lines, nil
}

func readScalar(line int, text string) (string, error) {
	if n := len(text); n >= 2 && (text[0] == '"' || text[0] == '\'') && text[n-1] == text[0] {
		return text[1 : n-1], nil
	}
	if strings.ContainsAny(text[:1], "&*!|>{[%@`") {
		return "", fmt.Errorf("line %d: %q is not read in the practice world", line, text)
	}
	return text, nil
}
