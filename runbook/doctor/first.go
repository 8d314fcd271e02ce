package doctor

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"runbook/steps"
)

// initialPIDs is the namespace of the machine's own processes; any other is a
// container's.
const initialPIDs = "pid:[4026531836]"

// inits are programs that wait for the orphans which fall to process 1.
var inits = []string{
	"systemd", "init", "launchd", "tini", "docker-init", "dumb-init", "catatonit", "s6-svscan", "runit", "openrc-init", "busybox",
	"pause", "supervisord",
}

// first looks at process 1. What a command leaves behind falls to it; where it
// waits for nobody, each such process stays in the table until none is free.
func (h Host) first(context.Context) []Finding {
	const what, mend = "process 1", "start the container with --init, or the machine with a real init"
	if !h.exists("proc/self") {
		return pass(what, "launchd")
	}
	name, err := os.ReadFile(h.path("proc/1/comm"))
	if err != nil {
		return one(steps.Unknown, what, "who it is: "+err.Error(), "", "")
	}
	comm := strings.TrimSpace(string(name))
	if dead := h.unreaped(); dead > 0 {
		return one(steps.Warn, what, fmt.Sprintf("%s leaves ended processes unreaped, now %d: they may fill the table", comm, dead), "", mend)
	}
	namespace, err := os.Readlink(h.path("proc/self/ns/pid"))
	switch {
	case err != nil:
		return one(steps.Unknown, what, comm+", and whether this is a container can't be told: "+err.Error(), "", "")
	case namespace == initialPIDs:
		return pass(what, comm+", of no container")
	case slices.Contains(inits, comm):
		return pass(what, comm+" of this container, which ends what runs in it when it stops")
	}
	return one(steps.Warn, what, comm+" of this container is no init: it may never reap what a command leaves behind", "", mend)
}

// unreaped counts the ended children that process 1 does not wait for: those
// it has still not waited for a moment later.
func (h Host) unreaped() int {
	ended := h.ended()
	if len(ended) == 0 {
		return 0
	}
	time.Sleep(200 * time.Millisecond)
	still := h.ended()
	return len(slices.DeleteFunc(ended, func(file string) bool { return !slices.Contains(still, file) }))
}

// ended are the children of process 1 that have ended, by their files.
func (h Host) ended() []string {
	files, err := filepath.Glob(h.path("proc/[0-9]*/stat"))
	if err != nil {
		return nil
	}
	return slices.DeleteFunc(files, func(file string) bool {
		data, err := os.ReadFile(file)
		// PID (NAME) STATE PPID …, and a name may hold anything
		return err != nil || !strings.HasPrefix(string(data[bytes.LastIndexByte(data, ')')+1:]), " Z 1 ")
	})
}
