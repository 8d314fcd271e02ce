package docker

import (
	"context"
	"io"
	"net/http"
)

// Program is what a container of an image runs. It reads the environment the
// container was made with; an error is what it says before it exits with 1.
type Program func(life context.Context, s Start) (Process, error)

// Start is what a program is started with.
type Start struct {
	Env     map[string]string
	Version string // of the release in the image
	Log     io.Writer
}

// Process is a program that runs.
type Process struct {
	Port    string // that it listens on, inside the container
	Banner  string // what it logs once it listens
	Handler http.Handler
	Close   func()
}

// repository is an image's name without its tag.
func repository(ref string) string {
	ref = withTag(ref)
	for i := len(ref) - 1; i >= 0; i-- {
		if ref[i] == ':' {
			return ref[:i]
		}
	}
	return ref
}
