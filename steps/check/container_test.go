package check_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"runbook/steps"
	"runbook/steps/check"
)

// docker is a client that prints what was written in the shape of version 28,
// with some texts in it replaced. What it is asked for, it notes in the file asked.
func docker(t *testing.T, replace ...string) *steps.World {
	t.Helper()
	w := holding(t, replace, "docker-container.json", "docker-image.json", "docker-stats.ndjson")
	says(t, w, "docker", `echo "docker $*" >>asked
case "$1 $2" in
"container inspect")
	case $* in *nobody*)
		echo '[]'
		echo 'Error response from daemon: No such container: nobody' >&2
		exit 1 ;;
	esac
	cat docker-container.json ;;
"image inspect") cat docker-image.json ;;
"stats --no-stream") cat docker-stats.ndjson ;;
"info --format") echo 2 ;;
*) echo "unknown command: docker $1" >&2; exit 125 ;;
esac`)
	says(t, w, "docker-compose", `echo "docker-compose $*" >>asked
echo 4f1d2f0c9a3be6a0a1c2d3e4f5061728394a5b6c7d8e9f00112233445566778a
echo b00cb00cb00ce6a0a1c2d3e4f5061728394a5b6c7d8e9f00112233445566778b`)
	return w
}

func TestContainer(t *testing.T) {
	t.Parallel()
	both := []string{"encrypted-email-backend-1", "encrypted-email-frontend-1"}
	backend := func(c check.Container) check.Container {
		c.Compose, c.Services = "docker-compose.prod.yml", []string{"backend"}
		return c
	}
	frontend := func(c check.Container) check.Container {
		c.Compose, c.Services = "docker-compose.prod.yml", []string{"frontend"}
		return c
	}
	for name, c := range map[string]struct {
		check   check.Container
		replace []string
		verdict steps.Verdict
		reason  string
	}{
		"run":                {check.Container{Names: both}, nil, steps.Pass, ""},
		"as services":        {backend(check.Container{Healthy: true, Limits: true, NonRoot: true, MaxRestarts: "0", MaxCPUPercent: "80", MaxMemoryPercent: "85"}), nil, steps.Pass, ""},
		"stopped":            {check.Container{Names: both}, []string{`"running"`, `"exited"`, `"ExitCode": 0,`, `"ExitCode": 137,`, `"OOMKilled": false`, `"OOMKilled": true`}, steps.Fail, "encrypted-email-backend-1 is exited (exit 137, out of memory)"},
		"only a task":        {backend(check.Container{}), []string{`"com.docker.compose.service": "backend"`, `"com.docker.compose.oneoff": "True", "com.docker.compose.service": "backend"`}, steps.Fail, "backend has no container"},
		"beside a task":      {check.Container{Compose: "c.yml", Services: []string{"backend"}}, []string{`"com.docker.compose.service": "frontend"`, `"com.docker.compose.oneoff": "True", "com.docker.compose.service": "backend"`}, steps.Pass, ""},
		"restarting":         {backend(check.Container{}), []string{`"running"`, `"restarting"`}, steps.Fail, "is restarting"},
		"missing":            {check.Container{Names: []string{"nobody"}}, nil, steps.Fail, "nobody has no container"},
		"missing service":    {check.Container{Compose: "c.yml", Services: []string{"backend", "worker"}}, nil, steps.Fail, "worker has no container"},
		"unhealthy":          {backend(check.Container{}), []string{`"healthy"`, `"unhealthy"`}, steps.Fail, "is unhealthy"},
		"no health check":    {frontend(check.Container{Healthy: true}), nil, steps.Unknown, "has no health check"},
		"starting":           {backend(check.Container{Healthy: true, Timeout: short(300 * time.Millisecond)}), []string{`"healthy"`, `"starting"`}, steps.Unknown, "is starting"},
		"no limits":          {frontend(check.Container{Limits: true}), nil, steps.Fail, "no limit of memory and CPU"},
		"no limit of CPU":    {backend(check.Container{Limits: true}), []string{`"NanoCpus": 1500000000`, `"NanoCpus": 0`}, steps.Fail, "no limit of CPU"},
		"quota":              {backend(check.Container{Limits: true}), []string{`"NanoCpus": 1500000000`, `"NanoCpus": 0`, `"CpuQuota": 0`, `"CpuQuota": 50000`}, steps.Pass, ""},
		"no user":            {frontend(check.Container{NonRoot: true}), nil, steps.Fail, "encrypted-email-frontend-1 runs as root"},
		"root by number":     {backend(check.Container{NonRoot: true}), []string{`"node"`, `"0:1000"`}, steps.Fail, "runs as root"},
		"another user":       {backend(check.Container{NonRoot: true}), []string{`"node"`, `"1000:1000"`}, steps.Pass, ""},
		"restarts":           {frontend(check.Container{MaxRestarts: "2"}), nil, steps.Fail, "came up again 3 times, wanted at most 2"},
		"image":              {backend(check.Container{Image: "encrypted-email-backend:1.4.0"}), nil, steps.Pass, ""},
		"image, short":       {backend(check.Container{Image: "docker.io/library/encrypted-email-backend"}), nil, steps.Pass, ""},
		"another image":      {backend(check.Container{Image: "encrypted-email-backend:1.5.0"}), nil, steps.Fail, "wanted what is called encrypted-email-backend:1.5.0 now"},
		"tag has moved":      {frontend(check.Container{Image: "encrypted-email-frontend:1.4.0"}), nil, steps.Fail, "runs sha256:11119b3a5f0e"},
		"image is gone":      {frontend(check.Container{Image: "x"}), []string{`"Id": "sha256:1111`, `"Id": "sha256:2222`}, steps.Unknown, "is not there any more"},
		"young image":        {backend(check.Container{MaxImageAge: short(365 * 24 * time.Hour)}), []string{"2026-11-20T", time.Now().Format("2006-01-02T")}, steps.Pass, ""},
		"old image":          {frontend(check.Container{MaxImageAge: short(30 * 24 * time.Hour)}), []string{"2026-08-01T", "2024-08-01T"}, steps.Fail, "wanted within 30d"},
		"image without date": {frontend(check.Container{MaxImageAge: short(30 * 24 * time.Hour)}), []string{"2026-08-01T", "1980-01-01T"}, steps.Unknown, "does not say when"},
		"CPU of its limit":   {backend(check.Container{MaxCPUPercent: "8.2"}), nil, steps.Fail, "CPU is 8.3 %"},
		"CPU of the machine": {frontend(check.Container{MaxCPUPercent: "70"}), nil, steps.Fail, "CPU is 75.0 %, wanted below 70 %"},
		"memory":             {backend(check.Container{MaxMemoryPercent: "41"}), nil, steps.Fail, "memory is 41.0 %"},
		"use is not told":    {backend(check.Container{MaxMemoryPercent: "85"}), []string{"41.05%", "--"}, steps.Unknown, "memory is not told: --"},
		"use of another":     {backend(check.Container{MaxMemoryPercent: "85"}), []string{`"ID":"4f1d`, `"ID":"ffff`}, steps.Unknown, "tells nothing of"},
		"no JSON":            {check.Container{Names: both}, []string{`"RestartCount": 3`, `"RestartCount": `}, steps.Unknown, "no JSON"},
		"hostile":            {backend(check.Container{}), []string{`"running"`, `"\u001b]0;owned\u0007"`}, steps.Fail, "wanted it running"},
		"nothing named":      {check.Container{}, nil, steps.Unknown, "names or compose"},
		"an option":          {check.Container{Names: []string{"--format=x"}}, nil, steps.Unknown, "would be an option"},
		"limit of nothing":   {check.Container{Names: both, MaxRestarts: "NaN"}, nil, steps.Unknown, `max_restarts: "NaN" is not a number`},
		"bad limit":          {check.Container{Names: both, MaxRestarts: "few"}, nil, steps.Unknown, `max_restarts: "few" is not a number`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := do(t, &c.check, docker(t, c.replace...))
			want(t, r, c.verdict, c.reason)
			never(t, r, "S3cret", "\x1b", "\x07")
		})
	}
	decode[*check.Container](t, "container", map[string]any{"compose": "${file}", "project": "green", "services": []string{"a"}, "max_restarts": "${n}", "max_image_age": "30d", "healthy": true})
}

// An engine that can't be asked is no container that is missing.
func TestContainerWithoutAnEngine(t *testing.T) {
	t.Parallel()
	named := &check.Container{Names: []string{"x"}}
	w := world(t, nil)
	w.Env = []string{"PATH=/nowhere"}
	want(t, do(t, named, w), steps.Unknown, "docker is not in the target's path")
	says(t, w, "docker", "echo 'Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?' >&2; exit 1")
	want(t, do(t, named, w), steps.Unknown, "Cannot connect to the Docker daemon")
	says(t, w, "docker", "echo 'docker: not simulated in the practice world: docker container' >&2; exit 97")
	want(t, do(t, named, w), steps.Unknown, "exit status 97")
	says(t, w, "docker", "kill -KILL $$")
	want(t, do(t, named, w), steps.Unknown, "signal: killed")
	says(t, w, "docker", "exec sleep 300")
	named.Timeout = short(200 * time.Millisecond)
	want(t, do(t, named, w), steps.Unknown, "not done when the time of the check was over")
	says(t, w, "docker-compose", "echo 'open /x/docker-compose.prod.yml: no such file or directory' >&2; exit 14")
	want(t, do(t, &check.Container{Compose: "docker-compose.prod.yml", Services: []string{"a"}}, w), steps.Unknown, "no such file or directory")
}

func TestContainerOfAComposeProject(t *testing.T) {
	t.Parallel()
	w := docker(t)
	want(t, do(t, &check.Container{Compose: "c.yml", Project: "green", Services: []string{"backend"}}, w), steps.Pass, "")
	asked, err := os.ReadFile(filepath.Join(w.Dir, "asked"))
	if err != nil || !strings.Contains(string(asked), "docker-compose -p green -f c.yml ps --all --quiet\n") {
		t.Errorf("asked %q, %v", asked, err)
	}
	if err := os.Remove(filepath.Join(w.Dir, "programs", "docker-compose")); err != nil {
		t.Fatal(err)
	}
	says(t, w, "docker", `[ "$1" = compose ] || exec cat docker-container.json; shift; [ "$*" = "-f c.yml ps --all --quiet" ] && echo 4f1d2f0c9a3b`)
	want(t, do(t, &check.Container{Compose: "c.yml", Services: []string{"backend"}}, w), steps.Pass, "")
	says(t, w, "docker", `[ "$1" = compose ]`)
	want(t, do(t, &check.Container{Compose: "c.yml", Services: []string{"backend"}}, w), steps.Fail, "backend has no container")
}

// The engine answers healthy the third time it is asked.
func TestContainerIsWaitedFor(t *testing.T) {
	t.Parallel()
	w := docker(t, `"healthy"`, `"starting"`)
	says(t, w, "docker", `echo asked >>asked; if [ "$(wc -l <asked)" -lt 3 ]; then cat docker-container.json; else sed 's/"starting"/"healthy"/' docker-container.json; fi`)
	r := do(t, &check.Container{Compose: "c.yml", Services: []string{"backend"}, Healthy: true}, w)
	want(t, r, steps.Pass, "")
	if len(r.Evidence) != 1 {
		t.Errorf("evidence of more than the last look: %+v", r.Evidence)
	}
}
