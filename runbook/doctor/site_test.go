package doctor

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"runbook/runbook"
	"runbook/runbook/book"
	"runbook/steps"
)

// at is a site: a book at a target whose dir and PATH are directories of the
// test.
type at struct {
	*Site
	dir, bin string
}

func siteOf(t *testing.T, bookText, targetText string) at {
	t.Helper()
	a := at{dir: t.TempDir(), bin: t.TempDir()}
	b, err := book.Read([]byte("schema = 1\nname = \"tiny\"\n"+bookText), "tiny.toml")
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("name = \"here\"\ndir = %q\npath = \"%s:/usr/bin:/bin\"\n", a.dir, a.bin)
	target, err := book.ReadTarget([]byte(text+strings.ReplaceAll(targetText, "DIR", a.dir)), "here.toml")
	if err != nil {
		t.Fatal(err)
	}
	w, err := runbook.NewWorld(target)
	if err != nil {
		t.Fatal(err)
	}
	a.Site = &Site{Book: b, Target: target, World: w}
	return a
}

func (a at) look(t *testing.T) []Finding {
	t.Helper()
	var all []Finding
	Examine(t.Context(), a.Probes(), func(f Finding) { all = append(all, f) })
	for _, f := range all {
		for _, hidden := range []string{"hunter2", "PGPASSWORD"} {
			if strings.Contains(fmt.Sprint(f), hidden) {
				t.Errorf("%q is shown: %v", hidden, f)
			}
		}
	}
	return all
}

func (a at) program(t *testing.T, name string, mode os.FileMode) string {
	t.Helper()
	return put(t, filepath.Join(a.bin, name), "#!/bin/sh\n", mode)
}

const twoWays = `
[vars]
image_tag = { title = "the release", required = true, match = '[\d.]+' }
platform = { }
token = { secret = true }
broken = { secret = true }
spare = { secret = true }
[[phase]]
id = "act"
  [[phase.step]]
  id = "platform"
  ask.decide = { question = "which?", var = "platform", choices = ["docker", "node"] }
  [[phase.step]]
  id = "build"
  undo = "none: it is only built"
  verify = "built"
  run.command = { sh = """
check() { command -v gmake; }
if check; then gmake build; else brew2 build; fi
cd /tmp && echo done""", secrets = ["token", "broken"] }
  [[phase.step]]
  id = "built"
  check.command = { argv = ["lookhere", "${image_tag}"] }
  [[phase.step]]
  id = "start-docker"
  when = { platform = "docker" }
  undo = "stop-docker"
  verify = "runs"
  run.command = { argv = ["nodocker", "run"] }
  [[phase.step]]
  id = "runs"
  when = { platform = "docker" }
  check.command = { argv = ["nodocker", "inspect"] }
[[plan]]
id = "back"
  [[plan.step]]
  id = "stop-docker"
  run.command = { argv = ["nodocker", "stop"] }
`

func TestSite(t *testing.T) {
	t.Parallel()
	a := siteOf(t, twoWays, "[secret.token]\nfile = \"DIR/token\"\n[secret.broken]\ncommand = [\"sh\", \"-c\", \"echo hunter2 >&2; exit 3\"]\n")
	put(t, filepath.Join(a.dir, "token"), "hunter2\n", 0o600)
	all := a.look(t)
	want(t, all, "var image_tag", steps.Warn, "the release", "give --var image_tag=")
	want(t, all, "secret token", steps.Pass, "resolves in")
	want(t, all, "secret broken", steps.Fail, "exit status 3", "[secret.broken]")
	want(t, all, "secret spare", steps.Warn, "no [secret.spare]")
	want(t, all, "disk of dir", steps.Pass)
	want(t, all, "programs", steps.Pass, "bash")
	text := fmt.Sprint(all)
	for _, missing := range []string{
		"brew2 is not on the path; needed by build", "lookhere is not on the path; needed by built",
		"nodocker is not on the path; needed by start-docker, runs (only if platform is docker)",
	} {
		if !strings.Contains(text, missing) {
			t.Errorf("%q is not said: %v", missing, all)
		}
	}
	for _, f := range all {
		switch {
		case f.What == "program" && f.Verdict != map[bool]steps.Verdict{true: steps.Warn, false: steps.Fail}[strings.Contains(f.Saw, "nodocker")]:
			t.Errorf("%v", f)
		case strings.Contains(f.Saw, "gmake"), strings.Contains(f.Saw, "echo"):
			t.Errorf("looked for what is no program: %v", f)
		}
	}
	for _, can := range []string{
		"{unknown verify and during can't look: built (for build): var has no value: image_tag",
		"{warn verify and during can't look: runs (for start-docker) (only if platform is docker): nodocker is not",
	} {
		if !strings.Contains(text, can) {
			t.Errorf("%q is not said: %v", can, all)
		}
	}
	want(t, all, "plan back", steps.Warn, "not ready", "nodocker")
}

// TestSiteDecided: once the choice stands in the target, what it needs is
// needed, and what it rules out is not looked at.
func TestSiteDecided(t *testing.T) {
	t.Parallel()
	target := "[vars]\nimage_tag = \"1.8\"\nplatform = \"%s\"\n[secret.token]\nenv = \"PATH\"\n[secret.broken]\nenv = \"PATH\"\n"
	all := siteOf(t, twoWays, fmt.Sprintf(target, "docker")).look(t)
	want(t, all, "vars", steps.Pass)
	if text := fmt.Sprint(all); !strings.Contains(text, "{unknown verify and during can't look: runs (for start-docker): nodocker is not") {
		t.Errorf("%v", all)
	}
	want(t, all, "plan back", steps.Fail, "not ready: stop-docker: nodocker is not on the path")
	if text := fmt.Sprint(all); !strings.Contains(text, "{fail program nodocker is not on the path; needed by start-docker, runs") {
		t.Errorf("%v", all)
	}
	all = siteOf(t, twoWays, fmt.Sprintf(target, "node")).look(t)
	if text := fmt.Sprint(all); strings.Contains(text, "start-docker") {
		t.Errorf("platform is node: %v", all)
	}
	all = siteOf(t, twoWays, strings.Replace(fmt.Sprintf(target, "node"), "1.8", "latest", 1)).look(t)
	want(t, all, "vars", steps.Fail, "does not match")
}

func TestWritableProgram(t *testing.T) {
	t.Parallel()
	a := siteOf(t, `
[[phase]]
id = "act"
  [[phase.step]]
  id = "go"
  effect = "none"
  run.command = { argv = ["mine"] }
`, "")
	file := a.program(t, "mine", 0o755)
	want(t, a.look(t), "programs", steps.Pass, "mine")
	if err := os.Chmod(file, 0o777); err != nil {
		t.Fatal(err)
	}
	want(t, a.look(t), "program", steps.Fail, "mine is writable by others", "go-w")
}

const wayBack = `
[[phase]]
id = "act"
  [[phase.step]]
  id = "make"
  undo = "unmake"
  verify = "made"
  during = ["seen"]
  run.command = { argv = ["touch", "made"] }
  [[phase.step]]
  id = "made"
  check.file = { path = "made" }
  [[phase.step]]
  id = "seen"
  check.http = { url = "http://127.0.0.1:1/" }
[[plan]]
id = "back"
  [[plan.step]]
  id = "previous"
  check.file = { path = "previous" }
  [[plan.step]]
  id = "dump"
  effect = "none"
  verify = "dumped"
  run.command = { argv = ["touch", "dump"] }
  [[plan.step]]
  id = "dumped"
  check.file = { path = "dump" }
  [[plan.step]]
  id = "unmake"
  verify = "unmade"
  run.command = { argv = ["rm", "made"] }
  [[plan.step]]
  id = "unmade"
  check.file = { path = "made", exists = false }
[[plan]]
id = "blind"
  [[plan.step]]
  id = "jump"
  run.command = { argv = ["true"] }
`

func TestPlans(t *testing.T) {
	t.Parallel()
	a := siteOf(t, wayBack, "")
	all := a.look(t)
	want(t, all, "plan back", steps.Fail, "not ready: previous: fail: ")
	want(t, all, "plan blind", steps.Warn, "no check before jump")
	want(t, all, "verify and during", steps.Warn, "can't look: seen (for make)", "refused")
	if !strings.Contains(fmt.Sprint(all), "{pass verify and during 3 checks can look") {
		t.Errorf("%v", all)
	}
	put(t, filepath.Join(a.dir, "previous"), "", 0o600)
	all = a.look(t)
	want(t, all, "plan back", steps.Pass, "ready: 1 check passed")
	for _, name := range []string{"made", "dump"} {
		if _, err := os.Stat(filepath.Join(a.dir, name)); err == nil {
			t.Errorf("looking has made %s", name)
		}
	}
}

// TestLeftAlone: looks end with the context, and are then unknown.
func TestLeftAlone(t *testing.T) {
	t.Parallel()
	a := siteOf(t, "[vars]\ntoken = { secret = true }\n", "[secret.token]\ncommand = [\"sh\", \"-c\", \"echo $$ >DIR/pid; exec sleep 1000\"]\n")
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	told := make(chan []Finding, 1)
	go func() {
		var all []Finding
		Examine(ctx, a.Probes(), func(f Finding) { all = append(all, f) })
		told <- all
	}()
	for {
		if data, err := os.ReadFile(filepath.Join(a.dir, "pid")); err == nil && len(data) > 1 {
			break
		}
	}
	stop()
	if all := <-told; Verdict(all) == steps.Pass {
		t.Errorf("%v", all)
	}
}

func TestWhatATargetOfProductionNeeds(t *testing.T) {
	t.Parallel()
	const small = "[vars]\nplatform = {}\n[[phase]]\nid = \"act\"\nstep = [{ id = \"platform\", ask.decide = { var = \"platform\", choices = [\"docker\", \"node\"] } }]\n"
	demands := "guard = true\nrequire = [\"change_ticket\"]\nchoose.platform = \"docker\"\n"
	a := siteOf(t, small, demands+"service.env_from = \"docker:api\"\n")
	put(t, filepath.Join(a.bin, "docker"), "#!/bin/sh\necho '{\"Running\":true,\"Env\":[\"A=hunter2\",\"B=2\"]}'\n", 0o755)
	found := a.look(t)
	for what, want := range map[string]string{
		"var change_ticket": "warn no value yet: the target demands it of each run",
		"service":           "pass 2 variables in docker:api",
	} {
		if !slices.ContainsFunc(found, func(f Finding) bool { return f.What == what && f.Verdict.String()+" "+f.Saw == want }) {
			t.Errorf("%s is not %q in %v", what, want, found)
		}
	}
	put(t, filepath.Join(a.bin, "docker"), "#!/bin/sh\necho 'No such container: api' >&2\nexit 1\n", 0o755)
	if !slices.ContainsFunc(a.look(t), func(f Finding) bool {
		return f.What == "service" && f.Verdict == steps.Unknown && strings.Contains(f.Saw, "No such container")
	}) {
		t.Error("a service that can't be looked at is not told")
	}
}

// TestSiteWithVars: what was given is looked with, and what is wrong is said.
func TestSiteWithVars(t *testing.T) {
	t.Parallel()
	a := siteOf(t, twoWays, "require = [{ name = \"ticket\", match = 'CHG-[0-9]+' }]\n")
	a.program(t, "lookhere", 0o700)
	a.Given = map[string]string{"image_tag": "2.1", "ticket": "CHG-7"}
	all := a.look(t)
	want(t, all, "vars", steps.Pass, "every required one")
	if text := fmt.Sprint(all); strings.Contains(text, "image_tag") || strings.Contains(text, "ticket") {
		t.Errorf("given, and looked for: %s", text)
	}
	a.Given = map[string]string{"image_tag": "2.1", "ticket": "soon"}
	want(t, a.look(t), "vars", steps.Fail, "ticket = ", "does not match", "correct --var")
	a.Given = map[string]string{"image_tag": "latest"}
	want(t, a.look(t), "vars", steps.Fail, "does not match", "correct --var")
}
