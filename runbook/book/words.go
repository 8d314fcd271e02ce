package book

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"runbook/steps/safetext"
)

// lines shows the fields of a verb, one line each and a script line by line,
// with everything invisible made visible: what is shown is what is read.
func lines(path string, value any) []string {
	switch v := value.(type) {
	case map[string]any:
		var out []string
		for _, key := range slices.Sorted(maps.Keys(v)) {
			out = append(out, lines(join(path, safetext.Exact(key)), v[key])...)
		}
		return out
	case string:
		if !strings.Contains(v, "\n") {
			return []string{path + " = " + exactly(v)}
		}
		out := []string{path + ":"}
		for line := range strings.SplitSeq(strings.TrimSuffix(v, "\n"), "\n") {
			out = append(out, "  | "+safetext.Exact(line))
		}
		return out
	default:
		return []string{path + " = " + exactly(v)}
	}
}

// exactly writes one value: strings quoted, lists in brackets.
func exactly(value any) string {
	switch v := value.(type) {
	case string:
		return `"` + strings.ReplaceAll(safetext.Exact(v), `"`, `\"`) + `"`
	case []any:
		parts := make([]string, len(v))
		for i, item := range v {
			parts[i] = exactly(item)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case map[string]any:
		var parts []string
		for _, key := range slices.Sorted(maps.Keys(v)) {
			parts = append(parts, safetext.Exact(key)+" = "+exactly(v[key]))
		}
		return "{ " + strings.Join(parts, ", ") + " }"
	case []map[string]any:
		parts := make([]string, len(v))
		for i, item := range v {
			parts[i] = exactly(item)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	default:
		text, err := json.Marshal(v)
		if err != nil {
			return safetext.Exact(fmt.Sprint(v))
		}
		return safetext.Exact(string(text))
	}
}
