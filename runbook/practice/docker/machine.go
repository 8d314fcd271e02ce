package docker

import (
	"fmt"
	"io"
	"slices"
	"time"
)

// Look is what others than docker's clients see of a container.
type Look struct {
	Ref, User string
	Running   bool
	Healthy   bool // it has no health check, or that says so
	Memory    int64
	CPUs      float64
	Started   time.Time
}

// Look tells how a container is; ok is whether there is one of that name.
func (e *Engine) Look(name string) (l Look, ok bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	c := e.findContainer(name)
	if c == nil {
		return Look{}, false
	}
	return Look{
		Ref: c.ref, User: c.user, Running: c.running(), Healthy: c.running() && c.healthState() != "unhealthy",
		Memory: c.memory, CPUs: c.cpus, Started: c.started,
	}, true
}

// HasImage reports whether an image could be run.
func (e *Engine) HasImage(ref string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.findImage(ref) != nil
}

// Replace runs another image with everything else as it was.
func (e *Engine) Replace(name, ref string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	old, image := e.findContainer(name), e.findImage(ref)
	if old == nil || image == nil {
		return fmt.Errorf("run %s as %s: no such container or image", ref, name)
	}
	c := &container{
		id: newID(), name: old.name, ref: ref, image: image, env: old.env, envList: old.envList, publish: old.publish, restart: old.restart,
		created: time.Now(), state: "created", project: old.project, service: old.service, user: old.user, memory: old.memory, cpus: old.cpus, health: old.health,
	}
	old.halt(10 * time.Second)
	e.containers[slices.Index(e.containers, old)] = c
	return c.start(e)
}

// Logs writes the last n lines of a container since a moment.
func (e *Engine) Logs(name string, out io.Writer, n int, since time.Time) error {
	e.mu.Lock()
	c := e.findContainer(name)
	e.mu.Unlock()
	if c == nil {
		return fmt.Errorf("no such container: %s", name)
	}
	return c.log.last(out, n, since)
}
