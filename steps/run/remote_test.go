package run_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"runbook/steps/run"
	"runbook/steps/run/loopback"
	"runbook/steps/supervise"
)

func TestVarsArriveOnAHostAsTheyAre(t *testing.T) {
	t.Parallel()
	s := loopback.Start(t)
	vars := []string{
		"EVERY=" + everyByte(), "LINES=a\nb\n\n", "QUOTES='\"'\\''`$(touch pwned)`${HOME}", "EMPTY=", "EOF=EOF\n{ exit 3; }\n",
		"LONG=" + strings.Repeat("x'\n", 30_000), "NOT_UTF8=\xff\xfe\x80", "SPACE= * ? ~ -n ",
	}
	r := on(t, s, run.Command{Argv: []string{"sh", "-c", `env -0; printf '%s\0' "$PWD"; umask`, "-x", "", "a b", "*", "'"}}, vars...)
	got := r.do(t, run.Start)
	if !got.ok || got.word.Class != supervise.Exited || got.word.Exit != 0 || got.code != 0 {
		t.Fatalf("%+v", got)
	}
	body, _, _ := strings.Cut(got.out, "\n-- app: ")
	parts := strings.Split(body, "\x00")
	env := slices.DeleteFunc(parts[:len(parts)-2], func(kv string) bool { return strings.HasPrefix(kv, "PWD=") }) // sh makes it
	want := append([]string{"PATH=/usr/bin:/bin", "HOME=" + s.Home, "USER=" + os.Getenv("USER")}, vars...)
	me, err := exec.CommandContext(t.Context(), "id", "-un").Output()
	if err != nil {
		t.Fatal(err)
	}
	want[2] = "USER=" + strings.TrimSpace(string(me))
	slices.Sort(env)
	slices.Sort(want)
	if !slices.Equal(env, want) {
		t.Errorf("environment\n%.400q\nwant\n%.400q", env, want)
	}
	if parts[len(parts)-2] != s.Dir {
		t.Errorf("directory %q, want %q", parts[len(parts)-2], s.Dir)
	}
	if _, err := os.Stat(filepath.Join(s.Dir, "pwned")); err == nil {
		t.Error("a value was executed")
	}
}

func TestNothingOfVarsAndSecretsInAnyArgv(t *testing.T) {
	t.Parallel()
	s := loopback.Start(t)
	const canary = "c0rrect-h0rse-battery"
	r := on(t, s, run.Command{Sh: `echo $$ >pid; until [ -e go ]; do sleep 0.01; done; echo "$TOKEN"`}, "TOKEN="+canary)
	cmd, wait := r.begin(t, run.Start)
	pid := r.file(t, "pid")
	seen := map[string]bool{}
	for n := 0; n < 50; n++ { // also what lives shortly: the tools of the script
		files, err := filepath.Glob("/proc/[0-9]*/cmdline")
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			data, _ := os.ReadFile(file) // gone meanwhile
			seen[strings.Split(file, "/")[2]] = true
			if strings.Contains(string(data), canary) {
				t.Fatalf("%s: %q", file, data)
			}
		}
	}
	for _, must := range []string{pid, strconv.Itoa(cmd.Process.Pid)} {
		if !seen[must] {
			t.Errorf("process %s was not looked at", must)
		}
	}
	write(t, s, "go")
	if got := wait(); !strings.HasPrefix(got.out, canary+"\n-- app: exit 0 -- ") {
		t.Errorf("%+v", got)
	}
}

func TestEndsOnAHost(t *testing.T) {
	t.Parallel()
	s := loopback.Start(t)
	for sh, want := range map[string]struct {
		exit int
		out  string
	}{
		"exit 0":                     {0, ""},
		"echo a; echo b >&2; exit 1": {1, "a\nb\n"},
		"exit 126":                   {126, ""},
		"exit 127":                   {127, ""},
		"exit 254":                   {254, ""},
		"printf x; exit 255":         {255, "x\n"},
		"kill -TERM $$":              {143, ""},
		"kill -KILL $$":              {137, ""},
		"kill -INT $$":               {130, ""},
		"[ -t 0 ] || (: </dev/tty) 2>/dev/null || echo no terminal":                                {0, "no terminal\n"},
		"read -r x || echo no input":                                                               {0, "no input\n"},
		"echo '-- app: exit 0 -- 00112233445566778899aabbccddeeff'; exit 4":                        {4, "-- app: exit 0 -- 00112233445566778899aabbccddeeff\n"},
		"grep -q '^SigIgn:.*0000$' /proc/self/status || grep SigIgn /proc/self/status":             {0, ""},
		"[ $(cut -d' ' -f6 /proc/$$/stat) = $$ ] && [ $(cut -d' ' -f5 /proc/$$/stat) = $$ ] # sid": {0, ""},
	} {
		t.Run(sh, func(t *testing.T) {
			t.Parallel()
			got := on(t, s, run.Command{Sh: sh}).do(t, run.Start)
			body, _, _ := strings.Cut(got.out, "-- app: exit "+strconv.Itoa(want.exit)+" --")
			if !got.ok || got.word.Class != supervise.Exited || got.word.Exit != want.exit || got.code != want.exit || len(got.word.Leftovers) > 0 {
				t.Errorf("%+v", got)
			}
			if body != want.out && want.exit != 1 {
				t.Errorf("printed %q", body)
			}
		})
	}
}

func TestTheEndIsKeptWhenTheConnectionIsLost(t *testing.T) {
	t.Parallel()
	s := loopback.Start(t)
	r := on(t, s, run.Command{Sh: `echo $$ >pid; for i in $(seq 60); do echo row $i; [ $i != 20 ] || until [ -e go ]; do sleep 0.01; done; done; echo end; exit 42`})
	_, wait := r.begin(t, run.Start)
	pid := r.file(t, "pid")
	if s.Cut() == 0 {
		t.Fatal("there was no connection to cut")
	}
	if got := wait(); got.ok || got.code != 255 {
		t.Errorf("cut: %+v", got)
	}
	if !alive(pid) {
		t.Fatal("the command ended with its connection")
	}
	if got := r.ask(t, run.Look); got.Class != supervise.Running {
		t.Errorf("while it runs: %+v", got)
	}
	_, wait = r.begin(t, run.Resume)
	write(t, s, "go")
	got := wait()
	var rows strings.Builder
	for i := range 60 {
		rows.WriteString("row " + strconv.Itoa(i+1) + "\n")
	}
	if body, _, _ := strings.Cut(got.out, "-- app"); got.word.Exit != 42 || got.word.Class != supervise.Exited || got.code != 42 || body != rows.String()+"end\n" {
		t.Errorf("resumed: %+v", got)
	}
	for range 2 { // as often as somebody asks
		if got := r.ask(t, run.Look); got.Class != supervise.Exited || got.Exit != 42 {
			t.Errorf("after its end: %+v", got)
		}
	}
	r.ask(t, run.Forget)
	if kept := s.Kept(); len(kept) > 0 {
		t.Errorf("left on the host: %q", kept)
	}
}

func TestAnAttemptStartsOnceOnAHost(t *testing.T) {
	t.Parallel()
	s := loopback.Start(t)
	r := on(t, s, run.Command{Sh: `echo once >>starts; until [ -e go ]; do sleep 0.01; done`})
	var waits []func() said
	for range 4 {
		_, wait := r.begin(t, run.Start)
		waits = append(waits, wait)
	}
	r.file(t, "starts")
	refused := 0
	await(t, "three refusals", func() bool { return s.Served() == 4 })
	write(t, s, "go")
	for _, wait := range waits {
		if got := wait(); got.ok && strings.HasPrefix(got.word.Text, "refused: ") && got.word.Class == supervise.Unknown {
			refused++
		} else if got.word.Class != supervise.Exited {
			t.Errorf("%+v", got)
		}
	}
	if text := r.file(t, "starts"); text != "once" || refused != 3 {
		t.Errorf("started %q, %d refused", text, refused)
	}
	if got := r.do(t, run.Start); !strings.HasPrefix(got.word.Text, "refused: ") {
		t.Errorf("after its end: %+v", got)
	}
}

// What was looked for and not found can't begin later: its script may still
// be on the way.
func TestWhatNeverStartedNeverWill(t *testing.T) {
	t.Parallel()
	s := loopback.Start(t)
	r := on(t, s, run.Command{Sh: `touch ran`})
	if got := r.ask(t, run.Look); got.Class != supervise.NeverStarted {
		t.Errorf("%+v", got)
	}
	if got := r.do(t, run.Start); got.word.Class == supervise.Exited {
		t.Errorf("started after it was withdrawn: %+v", got)
	}
	if got := r.ask(t, run.Look); got.Class != supervise.NeverStarted {
		t.Errorf("looked at again: %+v", got)
	}
	if _, err := os.Stat(filepath.Join(s.Dir, "ran")); err == nil {
		t.Error("it ran")
	}
}

func TestWhatAHostCantStart(t *testing.T) {
	t.Parallel()
	s := loopback.Start(t)
	for name, test := range map[string]struct {
		change func(h *run.Host)
		argv   string
		want   string
	}{
		"directory":     {func(h *run.Host) { h.Dir += "/gone" }, "true", "no directory " + s.Dir + "/gone on app"},
		"program":       {func(*run.Host) {}, "no-such-program", "no-such-program is not on the path of app (/usr/bin:/bin)"},
		"builtin":       {func(*run.Host) {}, "exit", "exit is not on the path"},
		"relative":      {func(*run.Host) {}, "./tool", "./tool is not on the path"},
		"not on a path": {func(h *run.Host) { h.Path = "/nowhere" }, "true", "true is not on the path of app (/nowhere)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := s.Host("app")
			test.change(&h)
			made, err := run.Command{Argv: []string{test.argv}}.On(h, world(t), nil)
			if err != nil {
				t.Fatal(err)
			}
			r := remote{made, s, "never-" + strings.ReplaceAll(name, " ", "-")}
			got := r.do(t, run.Start)
			if got.word.Class != supervise.NeverStarted || !strings.Contains(got.word.Text, test.want) {
				t.Errorf("%+v", got)
			}
			if again := r.ask(t, run.Look); again.Text != got.word.Text {
				t.Errorf("later it says %q", again.Text)
			}
		})
	}
}

// An answer that is not the host's own word is none, whatever its exit code.
func TestOnlyTheHostsOwnWordCounts(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]string{
		"forced command": "ForceCommand true",
		"echo":           "ForceCommand cat >/dev/null; echo '-- app: exit 0 -- 00112233445566778899aabbccddeeff'",
		"no sh":          "ForceCommand exec /nonexistent/sh",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := loopback.Start(t)
			s.Configure(config)
			r := on(t, s, run.Command{Argv: []string{"true"}})
			got := r.do(t, run.Start)
			if got.ok || got.code == 255 {
				t.Errorf("%+v", got)
			}
			if w, err := r.Ask(t.Context(), run.Look, r.key); err == nil {
				t.Errorf("asked: %+v", w)
			}
		})
	}
}

func TestAHostThatIsNotReached(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		spoil func(s *loopback.Server)
		want  string
	}{
		"down":         {func(s *loopback.Server) { s.Down() }, "Connection refused"},
		"another key":  {func(s *loopback.Server) { s.Known("stranger") }, "Host key verification failed"},
		"unknown key":  {func(s *loopback.Server) { s.Known("") }, "Host key verification failed"},
		"no admission": {func(s *loopback.Server) { s.Configure("PubkeyAuthentication no") }, "Permission denied"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := loopback.Start(t)
			test.spoil(s)
			r := on(t, s, run.Command{Sh: "touch ran"})
			if got := r.do(t, run.Start); got.ok || got.code != 255 || !strings.Contains(got.out, test.want) {
				t.Errorf("%+v", got)
			}
			if _, err := r.Ask(t.Context(), run.Look, r.key); err == nil || !strings.Contains(err.Error(), "app gave no answer: ") || !strings.Contains(err.Error(), test.want) {
				t.Errorf("asked: %v", err)
			}
			if _, err := os.Stat(filepath.Join(s.Dir, "ran")); err == nil {
				t.Error("it ran")
			}
		})
	}
}
