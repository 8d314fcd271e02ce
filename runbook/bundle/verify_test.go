package bundle_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"runbook/runbook"
	"runbook/runbook/journal"
)

// tools are all that VERIFY.sh may use: OpenSSH, coreutils, jq.
var tools = []string{
	"jq", "ssh-keygen", "base32", "base64", "cat", "cp", "cut", "date", "dirname", "head", "mkdir", "mktemp", "mv", "od", "paste", "realpath",
	"rm", "sha256sum", "sort", "split", "tail", "tr", "wc",
}

// toolbox is a directory that holds them and nothing else.
func toolbox(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range tools {
		path, err := exec.LookPath(name)
		if err != nil {
			t.Skipf("no %s on this machine", name)
		}
		must(t, os.Symlink(path, filepath.Join(dir, name)))
	}
	return dir
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func put(t *testing.T, path, text string) {
	t.Helper()
	must(t, os.WriteFile(path, []byte(text), 0o600))
}

// person has a real key.
type person struct {
	name, public string
	id           journal.Identity
}

func newPerson(t *testing.T, name, kind string) person {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	out, err := exec.CommandContext(t.Context(), "ssh-keygen", "-q", "-t", kind, "-N", "", "-C", name, "-f", path).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	id, err := journal.KeyFile(path)
	must(t, err)
	return person{name, string(ssh.MarshalAuthorizedKey(id.PublicKey())), id}
}

// signs is a line of allowed_signers.
func (p person) signs(spaces ...string) string {
	return fmt.Sprintf("%s@example.com namespaces=%q %s", p.name, strings.Join(spaces, ","), p.public)
}

// office is a run that roles sign, and the verifier's files.
type office struct {
	t                     *testing.T
	dir, signers, revoked string
	heads                 string // none if empty
	log                   *journal.Log
	dev, qa, eve          person
	start                 map[string]any
}

func sum(text string) string {
	h := sha256.Sum256([]byte(text))
	return hex.EncodeToString(h[:])
}

// open begins a run whose roles dev and qa must sign; qa with a key of its own.
func open(t *testing.T) *office {
	t.Helper()
	o := &office{
		t: t, dir: filepath.Join(t.TempDir(), "run"), dev: newPerson(t, "dev", "ed25519"), qa: newPerson(t, "qa", "ecdsa"), eve: newPerson(t, "eve", "ed25519"),
	}
	o.signers, o.revoked = filepath.Join(t.TempDir(), "allowed_signers"), filepath.Join(t.TempDir(), "revoked")
	put(t, o.signers, "# who may sign\n"+
		o.dev.signs("session@runbook-log", "signoff.dev@runbook-log", "signoff.qa@runbook-log")+o.qa.signs("signoff.qa@runbook-log"))
	put(t, o.revoked, "")
	must(t, os.Mkdir(o.dir, 0o700))
	put(t, filepath.Join(o.dir, "book.toml"), "book")
	put(t, filepath.Join(o.dir, "target.toml"), "target")
	o.start = map[string]any{
		"book": "rows", "book_file": "rows.toml", "book_sha256": sum("book"), "target": "here", "target_file": "here.toml", "target_sha256": sum("target"),
		"mode": "deploy", "world": "real", "vars": map[string]string{"text": "a\u2028b\u007f\\u007f é <&> \b\x01"},
		"signoffs": []journal.Required{{Role: "dev", Scope: "run"}, {Role: "qa", Scope: "run", Distinct: true}},
	}
	log, err := journal.Create(o.dir, journal.Options{World: journal.Real, Identity: o.dev.id, Tool: "test"})
	must(t, err)
	o.log = log
	t.Cleanup(func() { _ = o.log.Close() })
	return o
}

func (o *office) add(kind string, body any) {
	o.t.Helper()
	_, err := o.log.Append(context.Background(), kind, body)
	must(o.t, err)
}

// reopen goes on with a session of somebody else's.
func (o *office) reopen(who person) {
	o.t.Helper()
	must(o.t, o.log.Close())
	log, _, err := journal.Open(o.dir, journal.Options{Identity: who.id, Tool: "test"})
	must(o.t, err)
	o.log = log
}

func (o *office) attest(who person, role, decision string, change ...func(*journal.Signoff)) {
	o.t.Helper()
	s := journal.Signoff{
		World: journal.Real, Run: o.log.Run(), Role: role, Scope: journal.ScopeRun, Decision: decision,
		Book: "rows", BookSHA: sum("book"), Target: "here", TargetSHA: sum("target"), Mode: "deploy",
		Commitment: o.log.Commitment(), ReportSHA: sum("report"), Note: "said \"yes\", \\ ü\u2028 \x01", Time: time.Now().Truncate(time.Second).UTC(),
	}
	for _, f := range change {
		f(&s)
	}
	armored, err := who.id.Sign(journal.SignoffNamespace(s.World, s.Role), []byte(s.Text()))
	must(o.t, err)
	_, err = o.log.Attest(context.Background(), journal.Attest{Stmt: s.Text(), SSHSig: armored, Via: "agent"})
	must(o.t, err)
}

// finish is a whole run: started, worked on in two sessions, ended, signed.
func finish(t *testing.T) *office {
	t.Helper()
	o := open(t)
	o.add("run.start", o.start)
	o.add("note", map[string]any{"text": "x", "list": []any{1, nil, true, map[string]any{}}, "big": 1 << 50, "": ""})
	o.reopen(o.dev)
	o.attest(o.dev, "dev", journal.DecisionApprove)
	o.add("run.end", map[string]any{"outcome": "finished"})
	o.reopen(o.eve) // adds statements of others only: nobody need vouch for it
	o.attest(o.qa, "qa", journal.DecisionApprove)
	return o
}

// agree holds the script against our own verifier: the four words, and the code.
func (o *office) agree(name string, want int, box string) (ours, theirs string) {
	o.t.Helper()
	signers, err := journal.ReadSigners(o.signers)
	must(o.t, err)
	revoked, err := journal.ReadRevoked(o.revoked)
	must(o.t, err)
	policy, args := journal.Policy{Signers: signers, Revoked: revoked}, []string{filepath.Join(o.dir, "VERIFY.sh"), o.signers, o.revoked}
	if o.heads != "" {
		policy.Anchors, err = journal.ReadAnchors(o.heads, o.log.Run())
		must(o.t, err)
		args = append(args, o.heads)
	}
	report := runbook.Verify(o.dir, policy)
	script, err := os.ReadFile("VERIFY.sh")
	must(o.t, err)
	must(o.t, os.WriteFile(filepath.Join(o.dir, "VERIFY.sh"), script, 0o700))
	cmd := exec.CommandContext(o.t.Context(), "/bin/sh", args...)
	cmd.Env = []string{"PATH=" + box, "TMPDIR=" + o.t.TempDir()}
	out, err := cmd.CombinedOutput()
	code := 0
	if exit := new(exec.ExitError); errors.As(err, &exit) {
		code = exit.ExitCode()
	} else {
		must(o.t, err)
	}
	ours, theirs = strings.Join(report.Lines(), "\n"), string(out)
	if report.Exit() != want || code != want || words(ours) != words(theirs) {
		o.t.Errorf("%s: want exit %d\nwe  exit %d %s\n%s\nit  exit %d %s\n%s", name, want, report.Exit(), words(ours), ours, code, words(theirs), theirs)
	}
	return ours, theirs
}

// words are the four verdicts without what they rest on.
func words(lines string) string {
	var all []string
	for line := range strings.Lines(lines) {
		if word, _, verdict := strings.Cut(strings.TrimSpace(line), "  "); verdict {
			all = append(all, word)
		}
	}
	return strings.Join(all, ", ")
}

func TestScriptAgreesOnSignoffs(t *testing.T) {
	t.Parallel()
	box := toolbox(t)
	o := finish(t)
	o.agree("whole", 0, box)
	o.attest(o.qa, "qa", journal.DecisionReject)
	o.agree("rejected", 3, box)
	o.attest(o.dev, "qa", journal.DecisionApprove)
	o.agree("rejected, and another approves", 3, box)
	o.attest(o.qa, "qa", journal.DecisionWithdraw)
	o.agree("withdrawn, and the other signs dev already", 3, box)
	o.attest(o.qa, "qa", journal.DecisionApprove)
	o.agree("approved in the end", 0, box)
	o.attest(o.qa, "qa", journal.DecisionReject, func(s *journal.Signoff) { s.Time = s.Time.Add(-time.Hour) })
	o.agree("what was said before, handed in late", 3, box)
	o.attest(o.qa, "qa", journal.DecisionApprove)
	put(t, o.revoked, o.qa.public)
	if ours, theirs := o.agree("revoked", 4, box); !strings.Contains(ours, "is revoked") || !strings.Contains(theirs, "qa at entry 8 whose key is revoked, ") || strings.Contains(theirs, "NOBODY") {
		t.Errorf("revoked:\n%s\n%s", ours, theirs)
	}
	put(t, o.revoked, "")
	put(t, o.signers, o.dev.signs("session@runbook-log", "signoff.dev@runbook-log")+o.qa.signs("session@runbook-log"))
	o.agree("wrong role", 4, box)
	put(t, o.signers, o.dev.signs("signoff.*@runbook-log")+o.qa.signs("signoff.qa@runbook-log"))
	o.agree("sessions of nobody", 4, box)
	put(t, o.signers, "")
	o.agree("nobody", 4, box)
	put(t, o.signers, "*@example.com,x@example.com valid-before=\"20200101\" "+o.dev.public+"* "+o.dev.public+"* "+o.qa.public)
	o.agree("patterns, and a line that has expired", 0, box)
}

func TestScriptAgreesOnTerms(t *testing.T) {
	t.Parallel()
	box := toolbox(t)
	o := open(t)
	o.agree("no start", 3, box)
	o.add("run.start", o.start)
	o.attest(o.dev, "dev", journal.DecisionApprove, func(s *journal.Signoff) { s.Mode = "rollback" })
	o.agree("open, and names another mode", 4, box)
	o.attest(o.dev, "dev", journal.DecisionApprove, func(s *journal.Signoff) { s.Scope = "phase:x" })
	again := maps.Clone(o.start)
	delete(again, "signoffs")
	o.add("run.start", again)
	o.add("run.end", nil)
	o.attest(o.qa, "qa", journal.DecisionApprove)
	o.agree("another scope, and begun twice", 4, box)
	never := open(t)
	never.add("run.end", nil)
	never.agree("never begun", 3, box)
	unread := open(t)
	unread.start["book"] = 1
	unread.add("run.start", unread.start)
	unread.agree("begun with what can't be read", 1, box)
	back := open(t)
	back.add("run.start", back.start)
	back.agree("a deployment that is under way", 3, box)
	back.attest(back.dev, "dev", journal.DecisionReject)
	back.attest(back.qa, "qa", journal.DecisionReject)
	back.attest(back.qa, "qa", journal.DecisionWithdraw)
	back.add("rollback.start", map[string]string{"plan": "back"})
	back.add("rollback.start", map[string]string{"plan": "further back"})
	back.add("run.end", nil)
	ours, theirs := back.agree("rolled back: nobody has to sign", 0, box)
	if want := "run.end is there; it went back at entry 6, so nobody has to sign; rejected at entry 3 by dev@example.com as dev (run)\n"; !strings.Contains(ours, want) {
		t.Errorf("rolled back it says\n%s", ours)
	}
	if want := "run.end is there, it went back at entry 6 and nobody has to sign, dev (run) rejected\n"; !strings.Contains(theirs, want) {
		t.Errorf("of what was rolled back the script says\n%s", theirs)
	}
	other := open(t)
	other.add("run.start", other.start)
	other.add("run.end", nil)
	other.attest(other.qa, "qa", journal.DecisionApprove)
	other.agree("a role is missing", 3, box)
	put(t, filepath.Join(other.dir, "book.toml"), "another")
	other.agree("another book", 1, box)
}

// TestScriptAgreesOnDamage changes bytes, lines and files of a whole run; the
// fault series has the rest of the changes, and of the bits.
func TestScriptAgreesOnDamage(t *testing.T) {
	t.Parallel()
	d := wreck(t)
	d.change(d.changes()[:often])
	o := d.office
	must(t, os.Rename(d.file(2), d.file(9)))
	o.agree("a segment is missing", 1, d.box)
	must(t, os.Rename(d.file(9), d.file(2)))
	must(t, os.Rename(d.file(3), d.file(3)+".x"))
	o.agree("the last segment is missing", 3, d.box)
	must(t, os.Symlink(filepath.Base(d.file(3))+".x", d.file(3)))
	o.agree("a link", 2, d.box)
}

// TestScriptAgreesOnFlips turns over single bits.
func TestScriptAgreesOnFlips(t *testing.T) {
	t.Parallel()
	wreck(t).flip(2)
}
