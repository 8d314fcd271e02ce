package docker

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// project is a compose file, read and filled in.
type project struct {
	name     string
	services []service // by name
}

type service struct {
	name, image, container string
	restart, user          string
	env                    []string // KEY=VALUE
	ports                  []string
	memory                 int64 // bytes, 0 is no limit
	cpus                   float64
	health                 string // URL of its health check
}

// readProject reads a compose file. A ${NAME} is the client's variable, or
// that of the .env beside the file.
func readProject(call Call, file, name string) (project, error) {
	path := file
	if !filepath.IsAbs(path) {
		path = filepath.Join(call.Dir, file)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return project{}, fail(14, "open %s: no such file or directory", file)
	}
	dir := filepath.Dir(path)
	beside, _ := readEnvFile(dir, ".env") // without one, the client's variables are all there are
	filled, err := interpolate(string(text), append(slices.Clone(call.Env), beside...))
	if err != nil {
		return project{}, fail(15, "%s: %v", file, err)
	}
	tree, err := readYAML(filled)
	if err != nil {
		return project{}, fail(15, "yaml: %s: %v", file, err)
	}
	p := project{name: name}
	if p.name == "" {
		p.name, _ = tree["name"].(string)
	}
	if p.name == "" {
		p.name = filepath.Base(dir)
	}
	services, _ := tree["services"].(map[string]any)
	for name, value := range services {
		fields, ok := value.(map[string]any)
		if !ok {
			return p, fail(15, "%s: services.%s must be a mapping", file, name)
		}
		s, err := readService(dir, name, fields)
		if err != nil {
			return p, fail(15, "%s: services.%s: %v", file, name, err)
		}
		p.services = append(p.services, s)
	}
	slices.SortFunc(p.services, func(a, b service) int { return strings.Compare(a.name, b.name) })
	if len(p.services) == 0 {
		return p, fail(15, "%s: no services", file)
	}
	return p, nil
}

func readService(dir, name string, fields map[string]any) (service, error) {
	s := service{name: name}
	for key, value := range fields {
		var err error
		switch key {
		case "image":
			s.image = text(value)
		case "container_name":
			s.container = text(value)
		case "restart":
			s.restart = text(value)
		case "user":
			s.user = text(value)
		case "ports":
			s.ports = texts(value)
		case "env_file":
			var lines []string
			lines, err = readEnvFile(dir, text(value))
			s.env = append(lines, s.env...) // environment wins
		case "environment":
			values, _ := value.(map[string]any)
			for k, v := range values {
				s.env = append(s.env, k+"="+text(v))
			}
		case "healthcheck":
			check, _ := value.(map[string]any)
			if test := texts(check["test"]); len(test) > 0 {
				s.health = test[len(test)-1]
			}
		case "deploy":
			s.memory, s.cpus, err = limits(value)
		default:
			err = fmt.Errorf("%s is not read in the practice world", key)
		}
		if err != nil {
			return s, err
		}
	}
	if s.image == "" {
		return s, fmt.Errorf("no image")
	}
	return s, nil
}

func text(value any) string {
	s, _ := value.(string)
	return s
}

func texts(value any) []string {
	var all []string
	list, _ := value.([]any)
	for _, v := range list {
		all = append(all, text(v))
	}
	return all
}

// limits reads deploy.resources.limits.
func limits(deploy any) (memory int64, cpus float64, err error) {
	at := deploy
	for _, key := range []string{"resources", "limits"} {
		m, _ := at.(map[string]any)
		at = m[key]
	}
	m, _ := at.(map[string]any)
	if s := text(m["memory"]); s != "" {
		if memory, err = parseMemory(s); err != nil {
			return 0, 0, err
		}
	}
	if s := text(m["cpus"]); s != "" {
		cpus, err = strconv.ParseFloat(s, 64)
	}
	return memory, cpus, err
}

// parseMemory reads 512M and its like, in bytes.
func parseMemory(s string) (int64, error) {
	unit := map[byte]int64{'k': 1 << 10, 'm': 1 << 20, 'g': 1 << 30}
	low := strings.TrimSuffix(strings.ToLower(s), "b")
	factor := int64(1)
	if low != "" && unit[low[len(low)-1]] != 0 {
		factor, low = unit[low[len(low)-1]], low[:len(low)-1]
	}
	n, err := strconv.ParseInt(low, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("memory %q is no size", s)
	}
	return n * factor, nil
}

var variable = regexp.MustCompile(`\$\{(\w+)(:-[^}]*)?\}`)

// interpolate fills in the variables of a compose file; the first value wins.
func interpolate(text string, env []string) (string, error) {
	var missing []string
	filled := variable.ReplaceAllStringFunc(text, func(m string) string {
		part := variable.FindStringSubmatch(m)
		value, found := lookup(env, part[1])
		if (!found || value == "") && part[2] != "" {
			return part[2][2:]
		}
		if !found {
			missing = append(missing, part[1])
		}
		return value
	})
	if len(missing) > 0 {
		return "", fmt.Errorf("required variable %s is missing a value", missing[0])
	}
	return filled, nil
}
