package check

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"runbook/steps"
)

// engine is Docker as its client shows it.
type engine struct {
	ctx context.Context // of one look
	w   *steps.World
}

// inspected is what docker container inspect tells, as far as it is looked at.
// Config.Env is not: it holds secrets.
type inspected struct {
	ID           string `json:"Id"`
	Name         string
	Image        string
	RestartCount int
	State        struct {
		Status    string
		OOMKilled bool
		ExitCode  int
		Health    *struct{ Status string }
	}
	Config struct {
		User   string
		Labels map[string]string
	}
	HostConfig struct {
		Memory, NanoCpus, CPUQuota, CPUPeriod int64
	}
}

// inspectedImage is what docker image inspect tells.
type inspectedImage struct {
	ID                    string `json:"Id"`
	RepoTags, RepoDigests []string
	Created               time.Time
}

// stat is a line of docker stats.
type stat struct{ ID, CPUPerc, MemPerc string }

// The labels by which Compose knows its own, and among them those that `run` made
// for one task: they carry the service's name, and are none of its containers.
const (
	composeService = "com.docker.compose.service"
	composeTask    = "com.docker.compose.oneoff"
)

func (i inspected) name() string { return outside(strings.TrimPrefix(i.Name, "/")) }

// called reports whether a container is meant by a name: its own, or that of
// its service.
func (i inspected) called(name string) bool {
	return strings.TrimPrefix(i.Name, "/") == name || i.Config.Labels[composeService] == name || strings.HasPrefix(i.ID, name) && len(name) >= 12
}

// cpus is how many a container may use; 0 is without limit.
func (i inspected) cpus() float64 {
	host := i.HostConfig
	if host.NanoCpus == 0 && host.CPUQuota > 0 {
		period := host.CPUPeriod
		if period == 0 {
			period = 100_000 // the kernel's
		}
		return float64(host.CPUQuota) / float64(period)
	}
	return float64(host.NanoCpus) / 1e9
}

func (i inspected) oom() string {
	if i.State.OOMKilled {
		return ", out of memory"
	}
	return ""
}

// keptJSON bounds what is read of an answer in JSON.
const keptJSON = 8 << 20

// asks executes a client; the answer is on stdout. One that ended with another
// code than 0 is an error, unless what it says on stderr is tolerated. Of an
// answer nothing is quoted: it may hold secrets.
func (d engine) asks(argv []string, tolerated ...string) ([]byte, error) {
	limit := 20 * time.Second
	ended, err := program{argv: argv, limit: limit, keep: keptJSON}.run(d.ctx, d.w)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", outside(argv[0]), err)
	case ended.stdout.more:
		return nil, fmt.Errorf("%s answers with more than %d MiB", outside(argv[0]), keptJSON>>20)
	case ended.state.Success():
		return ended.stdout.head.Bytes(), nil
	}
	said := bytes.ToLower(ended.stderr.head.Bytes())
	for _, one := range tolerated {
		if bytes.Contains(said, []byte(one)) {
			return ended.stdout.head.Bytes(), nil
		}
	}
	why := firstLine(&ended.stderr)
	if argv[0] == "kubectl" { // the lines before are of its own log
		why = lastLine(&ended.stderr)
	}
	return nil, fmt.Errorf("%s could not tell, %s: %s", outside(argv[0]), ended.state, outside(why))
}

// containers inspects those that are there.
func (d engine) containers(names []string) ([]inspected, error) {
	text, err := d.asks(append([]string{"docker", "container", "inspect"}, names...), "no such container", "no such object")
	if err != nil {
		return nil, err
	}
	var all []inspected
	if err := json.Unmarshal(text, &all); err != nil {
		return nil, errors.New("what docker container inspect prints is no JSON of it")
	}
	return all, nil
}

func (d engine) images(ids []string) ([]inspectedImage, error) {
	text, err := d.asks(append([]string{"docker", "image", "inspect"}, ids...), "no such image", "no such object")
	if err != nil {
		return nil, err
	}
	var all []inspectedImage
	if err := json.Unmarshal(text, &all); err != nil {
		return nil, errors.New("what docker image inspect prints is no JSON of it")
	}
	return all, nil
}

// either is Compose under its own name, or as a part of docker.
const either = `if command -v docker-compose >/dev/null 2>&1; then exec docker-compose "$@"; else exec docker compose "$@"; fi`

// compose is the ids of all containers of a Compose file, stopped ones too.
func (d engine) compose(file, project string) ([]string, error) {
	argv := []string{"sh", "-c", either, "docker-compose"}
	if project != "" {
		argv = append(argv, "-p", project)
	}
	text, err := d.asks(append(argv, "-f", file, "ps", "--all", "--quiet"))
	if err != nil {
		return nil, fmt.Errorf("docker-compose -f %s: %w", outside(file), err)
	}
	return strings.Fields(string(text)), nil
}

func (d engine) stats(of []inspected) ([]stat, error) {
	argv := []string{"docker", "stats", "--no-stream", "--format", "{{json .}}"}
	for _, one := range of {
		argv = append(argv, one.ID)
	}
	text, err := d.asks(argv)
	if err != nil {
		return nil, err
	}
	var all []stat
	for lines := json.NewDecoder(bytes.NewReader(text)); ; {
		var one stat
		switch err := lines.Decode(&one); {
		case errors.Is(err, io.EOF):
			return all, nil
		case err != nil:
			return nil, errors.New("what docker stats prints is no JSON of it")
		}
		all = append(all, one)
	}
}

// cpus is how many the engine has.
func (d engine) cpus() (float64, error) {
	text, err := d.asks([]string{"docker", "info", "--format", "{{.NCPU}}"})
	if err != nil {
		return 0, err
	}
	n, err := number(strings.TrimSpace(string(text)), "")
	if err != nil || n == 0 {
		return 0, errors.New("docker info does not say how many CPUs there are")
	}
	return n, nil
}
