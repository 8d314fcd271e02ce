package report

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"runbook/runbook/journal"
)

// TestHandedTo: who took a run over is a name that somebody claims, and a key.
func TestHandedTo(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "key")
	if out, err := exec.CommandContext(t.Context(), "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", file).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	id, err := journal.KeyFile(file)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := journal.HandOver{World: journal.Real, Run: strings.Repeat("7f", 16), Time: time.Now().Truncate(time.Second).UTC()}.Sign(id)
	if err != nil {
		t.Fatal(err)
	}
	claims := map[string]string{"user": "root"}
	for name, c := range map[string]struct {
		body map[string]any
		want string
	}{
		"signed":   {map[string]any{"to": "bob@example.com", "claims": claims, "stmt": signed.Stmt, "sshsig": signed.SSHSig}, "bob@example.com, signed by ssh-ed25519 " + ssh.FingerprintSHA256(id.PublicKey())},
		"left out": {map[string]any{"to": "root on pts/5", "claims": claims, "unsigned": "not in allowed_signers"}, "root, unsigned: not in allowed_signers"},
		"by hand":  {map[string]any{"to": "root on pts/5"}, "root on pts/5"},
	} {
		body, err := json.Marshal(c.body)
		if err != nil {
			t.Fatal(err)
		}
		if got := handedTo(journal.Entry{Kind: journal.KindHandover, Body: body}); got != c.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}
