package bundle_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"runbook/runbook/bundle"
	"runbook/runbook/journal"
)

// TestPageForStrangers does what docs/verify.md tells a stranger to do, with the
// tools it names, and holds the hash there against the script.
func TestPageForStrangers(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/verify.md")
	must(t, err)
	if want := bundle.ScriptSHA256() + "  VERIFY.sh\n"; !strings.Contains(string(page), want) {
		t.Errorf("docs/verify.md names another script: it is now\n%s", want)
	}
	script := "set -eu\n"
	for _, block := range strings.Split(string(page), "\n```sh\n")[1:] {
		block, _, _ = strings.Cut(block, "\n```")
		script += block + "\n"
	}
	o := open(t)
	o.start["signoffs"] = []journal.Required{{Role: "qa-lead", Scope: "run"}}
	o.add("run.start", o.start)
	for range 4 {
		o.add("note", nil)
	}
	o.add("run.end", nil)
	n, head := o.log.Head()
	o.attest(o.qa, "qa-lead", journal.DecisionApprove) // at entry 8
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "run.tar"), o.write(), 0o600))
	put(t, filepath.Join(dir, "allowed_signers"), o.dev.signs("session@runbook-log")+strings.Replace(o.qa.signs("signoff.qa-lead@runbook-log"), "qa@", "mia@", 1))
	put(t, filepath.Join(dir, "revoked_keys"), "")
	put(t, filepath.Join(dir, "chat.txt"), "deployed, "+journal.HeadLine(o.log.Run(), n, head))
	clone, err := filepath.Abs("../..")
	must(t, err)
	must(t, os.Symlink(clone, filepath.Join(dir, "runbook")))
	box := toolbox(t)
	for _, name := range []string{"sh", "tar"} { // how one begins
		path, err := exec.LookPath(name)
		must(t, err)
		must(t, os.Symlink(path, filepath.Join(box, name)))
	}
	cmd := exec.CommandContext(t.Context(), "/bin/sh", "-c", script)
	cmd.Dir, cmd.Env = dir, []string{"PATH=" + box, "TMPDIR=" + t.TempDir()}
	out, err := cmd.CombinedOutput()
	if err != nil || words(string(out)) != "integrity ok, completeness ok, identity ok, anchoring ok" || !strings.Contains(string(out), `Good "signoff.qa-lead@runbook-log" signature for mia@example.com`) {
		t.Errorf("%v\n%s\n%s", err, script, out)
	}
}
