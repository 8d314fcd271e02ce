// Package docker is the container engine of the practice world: images and
// containers that keep their state between commands, where running one really
// starts the service on the published port and stopping it really closes it.
package docker

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"slices"
	"strings"
	"sync"
	"time"
)

// Engine holds what `docker` knows. Its methods may be used at once.
type Engine struct {
	mu         sync.Mutex
	images     []*image
	containers []*container
	programs   map[string]Program // by the image's name without its tag
	standard   Program            // of every other image
	life       context.Context    // of the containers; ends with the engine
	end        context.CancelFunc
}

type image struct {
	ID      string // sha256:…
	Tags    []string
	Created time.Time
	Version string // of the release built into it
	Size    int64  // of the context, in bytes
	runs    string // repository whose program it holds
}

// New makes an engine without images; standard is the program of every image
// that Teach does not know by its name.
func New(standard Program) *Engine {
	life, end := context.WithCancel(context.Background())
	return &Engine{standard: standard, programs: map[string]Program{}, life: life, end: end}
}

// Teach names what the images of a repository run.
func (e *Engine) Teach(repository string, p Program) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.programs[repository] = p
}

func (e *Engine) program(i *image) Program {
	if p, known := e.programs[i.runs]; known {
		return p
	}
	return e.standard
}

// Close stops every container at once.
func (e *Engine) Close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, c := range e.containers {
		c.halt(0)
	}
	e.end()
}

// AddImage records a release under a tag, as built from a context.
func (e *Engine) AddImage(tag, version string, c Context, created time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	id := "sha256:" + hex.EncodeToString(c.Digest[:])
	tag = withTag(tag)
	for _, i := range e.images {
		i.Tags = slices.DeleteFunc(i.Tags, func(t string) bool { return t == tag })
	}
	for _, i := range e.images {
		if i.ID == id {
			i.Tags = append(i.Tags, tag)
			return
		}
	}
	e.images = append(e.images, &image{ID: id, Tags: []string{tag}, Created: created, Version: version, Size: c.Size, runs: repository(tag)})
}

// Ports are the addresses of 127.0.0.1 that running containers listen on.
func (e *Engine) Ports() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	var ports []string
	for _, c := range e.containers {
		if c.running() {
			for _, p := range c.publish {
				ports = append(ports, p.host)
			}
		}
	}
	return ports
}

// Names are the running containers.
func (e *Engine) Names() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	var names []string
	for _, c := range e.containers {
		if c.running() {
			names = append(names, c.name)
		}
	}
	return names
}

func (e *Engine) findImage(ref string) *image {
	for _, i := range e.images {
		hexID := strings.TrimPrefix(i.ID, "sha256:")
		short := strings.TrimPrefix(ref, "sha256:")
		if slices.Contains(i.Tags, withTag(ref)) || i.ID == ref || len(short) >= 6 && strings.HasPrefix(hexID, short) {
			return i
		}
	}
	return nil
}

func (e *Engine) findContainer(ref string) *container {
	for _, c := range e.containers {
		if c.name == strings.TrimPrefix(ref, "/") || c.id == ref {
			return c
		}
	}
	for _, c := range e.containers {
		if len(ref) >= 4 && strings.HasPrefix(c.id, ref) {
			return c
		}
	}
	return nil
}

// withTag adds the tag docker assumes.
func withTag(ref string) string {
	if strings.Contains(ref[strings.LastIndex(ref, "/")+1:], ":") {
		return ref
	}
	return ref + ":latest"
}

func newID() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
