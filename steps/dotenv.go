package steps

import (
	"fmt"
	"strings"
)

// ParseEnv reads KEY=VALUE lines as `docker --env-file` and dotenv agree on
// them: blank lines and lines that begin with # are left out, `export ` before
// a key is allowed, one pair of matching quotes around the whole value is
// taken off. Nothing is expanded: a $ in a secret stays a $.
func ParseEnv(data []byte) (map[string]string, error) {
	vars := map[string]string{}
	for n, line := range strings.Split(string(data), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, value, ok := strings.Cut(strings.TrimPrefix(line, "export "), "=")
		key = strings.TrimSpace(key)
		if !ok || key == "" || strings.ContainsAny(key, " \t") {
			return nil, fmt.Errorf("line %d is not KEY=VALUE", n+1)
		}
		value = strings.TrimSpace(value)
		if len(value) >= 2 && (value[0] == '"' || value[0] == '\'') && value[len(value)-1] == value[0] {
			value = value[1 : len(value)-1]
		}
		vars[key] = value
	}
	return vars, nil
}
