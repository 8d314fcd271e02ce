package supervise

import (
	"encoding/json"
	"os"
	"path/filepath"

	"runbook/runbook/durable"
)

// identity is a process that can be recognised: a pid is used again, a pid
// with its start time and boot is not.
type identity struct {
	PID   int    `json:"pid"`
	Start string `json:"start"`
	Boot  string `json:"boot"`
}

// identities is who takes part in an execution.
type identities struct {
	Program    identity `json:"program"`
	Supervisor identity `json:"supervisor"`
	Recorder   identity `json:"recorder"`
	Lost       int64    `json:"lost,omitempty"` // bytes of output for which there was no room: this file has its own
	place
}

// identify reads who a process is that can't have been reaped yet.
func identify(pid int) identity {
	p, _ := look(pid)
	return identity{PID: pid, Start: p.start, Boot: bootID()}
}

// now is the process as it is, if it is still exactly this one.
func (id identity) now() (proc, bool) {
	if id.PID <= 0 || id.Start == "" || id.Boot == "" || id.Boot != bootID() {
		return proc{}, false
	}
	p, ok := look(id.PID)
	return p, ok && !p.zombie && p.start == id.Start
}

func (id identity) alive() bool {
	_, ok := id.now()
	return ok
}

// guard is who supervises: the recorder, once the supervisor is dead.
func (all identities) guard() identity {
	if all.Supervisor.alive() {
		return all.Supervisor
	}
	return all.Recorder
}

// stopped names who does not go on because a signal stopped it.
func (all identities) stopped() string {
	if p, ok := all.guard().now(); ok && p.stopped {
		return "supervisor"
	}
	if p, ok := all.Program.now(); ok && p.stopped {
		return "program"
	}
	return ""
}

func readIdentities(files string) (all identities) {
	data, err := os.ReadFile(filepath.Join(files, pidFile))
	if err != nil || json.Unmarshal(data, &all) != nil {
		return identities{}
	}
	return all
}

func locked(files string) (bool, error) { return durable.Locked(filepath.Join(files, lockFile)) }
