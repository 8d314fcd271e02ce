// Package kube is the Kubernetes of the practice world, as far as kubectl sees
// it: deployments whose pods are containers of the world's engine, so that what
// one of both changes, the other shows.
package kube

import (
	"fmt"
	"hash/fnv"
	"sync"
	"time"

	"runbook/runbook/practice/docker"
)

// Cluster holds the deployments of its namespaces.
type Cluster struct {
	mu          sync.Mutex
	context     string
	engine      *docker.Engine
	pull        func(image string)
	deployments []*deployment
}

// deployment is one with a single replica: the container of its name.
type deployment struct {
	namespace  string
	name       string
	generation int
	paused     bool
	template   string     // image that its pods are to run
	revisions  []revision // the oldest first; the last is the newest template
	changed    time.Time
}

type revision struct {
	number int
	image  string
}

// New makes a cluster without deployments. An image that the engine lacks is
// pulled, which may give it to the engine.
func New(context string, engine *docker.Engine, pull func(image string)) *Cluster {
	return &Cluster{context: context, engine: engine, pull: pull}
}

// Add makes deployments that run the containers of these names.
func (c *Cluster) Add(namespace string, names ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, name := range names {
		look, _ := c.engine.Look(name) // without a container it has no image yet
		c.deployments = append(c.deployments, &deployment{
			namespace: namespace, name: name, generation: 1, template: look.Ref, revisions: []revision{{1, look.Ref}}, changed: time.Now(),
		})
	}
}

func (c *Cluster) find(namespace, name string) *deployment {
	for _, d := range c.deployments {
		if d.namespace == namespace && d.name == name {
			return d
		}
	}
	return nil
}

// set gives a deployment another template, which is a new revision, and rolls
// it out unless that is paused.
func (c *Cluster) set(d *deployment, image string) error {
	if image == d.template {
		return nil
	}
	number := d.revisions[len(d.revisions)-1].number + 1
	for i, r := range d.revisions {
		if r.image == image { // an older template that comes back takes a new number
			d.revisions = append(d.revisions[:i], d.revisions[i+1:]...)
			break
		}
	}
	d.revisions = append(d.revisions, revision{number, image})
	d.template, d.changed = image, time.Now()
	d.generation++
	return c.roll(d)
}

// roll replaces the pod. An image that can't be pulled leaves the old one
// running, as a rolling update does.
func (c *Cluster) roll(d *deployment) error {
	if !d.paused && !c.engine.HasImage(d.template) {
		c.pull(d.template)
	}
	look, there := c.engine.Look(d.name)
	if d.paused || !there || look.Ref == d.template || !c.engine.HasImage(d.template) {
		return nil
	}
	if err := c.engine.Replace(d.name, d.template); err != nil {
		return fmt.Errorf("roll out %s: %w", d.name, err)
	}
	return nil
}

// state is what the pods of a deployment are now.
type state struct {
	look    docker.Look
	there   bool
	updated bool // the pod runs the newest template
	waiting bool // a pod of the newest template can't pull its image
}

func (c *Cluster) state(d *deployment) state {
	look, there := c.engine.Look(d.name)
	there = there && look.Running
	// What compose did to the container is seen here too, and is no revision.
	return state{look: look, there: there, updated: there && look.Ref == d.template, waiting: !d.paused && !c.engine.HasImage(d.template)}
}

// adopt takes over the image that compose gave the container meanwhile.
func (c *Cluster) adopt() {
	for _, d := range c.deployments {
		look, there := c.engine.Look(d.name)
		if there && look.Ref != d.template && !d.paused && c.engine.HasImage(d.template) {
			number := d.revisions[len(d.revisions)-1].number + 1
			d.revisions = append(d.revisions, revision{number, look.Ref})
			d.template, d.changed = look.Ref, look.Started
			d.generation++
		}
	}
}

// done says how far a rollout is, as kubectl rollout status does.
func (c *Cluster) done(d *deployment) (bool, string) {
	s := c.state(d)
	switch {
	case d.paused && !s.updated:
		return false, fmt.Sprintf("Waiting for deployment %q rollout to finish: it is paused...", d.name)
	case !s.updated:
		return false, fmt.Sprintf("Waiting for deployment %q rollout to finish: 0 out of 1 new replicas have been updated...", d.name)
	case !s.look.Healthy:
		return false, fmt.Sprintf("Waiting for deployment %q rollout to finish: 0 of 1 updated replicas are available...", d.name)
	}
	return true, fmt.Sprintf("deployment %q successfully rolled out", d.name)
}

// podHash is the part of a pod's name that follows from its template.
func podHash(image string) string {
	h := fnv.New32a()
	_, _ = h.Write([]byte(image)) // a hash takes everything
	return fmt.Sprintf("%08x", h.Sum32())
}
