package bundle_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"runbook/runbook/bundle"
	"runbook/runbook/journal"
)

// TestScriptAgreesOnHandOver has somebody take a run over who signs it, and who
// is then let, not let and revoked; and somebody who does not sign.
func TestScriptAgreesOnHandOver(t *testing.T) {
	t.Parallel()
	box := toolbox(t)
	o := open(t)
	delete(o.start, "signoffs")
	o.add("run.start", o.start)
	ask, err := journal.AskHandOver(o.dir, time.Now())
	must(t, err)
	signed, err := ask.Sign(o.qa.id)
	must(t, err)
	o.add(journal.KindHandover, signed)
	o.reopen(o.dev)
	o.add(journal.KindHandover, map[string]string{"to": "bob", "STMT": "of another name"})
	o.reopen(o.dev)
	o.add(journal.KindRunEnd, nil)
	o.agree("by whom nobody lets", 4, box)
	put(t, o.signers, o.dev.signs("session@runbook-log")+o.qa.signs("session@runbook-log"))
	o.agree("by whom signers let", 0, box)
	put(t, o.revoked, o.qa.public)
	o.agree("by whose key is revoked", 4, box)
	put(t, o.revoked, "")

	must(t, o.log.Close())
	dir, err := bundle.Unpack(bytes.NewReader(o.write()), t.TempDir())
	must(t, err)
	for _, name := range []string{"statements/3-hand-over.txt", "statements/3-hand-over.txt.sig"} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if want := map[bool]string{true: signed.Stmt, false: signed.SSHSig}[filepath.Ext(name) == ".txt"]; err != nil || string(data) != want {
			t.Errorf("%s holds %q, %v", name, data, err)
		}
	}
	must(t, os.Remove(filepath.Join(dir, "statements/3-hand-over.txt.sig")))
	if err := bundle.Check(dir, nil); err == nil {
		t.Error("an export without the signature of a hand-over passes")
	}
}
