package docker

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

var validName = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]+$`)

func (e *Engine) run(call Call) error {
	c := &container{id: newID(), state: "created", created: time.Now(), env: map[string]string{}}
	flags := newFlags("run")
	flags.SetInterspersed(false)
	detach := flags.BoolP("detach", "d", false, "")
	flags.StringVar(&c.name, "name", "", "")
	publish := flags.StringArrayP("publish", "p", nil, "")
	files := flags.StringArray("env-file", nil, "")
	values := flags.StringArrayP("env", "e", nil, "")
	flags.StringVar(&c.restart, "restart", "no", "")
	if err := parse(flags, call.Args, 1, 1); err != nil {
		return err
	}
	if !*detach {
		return errNotSimulated
	}
	if err := c.environment(call, *files, *values); err != nil {
		return fail(125, "docker: %v.\nSee 'docker run --help'.", err)
	}
	for _, p := range *publish {
		mapping, err := parsePort(p)
		if err != nil {
			return fail(125, "docker: %v.\nSee 'docker run --help'.", err)
		}
		c.publish = append(c.publish, mapping)
	}
	return e.create(call, c, flags.Arg(0))
}

func (e *Engine) create(call Call, c *container, ref string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	c.ref = ref
	if c.image = e.findImage(ref); c.image == nil {
		return fail(125, "Unable to find image '%s' locally\ndocker: the practice world has no registry to pull it from.", withTag(ref))
	}
	if c.name == "" {
		c.name = "practical_" + c.id[:8]
	}
	if !validName.MatchString(c.name) {
		return fail(125, "docker: Error response from daemon: Invalid container name (%s), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed.\nSee 'docker run --help'.", c.name)
	}
	if other := e.findContainer(c.name); other != nil {
		return fail(125, "docker: Error response from daemon: Conflict. The container name %q is already in use by container %q. You have to remove (or rename) that container to be able to reuse that name.\nSee 'docker run --help'.", "/"+c.name, other.id)
	}
	e.containers = append(e.containers, c)
	if err := c.start(e); err != nil {
		return fail(125, "docker: Error response from daemon: driver failed programming external connectivity on endpoint %s (%s): %v.", c.name, c.id, err)
	}
	_, err := fmt.Fprintln(call.Out, c.id)
	return err
}

// environment is what --env-file and --env give, the latter last.
func (c *container) environment(call Call, files, values []string) error {
	var all []string
	for _, name := range files {
		lines, err := readEnvFile(call.Dir, name)
		if err != nil {
			return err
		}
		all = append(all, lines...)
	}
	for _, kv := range append(all, values...) {
		key, value, given := strings.Cut(kv, "=")
		if !given {
			if value, given = lookup(call.Env, key); !given {
				continue
			}
		}
		c.env[key] = value
		c.envList = append(c.envList, key+"="+value)
	}
	return nil
}

// readEnvFile takes lines as they are: docker knows no quotes there.
func readEnvFile(dir, name string) ([]string, error) {
	path := name
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, name)
	}
	f, err := os.Open(path) // #nosec G304 -- the client names it
	var pathErr *os.PathError
	if errors.As(err, &pathErr) {
		return nil, fmt.Errorf("open %s: %w", name, pathErr.Err)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // only read
	var lines []string
	scanner := bufio.NewScanner(f)
	for scanner.Scan() {
		line := strings.TrimLeft(scanner.Text(), " \t")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if key, _, _ := strings.Cut(line, "="); strings.ContainsAny(key, " \t") || key == "" {
			return nil, fmt.Errorf("poorly formatted environment: variable '%s' contains whitespaces", key)
		}
		lines = append(lines, line)
	}
	return lines, scanner.Err()
}

// parsePort reads A:B and 127.0.0.1:A:B; the world publishes on 127.0.0.1 only.
func parsePort(s string) (port, error) {
	s = strings.TrimSuffix(strings.TrimPrefix(s, "127.0.0.1:"), "/tcp")
	host, inside, found := strings.Cut(s, ":")
	for _, p := range []string{host, inside} {
		if n, err := strconv.Atoi(p); !found || err != nil || n < 1 || n > 65535 {
			return port{}, fmt.Errorf("invalid containerPort: %s", s)
		}
	}
	return port{host, inside}, nil
}

func lookup(env []string, key string) (string, bool) {
	for _, kv := range env {
		if value, ok := strings.CutPrefix(kv, key+"="); ok {
			return value, true
		}
	}
	return "", false
}
