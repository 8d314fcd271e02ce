package docker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// composeVersion is what this engine's compose calls itself.
const composeVersion = "2.40.3"

// compose is `docker compose` and `docker-compose`: one project of this engine.
func (e *Engine) compose(call Call) error {
	flags := newFlags("compose")
	flags.SetInterspersed(false)
	file := flags.StringP("file", "f", "docker-compose.yml", "")
	name := flags.StringP("project-name", "p", "", "")
	version := flags.BoolP("version", "v", false, "")
	if err := parse(flags, call.Args, 0, -1); err != nil {
		return err
	}
	if *version || flags.Arg(0) == "version" {
		return sayComposeVersion(call, flags.Args())
	}
	if flags.NArg() == 0 {
		return errNotSimulated
	}
	commands := map[string]func(Call, project) error{
		"ps": e.composeList, "up": e.composeUp, "down": e.composeDown, "logs": e.composeLogs, "config": composeConfig,
		"pull": e.composePull, "stop": e.composeStop, "start": e.composeStart, "restart": e.composeRestart,
	}
	command, known := commands[flags.Arg(0)]
	if !known {
		return errNotSimulated
	}
	p, err := readProject(call, *file, *name)
	if err != nil {
		return err
	}
	call.Args = flags.Args()[1:]
	return command(call, p)
}

func sayComposeVersion(call Call, args []string) error {
	format := "Docker Compose version v%s\n"
	if slices.Contains(args, "--short") {
		format = "%s\n"
	}
	_, err := fmt.Fprintf(call.Out, format, composeVersion)
	return err
}

// chosen are the services a command names; all of them if it names none.
func (p project) chosen(names []string) ([]service, error) {
	if len(names) == 0 {
		return p.services, nil
	}
	var found []service
	for _, name := range names {
		at := slices.IndexFunc(p.services, func(s service) bool { return s.name == name })
		if at < 0 {
			return nil, fail(1, "no such service: %s", name)
		}
		found = append(found, p.services[at])
	}
	return found, nil
}

// composeUp makes and starts what is not there, and replaces what is there with
// another image or other settings.
func (e *Engine) composeUp(call Call, p project) error {
	flags := newFlags("up")
	detach := flags.BoolP("detach", "d", false, "")
	wait := flags.Bool("wait", false, "")
	force := flags.Bool("force-recreate", false, "")
	flags.Bool("no-deps", false, "")
	flags.Bool("no-build", false, "")
	flags.Bool("remove-orphans", false, "")
	flags.String("pull", "missing", "")
	flags.Int("wait-timeout", 0, "")
	if err := parse(flags, call.Args, 0, -1); err != nil {
		return err
	}
	if !*detach && !*wait {
		return errNotSimulated // it would stay in the foreground for ever
	}
	services, err := p.chosen(flags.Args())
	if err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, s := range services {
		if err := e.bring(call, p, s, *force); err != nil {
			return err
		}
	}
	if !*wait {
		return nil
	}
	for _, s := range services {
		if c := e.of(p.name, s.name); c == nil || !c.running() || c.healthState() == "unhealthy" {
			return fail(1, "container %s is unhealthy", s.container)
		}
	}
	return nil
}

// bring has one service run as its file says.
func (e *Engine) bring(call Call, p project, s service, force bool) error {
	wanted, err := newFrom(p, s)
	if err != nil {
		return fail(1, "service %q: %v", s.name, err)
	}
	image := e.findImage(s.image)
	if image == nil {
		return fail(18, " Image %s Pulling\n Image %s Error: the practice world's registry has no such image", s.image, s.image)
	}
	wanted.image = image
	word := "Created"
	if old := e.of(p.name, s.name); old != nil {
		if old.same(wanted) && !force {
			if old.running() {
				_, _ = fmt.Fprintf(call.Err, " Container %s  Running\n", old.name)
				return nil
			}
			_, _ = fmt.Fprintf(call.Err, " Container %s  Starting\n", old.name)
			return e.begin(call, old, "Started")
		}
		word = "Recreated"
		old.halt(10 * time.Second)
		e.containers = slices.DeleteFunc(e.containers, func(c *container) bool { return c == old })
	}
	if other := e.findContainer(wanted.name); other != nil {
		return fail(1, "Error response from daemon: Conflict. The container name %q is already in use by container %q.", "/"+wanted.name, other.id)
	}
	e.containers = append(e.containers, wanted)
	_, _ = fmt.Fprintf(call.Err, " Container %s  %s\n", wanted.name, word)
	return e.begin(call, wanted, "Started")
}

func (e *Engine) begin(call Call, c *container, word string) error {
	if err := c.start(e); err != nil {
		return fail(1, "Error response from daemon: driver failed programming external connectivity on endpoint %s (%s): %v", c.name, c.id, err)
	}
	_, _ = fmt.Fprintf(call.Err, " Container %s  %s\n", c.name, word)
	return nil
}

// newFrom is the container of a service.
func newFrom(p project, s service) (*container, error) {
	c := &container{
		id: newID(), name: s.container, ref: s.image, env: map[string]string{}, restart: s.restart, created: time.Now(), state: "created",
		project: p.name, service: s.name, user: s.user, memory: s.memory, cpus: s.cpus, health: s.health,
	}
	if c.name == "" {
		c.name = p.name + "-" + s.name + "-1"
	}
	for _, kv := range s.env {
		key, value, _ := strings.Cut(kv, "=")
		c.env[key] = value
	}
	for _, key := range slices.Sorted(keys(c.env)) {
		c.envList = append(c.envList, key+"="+c.env[key])
	}
	for _, text := range s.ports {
		mapping, err := parsePort(text)
		if err != nil {
			return nil, err
		}
		c.publish = append(c.publish, mapping)
	}
	return c, nil
}

// same reports whether a container is what its service says now.
func (c *container) same(other *container) bool {
	return c.image == other.image && c.name == other.name && c.user == other.user && c.memory == other.memory && c.cpus == other.cpus &&
		c.restart == other.restart && c.health == other.health && slices.Equal(c.envList, other.envList) && slices.Equal(c.publish, other.publish)
}

// of is the container of a project's service, nil if there is none.
func (e *Engine) of(project, service string) *container {
	for _, c := range e.containers {
		if c.project == project && c.service == service {
			return c
		}
	}
	return nil
}

// composeDown stops and removes the project's containers. What lies in volumes
// is never removed here.
func (e *Engine) composeDown(call Call, p project) error {
	flags := newFlags("down")
	grace := flags.IntP("timeout", "t", 10, "")
	flags.Bool("remove-orphans", false, "")
	if err := parse(flags, call.Args, 0, 0); err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, s := range p.services {
		if c := e.of(p.name, s.name); c != nil {
			c.halt(time.Duration(*grace) * time.Second)
			e.containers = slices.DeleteFunc(e.containers, func(other *container) bool { return other == c })
			_, _ = fmt.Fprintf(call.Err, " Container %s  Stopped\n Container %s  Removed\n", c.name, c.name)
		}
	}
	return nil
}

// eachService runs do for the containers of the services a command names.
func (e *Engine) eachService(call Call, p project, do func(*container) error) error {
	services, err := p.chosen(call.Args)
	if err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, s := range services {
		c := e.of(p.name, s.name)
		if c == nil {
			return fail(1, "service %q has no container to start", s.name)
		}
		if err := do(c); err != nil {
			return err
		}
	}
	return nil
}

func (e *Engine) composeStop(call Call, p project) error {
	return e.eachService(call, p, func(c *container) error {
		c.halt(10 * time.Second)
		_, _ = fmt.Fprintf(call.Err, " Container %s  Stopped\n", c.name)
		return nil
	})
}

func (e *Engine) composeStart(call Call, p project) error {
	return e.eachService(call, p, func(c *container) error {
		if c.running() {
			return nil
		}
		return e.begin(call, c, "Started")
	})
}

func (e *Engine) composeRestart(call Call, p project) error {
	return e.eachService(call, p, func(c *container) error {
		c.halt(10 * time.Second)
		return e.begin(call, c, "Started")
	})
}

// composePull says which images the registry has: those that are here.
func (e *Engine) composePull(call Call, p project) error {
	services, err := p.chosen(call.Args)
	if err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	var missing error
	for _, s := range services {
		if e.findImage(s.image) == nil {
			missing = errors.Join(missing, fmt.Errorf("Image %s: manifest unknown", s.image)) //nolint:staticcheck // docker's own words
			continue
		}
		_, _ = fmt.Fprintf(call.Err, " Image %s  Pulled\n", s.image)
	}
	if missing != nil {
		return fail(18, "%v", missing)
	}
	return nil
}

// composeConfig shows the file as it was read.
func composeConfig(call Call, p project) error {
	flags := newFlags("config")
	quiet := flags.BoolP("quiet", "q", false, "")
	names := flags.Bool("services", false, "")
	images := flags.Bool("images", false, "")
	format := flags.String("format", "", "")
	if err := parse(flags, call.Args, 0, 0); err != nil {
		return err
	}
	services := object{}
	for _, s := range p.services {
		switch {
		case *quiet:
		case *names:
			_, _ = fmt.Fprintln(call.Out, s.name)
		case *images:
			_, _ = fmt.Fprintln(call.Out, s.image)
		}
		limits := object{}
		if s.memory > 0 {
			limits["memory"] = fmt.Sprint(s.memory)
		}
		if s.cpus > 0 {
			limits["cpus"] = s.cpus
		}
		services[s.name] = object{
			"image": s.image, "container_name": s.container, "restart": s.restart, "user": s.user, "ports": s.ports,
			"healthcheck": object{"test": s.health}, "deploy": object{"resources": object{"limits": limits}},
		}
	}
	switch {
	case *quiet || *names || *images:
		return nil
	case *format != "json":
		return errNotSimulated
	}
	text, err := json.MarshalIndent(object{"name": p.name, "services": services}, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(call.Out, string(text))
	return err
}

// healthState asks the health check's address, as the container's own check
// would: "" without one, healthy, unhealthy.
func (c *container) healthState() string {
	if c.health == "" || !c.running() {
		return ""
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	if c.answers(ctx) {
		return "healthy"
	}
	return "unhealthy"
}
