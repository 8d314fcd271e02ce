package journal

import (
	"crypto/ed25519"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

// pieces of lines of allowed_signers, right and wrong; KEY is the key that
// signs, OTHER is not.
var (
	somePrincipals = []string{"ann", "ann,bob@example.com", `"ann smith"`, "*", "*@example.com", "!ann,ann", `""`, "an?", "ann,", `"ann`, "!bob*,*"}
	someOptions    = []string{
		"", "", "", `namespaces="signoff.qa@runbook-log"`, `namespaces="signoff.*@runbook-log"`, `namespaces="!signoff.qa@runbook-log,*"`,
		`namespaces="*,!signoff.qa@*"`, `namespaces="git"`, `namespaces="signoff.q?@runbook-log"`, `namespaces="signoff.[qa]@runbook-log"`, `namespaces="signoff.qa@runbook-log "`,
		`namespaces="git, signoff.qa@runbook-log"`, `namespaces=signoff.qa@runbook-log`, `NAMESPACES="signoff.qa@runbook-log"`, `namespaces="SIGNOFF.QA@runbook-log"`,
		`namespaces="git",namespaces="signoff.qa@runbook-log"`, `namespaces="signoff.qa@runbook-log",namespaces="git"`, `namespaces=""`, `namespaces="*"`, `namespaces="**"`, `namespaces="\*"`, `namespaces="git\",signoff.qa@runbook-log"`,
		`valid-before="20260101Z"`, `valid-before="20270101"`, `valid-after="20260101"`, `valid-after="20270101Z"`, `valid-after="20270101",valid-before="20260101"`,
		`valid-before="202612312359"`, `valid-before="20261231235959Z"`, `valid-before="20261122070102Z"`, `valid-after="20261122070102Z"`, `valid-before="2026"`, `valid-before="20261301"`, `valid-before="never"`, `valid-before=""`,
		`valid-before="20270101",valid-before="20280101"`, `valid-before="20260101",valid-before="20280101"`, `valid-after="20260101Z",namespaces="signoff.*",valid-before="20270101Z"`,
		"cert-authority", `cert-authority,namespaces="*"`, `no-pty`, `from="10.0.0.1"`, `namespaces`, `valid-after`, `touch-required`, `verify-required`, `"namespaces=git"`, `,`, `namespaces="*",`,
	}
	someKeys  = []string{"KEY", "KEY", "KEY ann's key", "OTHER", "KEY x\"y", "ssh-ed25519 AAAA", "ssh-rsa BLOB", "KEY #", "", "BLOB", "KEY\r", "KEY\rOTHER"}
	someSpace = []string{" ", " ", " ", "\t", "  ", " \t "}
)

// TestSignersAreReadAsOpenSSHReadsThem makes up files of allowed_signers. Whom
// we take, ssh-keygen takes; whom it takes and we don't, is in a file that we
// refuse to read, since it holds what we don't know.
func TestSignersAreReadAsOpenSSHReadsThem(t *testing.T) {
	t.Parallel()
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	s, other := plainKey(t, key, ssh.KeyAlgoED25519), fidoKey(t, ssh.KeyAlgoSKED25519, 1)
	text := func(k ssh.PublicKey) string { return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(k))) }
	blob := strings.Fields(text(s.public))[1]
	namespace, at := SignoffNamespace(Real, "qa"), time.Date(2026, 11, 22, 7, 1, 2, 0, time.UTC)
	armored := s.armored(namespace, "a text\n")
	dir := t.TempDir()
	random := rand.New(rand.NewPCG(7, 22)) // of the same files each time
	pick := func(list []string) string { return list[random.IntN(len(list))] }
	taken, refused, unread := 0, 0, 0
	for i := range 100 {
		var lines []string
		for range 1 + random.IntN(2) {
			options := pick(someOptions)
			if options != "" {
				options += pick(someSpace)
			}
			lines = append(lines, pick([]string{"", "", "", " ", "\t"})+pick(somePrincipals)+pick(someSpace)+options+pick(someKeys))
		}
		file := filepath.Join(dir, fmt.Sprint(i))
		put(t, file, []byte(strings.NewReplacer("KEY", text(s.public), "OTHER", text(other.public), "BLOB", blob).Replace(strings.Join(lines, "\n")+"\n")))
		theirs := keygenSays(t, file, namespace, armored, "a text\n", []string{"-Overify-time=20261122070102Z"}, "ann", "bob@example.com", "ann smith", "")
		signers, err := ReadSigners(file)
		who := ""
		if err == nil {
			who, err = signers.Principal(s.public, namespace, at)
		}
		switch ours := err == nil; {
		case ours && !theirs:
			t.Errorf("we take %q, ssh-keygen does not: %q", who, lines)
		case !ours && theirs && signers.Given():
			t.Errorf("ssh-keygen takes it, and we don't (%v): %q", err, lines)
		case !signers.Given():
			unread++
		case ours:
			taken++
		default:
			refused++
		}
	}
	if taken == 0 || refused == 0 || unread == 0 {
		t.Errorf("taken %d, refused %d, not read %d: one of them was not tried", taken, refused, unread)
	}
}
