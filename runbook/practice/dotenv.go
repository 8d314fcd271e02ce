package practice

import (
	"fmt"
	"os"
	"strings"
)

// readDotenv reads NAME=VALUE lines; comments and empty lines are skipped, an
// `export` before the name and one pair of quotes around the value are dropped.
func readDotenv(file string) (map[string]string, error) {
	text, err := os.ReadFile(file) // #nosec G304 G703 -- the caller has placed it
	if err != nil {
		return nil, fmt.Errorf("read environment file: %w", err)
	}
	env := map[string]string{}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		name, value, found := strings.Cut(strings.TrimPrefix(line, "export "), "=")
		if !found || strings.HasPrefix(line, "#") {
			continue
		}
		value = strings.TrimSpace(value)
		if n := len(value); n >= 2 && (value[0] == '"' || value[0] == '\'') && value[n-1] == value[0] {
			value = value[1 : n-1]
		}
		env[strings.TrimSpace(name)] = value
	}
	return env, nil
}
