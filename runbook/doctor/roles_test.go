package doctor

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"runbook/runbook/journal"
	"runbook/steps"
)

const asksRoles = `
[vars]
platform = { }
[[phase]]
id = "act"
step = [
  { id = "which", ask.decide = { question = "which?", var = "platform", choices = ["docker", "node"] } },
  { id = "ok", ask.approve = { role = "qa-lead" } },
  { id = "docked", when = { platform = "docker" }, ask.approve = { role = "docker-lead" } },
  { id = "whole", ask.approve = { role = "owner", scope = "run" } },
  { id = "signed", ask.approve = { role = "qa-lead", scope = "run" } },
]
[[signoff]]
role = "owner"
scope = "run"
[[signoff]]
role = "qa-lead"
scope = "run"
`

const aKey = " ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGPQ6rjyqpBJ8fkKS1ZmzLrbhkLCiNEHa1oZ+3bTVfLA\n"

// TestRoles holds a book's roles against allowed_signers: absent, empty, of some
// roles, of all by a key without namespaces, and not to be read.
func TestRoles(t *testing.T) {
	t.Parallel()
	a := siteOf(t, asksRoles, "")
	a.SignersFile = filepath.Join(a.dir, "allowed_signers")
	a.Signers = func() (journal.Signers, error) {
		signers, err := journal.ReadSigners(a.SignersFile)
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		return signers, err
	}
	roles := func() []Finding {
		return slices.DeleteFunc(a.look(t), func(f Finding) bool { return f.What == "vars" || f.What == "programs" || f.What == "disk of dir" })
	}
	for _, empty := range []bool{false, true} {
		if empty {
			put(t, a.SignersFile, "# nobody yet\n", 0o600)
		}
		all := roles()
		want(t, all, "role qa-lead", steps.Fail, "nobody may sign it", a.SignersFile+", after review", `namespaces="signoff.qa-lead@runbook-log"`)
		want(t, all, "role owner", steps.Fail, "nobody may sign it", "a key without namespaces= signs in every role")
		want(t, all, "role docker-lead", steps.Warn, "nobody may sign it")
		if len(all) != 3 {
			t.Errorf("%v", all)
		}
	}
	put(t, a.SignersFile, `mia@example.com namespaces="session@runbook-log,signoff.qa-lead@runbook-log"`+aKey, 0o600)
	all := roles()
	want(t, all, "role qa-lead", steps.Pass, "may be signed by mia@example.com")
	want(t, all, "role owner", steps.Fail, "nobody may sign it")
	put(t, a.SignersFile, "sam@example.com"+aKey, 0o600)
	for _, f := range roles() {
		if f.Verdict != steps.Pass {
			t.Errorf("%v", f)
		}
	}
	put(t, a.SignersFile, "sam@example.com wheel"+aKey, 0o600)
	want(t, roles(), "roles", steps.Unknown, "who may sign is not known")
	if err := os.Remove(a.SignersFile); err != nil {
		t.Fatal(err)
	}
	a.Signers = nil
	if all := roles(); len(all) != 0 {
		t.Errorf("in practice: %v", all)
	}
}
