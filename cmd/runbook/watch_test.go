package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"runbook/runbook/book"
	"runbook/runbook/journal"
)

const everySecond = `
schema = 1
name = "seconds"
[[phase]]
id = "while"
  [[phase.step]]
  id = "alive"
  watch = { every = "1s", for = "4s", check.file = { path = "alive" } }
`

// TestTimersOfOneWatch measures a watch by processes that each do one slot, and
// has the whole verified.
func TestTimersOfOneWatch(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	runs := func(identity string, want int, args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), binary, args...)
		cmd.Env = []string{
			"PATH=/usr/bin:/bin", "HOME=" + dir, "XDG_CONFIG_HOME=" + filepath.Join(dir, "config"),
			"RUNBOOK_HOME=" + filepath.Join(dir, "state"), "RUNBOOK_IDENTITY=" + identity, "TERM=dumb",
		}
		out, _ := cmd.CombinedOutput() // its exit code is what counts
		if code := cmd.ProcessState.ExitCode(); want >= 0 && code != want {
			t.Fatalf("%v: exit %d, want %d\n%s", args, code, want, out)
		}
		return string(out)
	}
	key := filepath.Join(dir, "key")
	if out, err := exec.CommandContext(t.Context(), "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	public, err := os.ReadFile(key + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	signers := write("signers", `ann namespaces="session@runbook-log,watch@runbook-log" `+string(public))
	write("app/alive", "")
	seconds := write("seconds.toml", everySecond)
	here := write("here.toml", "name = \"here\"\ndir = \""+filepath.Join(dir, "app")+"\"\npath = \"/usr/bin:/bin\"\n")
	trustFiles(t, filepath.Join(dir, "config", "runbook"), seconds, here)

	runs(key, 3, "deploy", seconds, "-t", here, "--plain")
	for strings.Contains(runs("", 0, "status", "--json"), `"next_slot"`) {
		runs("", -1, "watch", "--once") // before the first slot nothing is known
	}
	if out := runs("", 3, "log", "verify", "--signers", signers); !strings.Contains(out, "integrity ok") || !strings.Contains(out, ", slots ") {
		t.Errorf("an open run: %s", out)
	}
	runs(key, 0, "resume", "--plain")
	if out := runs("", 0, "log", "verify", "--signers", signers); !strings.Contains(out, "ann delegated slots") {
		t.Errorf("%s", out)
	}
	found, err := filepath.Glob(filepath.Join(dir, "state", "runs", "*", "*.jsonl"))
	if err != nil || len(found) != 3 {
		t.Errorf("two sessions and the slots: %v", found)
	}
	if out := runs("", 0, "log", "show"); !strings.Contains(out, journal.WatchFile) || !strings.Contains(out, "step=alive") {
		t.Errorf("%s", out)
	}
}

// trustFiles lets files of a test be run, as `runbook trust` does at a terminal.
func trustFiles(t *testing.T, config, bookFile, targetFile string) {
	t.Helper()
	data, err := os.ReadFile(bookFile)
	if err != nil {
		t.Fatal(err)
	}
	b, err := book.Read(data, bookFile)
	if err != nil {
		t.Fatal(err)
	}
	if data, err = os.ReadFile(targetFile); err != nil {
		t.Fatal(err)
	}
	target, err := book.LoadTarget(data, targetFile)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(b.AddTrust(config), target.AddTrust(config)); err != nil {
		t.Fatal(err)
	}
}
