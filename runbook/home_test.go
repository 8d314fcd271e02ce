package runbook

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"runbook/runbook/durable"
	"runbook/runbook/journal"
	"runbook/steps"
)

func getenv(pairs ...string) func(string) string {
	return func(name string) string {
		for _, pair := range pairs {
			if value, ok := strings.CutPrefix(pair, name+"="); ok {
				return value
			}
		}
		return ""
	}
}

func TestFindHome(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "runbook.toml")
	says := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if h, err := findHome(getenv("HOME=/home/ana"), file); err != nil || h.Dir != "/home/ana/.local/state/runbook" || h.group != "" {
		t.Errorf("without the machine's file: %+v, %v", h, err)
	}
	says("home = \"/var/lib/runbook\"\ngroup = \"oncall\"\n")
	if h, err := findHome(getenv("HOME=/home/ana"), file); err != nil || h.Dir != "/var/lib/runbook" || h.group != "oncall" || h.Config != "/home/ana/.config/runbook" {
		t.Errorf("with it: %+v, %v", h, err)
	}
	if h, err := findHome(getenv("HOME=/home/ana", "RUNBOOK_HOME=/tmp/mine"), file); err != nil || h.Dir != "/tmp/mine" || h.group != "" {
		t.Errorf("with RUNBOOK_HOME: %+v, %v", h, err)
	}
	for _, wrong := range []string{"home = 1", "home = \"var\"", "group = \"oncall\"", "home = \"/a\"\nmode = 7", "home"} {
		says(wrong)
		if h, err := findHome(getenv("HOME=/home/ana"), file); err == nil || !strings.Contains(err.Error(), file) {
			t.Errorf("%q: %+v, %v", wrong, h, err)
		}
	}
	says("home = \"/var/lib/runbook\"")
	if err := os.Chmod(file, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := findHome(getenv("HOME=/home/ana"), file); err == nil || !strings.Contains(err.Error(), "writable by others") {
		t.Errorf("a file that anybody may write: %v", err)
	}
}

// childFollows makes this test binary somebody who reads along in that home,
// and then tries to drive.
const childFollows = "RUNBOOK_TEST_FOLLOWS"

// follows prints what another account can do with the one run of a home.
func follows(dir string) int {
	h := Home{Dir: dir}
	sum, err := h.FindRun("", false)
	if err != nil {
		return complains(err)
	}
	fmt.Println("found", sum.Short, "driven", sum.Driven, sum.Err)
	s, err := Follow(sum.Dir, steps.SystemClock{})
	if err != nil {
		return complains(err)
	}
	out := s.State().Output(s.Book().Step("make"))
	tick := time.NewTicker(5 * time.Millisecond)
	for data := []byte(nil); !bytes.Contains(data, []byte("token is")); data, _ = os.ReadFile(out) {
		<-tick.C
	}
	for st := s.State().Steps["make"]; st == nil || st.State != Running; st = s.State().Steps["make"] {
		<-tick.C
	}
	data, err := os.ReadFile(out)
	fmt.Printf("running %q %v\n", data, err)
	for s.State().Steps["make"].State == Running {
		<-tick.C
	}
	fmt.Println("ended", s.State().Steps["make"].State)
	_, err = Resume(context.Background(), sum.Dir, s.World(), journal.Options{}, false)
	fmt.Println("resume:", err)
	fmt.Println("make:", h.Make())
	for _, name := range []string{"lock", "steps/make.1/started", "steps/make.1/lock", "steps/make.1/verdict"} {
		if _, err := os.ReadFile(filepath.Join(sum.Dir, name)); !os.IsPermission(err) {
			fmt.Println("READ", name, err)
		}
	}
	return 0
}

// TestSharedHome has another account of the machine read a run along that it
// can't drive.
func TestSharedHome(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("another account can be tried by root alone")
	}
	const nobody = 65534
	group, err := user.LookupGroupId(strconv.Itoa(nobody))
	if err != nil {
		t.Skip("this machine has no group that is nobody's")
	}
	base, err := os.MkdirTemp("", "runbook-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(base) })
	program, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	exe := filepath.Join(base, "runbook.test")
	if err := errors.Join(os.Chmod(base, 0o755), durable.WriteFile(exe, program, 0o755)); err != nil {
		t.Fatal(err)
	}
	h := Home{Dir: filepath.Join(base, "home"), group: group.Name}
	for range 2 { // the second finds what the first made
		if err := h.Make(); err != nil {
			t.Fatal(err)
		}
	}
	f := beginIn(t, strings.Replace(tiny, "test ! -e broken", "while test ! -e go; do sleep 0.02; done", 1), h.Runs(false))
	t.Cleanup(func() { f.write("go", "") })
	f.toAct()
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env = []string{childFollows + "=" + h.Dir}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- f.Do(t.Context(), Intent{Kind: RunStep, Step: "make"}) }()
	said := bufio.NewScanner(pipe)
	var all []string
	for said.Scan() {
		all = append(all, said.Text())
		if strings.HasPrefix(said.Text(), "running") {
			f.write("go", "")
		}
	}
	if err := errors.Join(cmd.Wait(), <-done); err != nil {
		t.Errorf("%v", err)
	}
	want := []string{
		"^found [0-9a-f]{4} driven true <nil>$", `^running "token is [^"]*" <nil>$`, "^ended passed$",
		"^resume: this run belongs to root: only that account drives it", "^make: the runs in .* are driven by root",
	}
	for i, pattern := range want {
		if i >= len(all) || !regexp.MustCompile(pattern).MatchString(all[i]) {
			t.Fatalf("line %d is not %s:\n%s", i, pattern, strings.Join(all, "\n"))
		}
	}
	if len(all) != len(want) || strings.Contains(strings.Join(all, ""), "s3cret") {
		t.Errorf("it read more:\n%s", strings.Join(all, "\n"))
	}
	modes(t, f.run.Dir)
}

// modes holds every file of a shared run against what its group may do.
func modes(t *testing.T, dir string) {
	t.Helper()
	open := regexp.MustCompile(`/(book\.toml|target\.toml|[0-9]+\.jsonl|out\.red)$`)
	for path, got := range tree(t, dir) {
		want := fs.FileMode(0o600)
		switch {
		case got[0] == 'd':
			want = fs.ModeDir | fs.ModeSetgid | 0o750
		case open.MatchString(path):
			want = 0o640
		}
		if got != want.String() {
			t.Errorf("%s has %s, want %s", path, got, want)
		}
	}
}
