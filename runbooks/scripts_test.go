package runbooks_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"runbook/runbook/book"
	"runbook/runbooks"
	"runbook/steps"
	"runbook/steps/check"
)

// place is a directory where the steps of a book are executed, with programs of
// our own before those of the machine.
type place struct {
	*steps.World
	book *book.Book
}

// at is a new one for a book; env is its vars as commands get them, NAME=VALUE.
func at(t *testing.T, name string, env ...string) place {
	t.Helper()
	data, err := runbooks.Books.ReadFile(name + ".toml")
	if err != nil {
		t.Fatal(err)
	}
	b, err := book.Read(data, name)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	w := &steps.World{Name: "test", Clock: steps.SystemClock{}, Dir: dir, Env: append([]string{"PATH=" + dir + "/bin:/usr/bin:/bin", "LANG=C.UTF-8"}, env...)}
	return place{w, b}
}

func (p place) write(t *testing.T, name, text string, mode os.FileMode) {
	t.Helper()
	path := filepath.Join(p.Dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	syscall.ForkLock.RLock() // or a child forked meanwhile holds it open, and it can't be executed
	err := os.WriteFile(path, []byte(text), mode)
	syscall.ForkLock.RUnlock()
	if err != nil {
		t.Fatal(err)
	}
}

func (p place) read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(p.Dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// program puts a shell script on the path.
func (p place) program(t *testing.T, name, script string) {
	t.Helper()
	p.write(t, "bin/"+name, "#!/bin/sh\n"+script+"\n", 0o700)
}

// do executes the script of a step, as a check whether it is one or not.
func (p place) do(t *testing.T, id string) steps.Result {
	t.Helper()
	for _, s := range p.book.All() {
		if s.ID != id {
			continue
		}
		switch v := s.Verb.(type) {
		case book.Check:
			return v.Check.Do(t.Context(), p.World)
		case book.Run:
			return (&check.Command{Sh: v.Command.Sh}).Do(t.Context(), p.World)
		}
	}
	t.Fatalf("%s has no step %s that executes something", p.book.Name, id)
	return steps.Result{}
}

func (p place) want(t *testing.T, id string, verdict steps.Verdict) {
	t.Helper()
	if r := p.do(t, id); r.Verdict != verdict {
		t.Errorf("%s: %s, wanted %s: %s %q", id, r.Verdict, verdict, r.Reason, r.Evidence)
	}
}

// TestMain is also the service that listens, for those who start it so.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "dist/main.js" {
		l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
		if err != nil {
			panic(err)
		}
		if err := os.WriteFile(os.Args[2], fmt.Appendln(nil, l.Addr()), 0o600); err != nil {
			panic(err)
		}
		select {} // until it is killed
	}
	os.Exit(m.Run())
}

// service is a process that listens, and its port.
func service(t *testing.T, dir string) (process *os.Process, port string) {
	t.Helper()
	said := filepath.Join(dir, "port")
	cmd := exec.CommandContext(t.Context(), os.Args[0], "dist/main.js", said)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = cmd.Process.Kill(), cmd.Wait() })
	for {
		if text, err := os.ReadFile(said); err == nil && strings.HasSuffix(string(text), "\n") {
			_, port, _ = net.SplitHostPort(strings.TrimSpace(string(text)))
			return cmd.Process, port
		}
		if t.Context().Err() != nil {
			t.Fatal("it does not listen")
		}
	}
}

func TestNodeRunsIsTheProcessThatWasStarted(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/proc/self/net/tcp"); err != nil {
		t.Skip("needs /proc")
	}
	dir := t.TempDir()
	process, port := service(t, dir)
	p := at(t, "users-module", "SERVICE_PORT="+port)
	p.write(t, "dist/main.js", "", 0o600)
	p.write(t, "dist.previous/main.js", "", 0o600)
	started := func(pid int, built time.Time) {
		p.write(t, "tickr-backend.pid", strconv.Itoa(pid)+"\n", 0o600)
		if err := os.Chtimes(filepath.Join(p.Dir, "dist/main.js"), built, built); err != nil {
			t.Fatal(err)
		}
	}
	started(process.Pid, time.Now().Add(-time.Minute))
	p.want(t, "node-runs", steps.Pass)
	p.want(t, "previous-node-runs", steps.Pass)
	// Built, and never started again.
	started(process.Pid, time.Now().Add(time.Minute))
	p.want(t, "node-runs", steps.Fail)
	// The one that holds the port is another's.
	started(os.Getpid(), time.Now().Add(-time.Minute))
	p.want(t, "node-runs", steps.Fail)
	p.want(t, "previous-node-runs", steps.Fail)
	// Another release than the previous.
	started(process.Pid, time.Now().Add(-time.Minute))
	p.write(t, "dist/main.js", "new", 0o600)
	p.want(t, "previous-node-runs", steps.Fail)
}

func TestPreviousKeptIsTheImageThatRan(t *testing.T) {
	t.Parallel()
	p := at(t, "users-module", "IMAGE_NAME=app", "IMAGE_TAG=2")
	p.program(t, "docker", `case "$*" in
"inspect --format {{.Config.Image}} tickr-backend") cut -d' ' -f2 running ;;
"inspect --format {{.Image}} tickr-backend") cut -d' ' -f1 running ;;
"inspect --format {{.Image}} {{.Config.Image}} tickr-backend") cat running ;;
"image inspect --format {{.Id}} app:previous-version") cat tag ;;
"tag "*) test "$3" = app:previous-version && echo "$2" >tag ;;
*) exit 9 ;;
esac`)
	p.write(t, "running", "sha256:1 app:1\n", 0o600)
	p.write(t, "tag", "sha256:0\n", 0o600) // of an earlier deployment
	p.want(t, "previous-kept", steps.Fail)
	p.want(t, "keep-previous", steps.Pass)
	p.want(t, "previous-kept", steps.Pass)
	p.write(t, "running", "sha256:2 app:2\n", 0o600) // replaced
	p.want(t, "previous-kept", steps.Pass)
	p.want(t, "keep-previous", steps.Fail)
	p.want(t, "previous-kept", steps.Pass)
	p.write(t, "running", "sha256:3 app:3\n", 0o600) // the next deployment, before it kept anything
	p.want(t, "previous-kept", steps.Fail)
	p.write(t, "running", "sha256:1 app:1\n", 0o600)
	p.write(t, "tag", "sha256:0\n", 0o600) // moved by somebody
	p.want(t, "previous-kept", steps.Fail)
}

func TestUndoOfADeploymentThatWasNeverChanged(t *testing.T) {
	t.Parallel()
	p := at(t, "encrypted-email", "KUBE_CONTEXT=c", "NAMESPACE=n", "IMAGE_TAG=2")
	p.program(t, "kubectl", `shift 4
case "$*" in
"get deployment "*" -o json") cat "$3" ;;
"rollout undo "*) echo "$*" >>undone ;;
*) exit 9 ;;
esac`)
	runs := func(name, revision, image string) {
		p.write(t, name, `{"metadata":{"annotations":{"deployment.kubernetes.io/revision":"`+revision+`"}},"spec":{"template":{"spec":{"containers":[{"image":"`+image+`"}]}}}}`, 0o600)
	}
	const frontend, backend = "encrypted-email-frontend", "encrypted-email-backend"
	undone := func(wanted string) {
		t.Helper()
		if got := p.read(t, "undone"); got != wanted {
			t.Errorf("undone %q, wanted %q", got, wanted)
		}
		p.write(t, "undone", "", 0o600)
	}
	p.write(t, "undone", "", 0o600)
	runs(frontend, "4", "front:1")
	runs(backend, "7", "back:1")
	p.want(t, "note-revisions", steps.Pass)
	if got := p.read(t, frontend+".before"); got != "2 4 front:1\n" {
		t.Errorf("noted %q", got)
	}
	runs(backend, "8", "back:2")
	p.want(t, "undo-frontend", steps.Pass)
	undone("")
	p.want(t, "undo-backend", steps.Pass)
	undone("rollout undo deployment/" + backend + " --to-revision=7\n")
	runs(backend, "9", "back:1") // a second undo would come back to the bad one
	p.want(t, "undo-backend", steps.Pass)
	undone("")

	// The same tag, rolled out again: what is noted is what ran before.
	runs(frontend, "5", "front:2")
	p.want(t, "note-revisions", steps.Pass)
	p.want(t, "undo-frontend", steps.Pass)
	undone("")

	// Noted of an earlier release, or not at all: the revision before, if this one runs.
	p.write(t, frontend+".before", "1 2 front:0\n", 0o600)
	p.want(t, "undo-frontend", steps.Pass)
	undone("rollout undo deployment/" + frontend + " --to-revision=0\n")
	if err := os.Remove(filepath.Join(p.Dir, frontend+".before")); err != nil {
		t.Fatal(err)
	}
	runs(frontend, "4", "front:1")
	p.want(t, "undo-frontend", steps.Pass)
	undone("")
}

func TestNoSilenceMutesAnAlertOfOurs(t *testing.T) {
	t.Parallel()
	silence := func(state string, matchers ...string) string {
		return `{"id":"s","createdBy":"eve","comment":"c","status":{"state":"` + state + `"},"matchers":[` + strings.Join(matchers, ",") + `]}`
	}
	match := func(name, value string, regex, equal bool) string {
		return fmt.Sprintf(`{"name":%q,"value":%q,"isRegex":%t,"isEqual":%t}`, name, value, regex, equal)
	}
	for name, c := range map[string]struct {
		silences string
		verdict  steps.Verdict
	}{
		"none":                   {"", steps.Pass},
		"our service":            {silence("active", match("service", "encrypted-email", false, true)), steps.Fail},
		"our service, over":      {silence("expired", match("service", "encrypted-email", false, true)), steps.Pass},
		"one alert of ours":      {silence("active", match("alertname", "HighErrorRate", false, true)), steps.Fail},
		"all that is critical":   {silence("active", match("severity", "critical", false, true)), steps.Fail},
		"every service":          {silence("active", match("service", ".+", true, true)), steps.Fail},
		"all but another":        {silence("active", match("service", "shop", false, false)), steps.Fail},
		"all but ours":           {silence("active", match("service", "encrypted-email", false, false)), steps.Pass},
		"another service":        {silence("active", match("service", "shop", false, true), match("severity", "critical", false, true)), steps.Pass},
		"a part of the name":     {silence("active", match("service", "email", true, true)), steps.Pass},
		"a severity that's none": {silence("active", match("severity", "info", false, true)), steps.Pass},
		"one pod":                {silence("active", match("service", "encrypted-email", false, true), match("pod", "a", false, true)), steps.Fail},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := at(t, "encrypted-email", "ALERTMANAGER_URL=http://a")
			p.write(t, "silences", "["+c.silences+"]", 0o600)
			p.program(t, "curl", `cat silences`)
			p.want(t, "no-silences", c.verdict)
		})
	}
	p := at(t, "encrypted-email", "ALERTMANAGER_URL=http://a")
	p.program(t, "curl", `exit 7`)
	p.want(t, "no-silences", steps.Fail)
}
