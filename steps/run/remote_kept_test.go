package run_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"runbook/steps/run"
	"runbook/steps/supervise"
)

// before puts a directory of programs before the others that a script finds.
func before(t *testing.T, script []byte, programs map[string]string) []byte {
	t.Helper()
	dir := t.TempDir()
	for name, text := range programs {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return replaced(t, script, "\nPATH=", "\nPATH="+dir+":")
}

func replaced(t *testing.T, script []byte, old, now string) []byte {
	t.Helper()
	if bytes.Count(script, []byte(old)) != 1 {
		t.Fatalf("%q is not once in the script", old)
	}
	return bytes.Replace(script, []byte(old), []byte(now), 1)
}

// A host can be asked when the directory is there and nothing in it yet.
func TestAHostIsAskedWhileItBegins(t *testing.T) {
	t.Parallel()
	home, sign := t.TempDir(), t.TempDir()
	r := local(t, run.Command{Sh: "exit 6"})
	nonce, proof := run.NewNonce()
	start := before(t, r.Order(run.Start, "begins", nonce).Stdin, map[string]string{
		"mkdir": `/bin/mkdir "$@" || exit; case $1 in */begins) until [ -e ` + sign + `/go ]; do sleep 0.01; done ;; esac`,
	})
	ask := before(t, r.Order(run.Resume, "begins", nonce).Stdin, map[string]string{
		"sleep": `: >` + sign + `/waits; exec /bin/sleep "$@"`,
	})
	said := make(chan string, 2)
	through := func(script []byte) {
		out, _ := through(t, []string{"sh"}, home, script)
		said <- out
	}
	exists := func(path string) func() bool {
		return func() bool { _, err := os.Stat(path); return err == nil }
	}
	go through(start)
	await(t, "the directory", exists(home+"/.local/state/runbook/begins"))
	go through(ask)
	await(t, "one who waits, or has answered", func() bool { return exists(sign+"/waits")() || len(said) > 0 })
	if err := os.WriteFile(sign+"/go", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		out := <-said
		if word, ok := run.ReadWord([]byte(out), proof); !ok || word.Class != supervise.Exited || word.Exit != 6 {
			t.Errorf("%+v: %q", word, out)
		}
	}
}

// Whoever made the directory and nothing in it is given up at last.
func TestNobodyBeganOnAHost(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	if err := os.MkdirAll(home+"/.local/state/runbook/nobody", 0o700); err != nil {
		t.Fatal(err)
	}
	nonce, proof := run.NewNonce()
	out, code := through(t, []string{"sh"}, home, local(t, run.Command{Sh: "true"}).Order(run.Look, "nobody", nonce).Stdin)
	if word, ok := run.ReadWord([]byte(out), proof); !ok || word.Class != supervise.Unknown || code != 255 {
		t.Errorf("%+v, %d: %q", word, code, out)
	}
}

func TestManyLeftoversOnAHostAreCounted(t *testing.T) {
	t.Parallel()
	const many, named = 70, 50
	r := local(t, run.Command{Sh: fmt.Sprintf(`for i in $(seq %d); do sleep 600 & echo $! >>pids; done`, many)})
	nonce, proof := run.NewNonce()
	out, _ := through(t, []string{"sh"}, t.TempDir(), r.Order(run.Start, "many", nonce).Stdin)
	data, err := os.ReadFile(filepath.Join(r.Host.Dir, "pids"))
	if err != nil {
		t.Fatal(err)
	}
	pids := strings.Fields(string(data))
	for _, pid := range pids {
		if n, err := strconv.Atoi(pid); err != nil || syscall.Kill(n, syscall.SIGKILL) != nil {
			t.Errorf("%s is not there: %v", pid, err)
		}
	}
	word, _ := run.ReadWord([]byte(out), proof)
	left := word.Leftovers
	if len(pids) != many || len(left) != named+1 || left[named] != fmt.Sprintf("and %d more", many-named) || !slices.Contains(pids, strings.TrimSuffix(left[0], " sleep")) {
		t.Errorf("%d of %d: %q", len(left), len(pids), left)
	}
}

// keep makes a directory of a command as it lies there, with its end written
// or changed so many days ago.
func keep(t *testing.T, dir, end, recorder string, days int) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"out": "what it printed\n", "end": end + "\n", "recorder": recorder} {
		if text == "" {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	age(t, dir, days)
}

func age(t *testing.T, dir string, days int) {
	t.Helper()
	when := time.Now().AddDate(0, 0, -days)
	if err := os.Chtimes(filepath.Join(dir, "end"), when, when); err != nil {
		t.Fatal(err)
	}
}

// What nobody settled does not fill a host up, and never seems not to have
// been.
func TestOldOutputOnAHostGoes(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	base := home + "/.local/state/runbook/"
	node, err := exec.CommandContext(t.Context(), "uname", "-n").Output()
	if err != nil {
		t.Fatal(err)
	}
	gone := "4194305 no-such-boot 1 " // no pid is that high
	keep(t, base+"ended", "exit 3", gone+string(node), 40)
	keep(t, base+"young", "exit 3", gone+string(node), 20)
	keep(t, base+"lost", strings.Repeat(" ", 4095), gone+string(node), 40)
	keep(t, base+"elsewhere", strings.Repeat(" ", 4095), gone+"other\n", 40)
	keep(t, base+"not-ours", "exit 3", "", 40)

	running := local(t, run.Command{Sh: "echo runs; until [ -e go ]; do sleep 0.01; done; exit 5"})
	nonce, proof := run.NewNonce()
	ended := make(chan string, 1)
	go func() {
		out, _ := through(t, []string{"sh"}, home, running.Order(run.Start, "runs", nonce).Stdin)
		ended <- out
	}()
	await(t, "its output", func() bool { data, _ := os.ReadFile(base + "runs/out"); return len(data) > 0 })
	age(t, base+"runs", 40)

	through(t, []string{"sh"}, home, local(t, run.Command{Sh: "true"}).Order(run.Start, "next", nonce).Stdin)
	for name, want := range map[string]struct {
		left []string
		out  string
		word string
	}{
		"ended":     {[]string{"end", "out"}, "runbook: this was kept on app for 30 days\n", "exit 3"},
		"lost":      {[]string{"end", "out"}, "runbook: this was kept on app for 30 days\n", "unknown: it is gone, and nobody saw its end"},
		"young":     {[]string{"end", "out", "recorder"}, "what it printed\n", "exit 3"},
		"elsewhere": {[]string{"end", "out", "recorder"}, "what it printed\n", ""},
		"not-ours":  {[]string{"end", "out"}, "what it printed\n", ""},
		"runs":      {[]string{"command", "end", "out", "recorder"}, "runs\n", "running"},
	} {
		entries, err := os.ReadDir(base + name)
		var left []string
		for _, entry := range entries {
			left = append(left, entry.Name())
		}
		out, outErr := os.ReadFile(base + name + "/out")
		if err != nil || outErr != nil || !slices.Equal(left, want.left) || string(out) != want.out {
			t.Errorf("%s: %q, %q, %v, %v", name, left, out, err, outErr)
		}
		if want.word == "" {
			continue
		}
		told, _ := through(t, []string{"sh"}, home, running.Order(run.Look, name, nonce).Stdin)
		if word, ok := run.ReadWord([]byte(told), proof); !ok || word.Text != want.word {
			t.Errorf("%s: %q", name, told)
		}
	}
	if err := os.WriteFile(filepath.Join(running.Host.Dir, "go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if word, ok := run.ReadWord([]byte(<-ended), proof); !ok || word.Exit != 5 {
		t.Errorf("%+v", word)
	}
}

// A login session's end can take what runs in it, and linger changes nothing
// of that. The answers are those of busctl; no logind runs here.
func TestWhatALogoutEndsOnAHost(t *testing.T) {
	t.Parallel()
	const session, kills, spares = "0::/user.slice/user-1000.slice/session-3.scope", "linger or not", "yes"
	for name, test := range map[string]struct{ group, policy, want string }{
		"kills":        {session, `b true\nas 0\nas 1 "root"`, kills},
		"kills only":   {session, `b true\nas 1 "me"\nas 1 "root"`, kills},
		"only others":  {session, `b true\nas 2 "you" "mel"\nas 0`, spares},
		"excluded":     {session, `b true\nas 0\nas 2 "root" "me"`, spares},
		"leaves alone": {session, `b false\nas 0\nas 1 "root"`, spares},
		"no session":   {"0::/system.slice/ssh.service", `b true\nas 0\nas 0`, spares},
		"no answer":    {session, ``, "is not known"},
	} {
		for _, shell := range shells {
			if _, err := exec.LookPath(shell[0]); err != nil {
				continue
			}
			t.Run(name+" "+shell[0], func(t *testing.T) {
				t.Parallel()
				group := filepath.Join(t.TempDir(), "cgroup")
				if err := os.WriteFile(group, []byte(test.group+"\n"), 0o600); err != nil {
					t.Fatal(err)
				}
				nonce, proof := run.NewNonce()
				script := local(t, run.Command{Sh: "true"}).Order(run.Hello, "doctor", nonce).Stdin
				script = replaced(t, before(t, script, map[string]string{"busctl": "printf '%b' '" + test.policy + "'\n"}), "/proc/self/cgroup", group)
				out, _ := through(t, shell, t.TempDir(), script)
				word, ok := run.ReadWord([]byte(out), proof)
				if !ok || !strings.Contains(word.Text, test.want) || test.want == spares && word.Text != spares {
					t.Errorf("%q", out)
				}
			})
		}
	}
}
