package main

import (
	"bytes"
	"crypto/ed25519"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"runbook/runbook"
	"runbook/runbook/book"
	"runbook/runbook/journal"
)

// signedBook has one step, and a role.
const signedBook = `
schema = 1
name = "tiny"
[[phase]]
id = "look"
step = [{ id = "there", check.file = { path = "." } }, { id = "dev-signs", ask.approve = { role = "dev", scope = "run" } }]
[[signoff]]
role = "dev"
scope = "run"
`

// TestSignsWhatWasShown has the run go on before it is shown and while it is
// read: what is signed in the end is what was shown last, over the log as it is.
func TestSignsWhatWasShown(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	h := runbook.Home{Dir: base, Config: filepath.Join(base, "config"), Seen: filepath.Join(base, "seen")}
	b, err := book.Read([]byte(signedBook), "b.toml")
	if err != nil {
		t.Fatal(err)
	}
	on, err := book.ReadTarget(fmt.Appendf(nil, "name = \"here\"\ndir = %q\npath = \"/bin\"\n", base), "t.toml")
	if err != nil {
		t.Fatal(err)
	}
	world, err := runbook.NewWorld(on)
	if err != nil {
		t.Fatal(err)
	}
	s, err := runbook.Start(t.Context(), runbook.StartOptions{
		Runs: h.Runs(false), Book: b, Target: on, World: world, Mode: runbook.ModeDeploy, Log: journal.Options{NoIdentity: "a test"},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	memo := func() {
		t.Helper()
		if err := s.Do(t.Context(), runbook.Intent{Kind: runbook.Memo, Seen: s.State().Entries, Text: "it goes on"}); err != nil {
			t.Fatal(err)
		}
	}
	w := signing{home: h, sum: runbook.Summary{Dir: s.State().Dir, Short: s.State().Short()}, role: "dev", decision: journal.DecisionApprove}
	if err := w.load(false); err != nil {
		t.Fatal(err)
	}
	memo() // the facts are older than the statement
	var out bytes.Buffer
	asked := 0
	statement, err := w.agreed(&out, journal.Signers{}, aKey(t), func() string {
		if asked++; asked == 1 {
			memo()
		}
		return "dev"
	})
	if err != nil || asked != 2 {
		t.Fatalf("asked %d times: %v", asked, err)
	}
	now, err := journal.CommitmentOf(w.sum.Dir)
	if err != nil || statement.Commitment != now || w.run.Entries != now.N {
		t.Errorf("signed at %d, facts of %d, the log is at %d: %v", statement.N, w.run.Entries, now.N, err)
	}
	shown, again, ok := strings.Cut(out.String(), fmt.Sprintf("the run went on meanwhile, to entry %d", now.N))
	if !ok || !strings.Contains(again, statement.Text()) || !strings.Contains(shown, fmt.Sprintf("\nentry %d\n", now.N-1)) || strings.Contains(shown, fmt.Sprintf("\nentry %d\n", now.N-2)) {
		t.Errorf("shown was\n%s", out.String())
	}
	if _, err := w.agreed(&out, journal.Signers{}, aKey(t), func() string { return "y" }); !errors.As(err, new(*toldError)) {
		t.Errorf("signed by y: %v", err)
	}
}

func aKey(t *testing.T) journal.Identity {
	t.Helper()
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(private, "a test")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
		t.Fatal(err)
	}
	id, err := journal.KeyFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return id
}
