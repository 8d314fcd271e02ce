package plain

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/crypto/ssh"

	"runbook/runbook"
	"runbook/runbook/journal"
	"runbook/runbook/report"
)

const signed = `
schema = 1
name = "signed"
[[phase]]
id = "look"
  [[phase.step]]
  id = "marker"
  check.file = { path = "marker" }
[[phase]]
id = "sign-off"
  [[phase.step]]
  id = "qa-signs"
  ask.approve = { role = "qa", scope = "run", question = "Does it hold?" }
[[signoff]]
role = "qa"
scope = "run"
`

// keyed lets the driver sign with a key of a file.
func (f *fixture) keyed() {
	f.t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		f.t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(private, "a test")
	if err != nil {
		f.t.Fatal(err)
	}
	file := filepath.Join(f.t.TempDir(), "key")
	if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
		f.t.Fatal(err)
	}
	f.s.Signs(runbook.Keys{Report: report.SHA256, Role: func(context.Context, string) (journal.Identity, error) { return journal.KeyFile(file) }})
}

func TestSigningInLines(t *testing.T) {
	t.Parallel()
	f := begin(t, signed)
	f.keyed()
	f.write("marker")
	err := f.walk(
		"sign qa-signs", "sign marker qa", "sign qa-signs dev", // no answers
		"sign qa-signs reject", "sign qa-signs qa", // a reject wants its reason
		"sign qa-signs reject it leaks", "sign qa-signs qa",
		"approve qa-signs eve said yes", "accept qa-signs it is late", // nothing but a signature moves it
		"sign qa-signs withdraw", "sign qa-signs qa",
		"?", "sign qa-signs approve the leak is mended", "memo the log moves on", "sign qa-signs qa",
	)
	if err != nil {
		t.Fatalf("%v\n%s", err, f.out.String())
	}
	f.shows(
		", for whom nobody vouches: there is no allowed_signers:\n", "? sign qa-signs qa signs what is shown",
		"? marker is not signed",
		"    decision reject\n", "? a reject of qa-signs wants its reason",
		"    note \"it leaks\"\n", "✗ declined, signed qa-signs",
		"rejected  by SHA256:", "it leaks",
		"? approve qa-signs: not now", "? accept qa-signs: not now",
		"    decision withdraw\n", "· pending        qa-signs",
		"  approve qa-signs   reported by you, no signature",
		"    note \"the leak is mended\"\n", "✓ confirmed, signed qa-signs",
		"sign-off 0/1, missing qa (rejected)", "sign-off 0/1, missing qa\n", "sign-off 1/1\n",
	)
	r := f.s.State()
	if len(r.Signatures) != 3 || len(r.Missing(f.s.Book())) > 0 {
		t.Errorf("signed %d times, missing %v", len(r.Signatures), r.Missing(f.s.Book()))
	}
}

func TestReportedInLines(t *testing.T) {
	t.Parallel()
	f := begin(t, signed)
	f.write("marker")
	if err := f.walk("sign qa-signs qa", "approve qa-signs Q. said yes in chat"); err != nil {
		t.Fatalf("%v\n%s", err, f.out.String())
	}
	f.shows("it can't be signed here: no key signs this session", "? nothing of qa-signs was shown that could be signed here",
		"✓ confirmed, reported qa-signs", "sign-off 0/1, missing qa\nno key signs this session", "\nrun "+f.s.State().ID[:8]+" head ")
	var unsigned *runbook.UnsignedError
	if err := runbook.Standing(f.s.Book(), f.s.State()); !errors.As(err, &unsigned) {
		t.Errorf("it stands %v", err)
	}
}
