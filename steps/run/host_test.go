package run_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"runbook/steps"
	"runbook/steps/run"
)

func TestVia(t *testing.T) {
	t.Parallel()
	for via, want := range map[string]string{
		"ssh app1":                    "",
		"/usr/bin/ssh -4q app1":       "",
		"ssh -p22 -l me app1":         "",
		"ssh -o BatchMode=no me@app1": "",
		"":                            "via begins with ssh",
		"telnet app1":                 "via begins with ssh",
		"ssh":                         "via names no place",
		"ssh -p 22":                   "via names no place",
		"ssh -p":                      "-p wants a value",
		"ssh app1 uptime":             `"uptime" after app1 would be a command`,
		"ssh -tt app1":                "-t does not fit",
		"ssh -4A app1":                "-A does not fit",
		"ssh -n app1":                 "-n does not fit",
		"ssh -- app1":                 "-- does not fit",
	} {
		err := run.Host{Name: "app", Via: strings.Fields(via), Dir: "/srv"}.Validate()
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v, want %q", via, err, want)
		}
	}
	for _, h := range []run.Host{{Dir: ""}, {Dir: "srv"}, {Dir: "/srv", Path: "/bin:"}, {Dir: "/srv\n"}} {
		h.Via = []string{"ssh", "app1"}
		if h.Validate() == nil {
			t.Errorf("%+v: accepted", h)
		}
	}
}

// What a target and a user's own configuration say can't give ssh a prompt, a
// terminal, our agent or a forwarding.
func TestOurOptionsOfSSHWin(t *testing.T) {
	t.Setenv("SSH_AUTH_SOCK", "/run/agent.sock")
	config := filepath.Join(t.TempDir(), "config")
	text := "BatchMode no\nForwardAgent yes\nForwardX11 yes\nControlMaster yes\nRequestTTY force\nLocalForward 8080 localhost:80\nServerAliveInterval 0\nConnectTimeout 3\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	h := run.Host{Name: "app", Via: []string{"ssh", "-F", config, "-oBatchMode=no", "-oForwardAgent=yes", "-oServerAliveInterval=7", "app1"}, Dir: "/srv"}
	r, err := run.Command{Argv: []string{"true"}}.On(h, world(t), []string{"TOKEN=s3cret"})
	if err != nil {
		t.Fatal(err)
	}
	o := r.Order(run.Start, "key", "nonce")
	args := append([]string{"-G"}, o.Argv[1:]...)
	out, err := exec.CommandContext(t.Context(), o.Path, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, want := range []string{
		"batchmode yes", "forwardagent no", "forwardx11 no", "controlmaster false", "requesttty false", "clearallforwardings yes",
		"serveraliveinterval 7", "serveralivecountmax 4", "connecttimeout 15", "permitlocalcommand no",
	} {
		if !strings.Contains("\n"+string(out), "\n"+want+"\n") {
			t.Errorf("ssh -G lacks %q", want)
		}
	}
	if !slices.Contains(o.Env, "SSH_AUTH_SOCK=/run/agent.sock") {
		t.Errorf("ssh can't log in with the agent: %q", o.Env)
	}
	if words := strings.Join(append(o.Argv, o.Env...), " "); strings.Contains(words, "TOKEN") || strings.Contains(words, "s3cret") {
		t.Errorf("a var where all can read it: %s", words)
	}
}

func TestOnRefuses(t *testing.T) {
	t.Parallel()
	good := run.Host{Name: "app", Via: []string{"ssh", "app1"}, Dir: "/srv"}
	for name, make := range map[string]func() (run.Remote, error){
		"agent": func() (run.Remote, error) {
			return run.Command{Argv: []string{"a"}, Agent: true}.On(good, world(t), nil)
		},
		"NUL": func() (run.Remote, error) { return run.Command{Argv: []string{"a\x00"}}.On(good, world(t), nil) },
		"variable": func() (run.Remote, error) {
			return run.Command{Argv: []string{"a"}}.On(good, world(t), []string{"a b=c"})
		},
		"no ssh": func() (run.Remote, error) {
			w := world(t)
			w.Env = []string{"PATH=" + t.TempDir()}
			return run.Command{Argv: []string{"a"}}.On(good, w, nil)
		},
		"practice": func() (run.Remote, error) {
			w := world(t)
			w.Practice = &steps.Practice{}
			return run.Command{Argv: []string{"a"}}.On(good, w, nil)
		},
	} {
		if _, err := make(); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
