package report

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"runbook/runbook/book"
	"runbook/runbook/journal"
)

// shop is a book with every verb, a way back and sign-offs.
const shop = `
schema = 1
name = "shop"
title = "Deploy the shop"
[vars]
image_tag = { required = true, title = "release" }
platform = { title = "where it runs" }
token = { secret = true }
[[phase]]
id = "look"
title = "Before anything"
  [[phase.step]]
  id = "config"
  title = "Configuration is there"
  critical = true
  check.file = { path = "config" }
  [[phase.step]]
  id = "disk"
  check.file = { path = "disk" }
  [[phase.step]]
  id = "mail"
  check.file = { path = "mail" }
  [[phase.step]]
  id = "spare"
  check.file = { path = "spare" }
  [[phase.step]]
  id = "platform"
  ask.decide = { var = "platform", choices = ["docker", "node"] }
  [[phase.step]]
  id = "pods"
  when = { platform = "node" }
  check.file = { path = "pods" }
[[phase]]
id = "act"
title = "Deployment"
style = "read-do"
  [[phase.step]]
  id = "migrate"
  title = "Run the migrations"
  undo = "revert"
  verify = "migrated"
  run.command = { sh = "echo migrate" }
  [[phase.step]]
  id = "migrated"
  check.file = { path = "migrated" }
  [[phase.step]]
  id = "restart"
  undo = "none: it starts again"
  verify = "migrated"
  run.command = { argv = ["restart", "it"] }
  [[phase.step]]
  id = "news"
  tell.message = { to = "#ops", text = "out" }
[[phase]]
id = "day"
  [[phase.step]]
  id = "errors"
  watch = { every = "1h", for = "6h", failures = 1, check.file = { path = "errors" } }
  [[phase.step]]
  id = "lead"
  ask.approve = { role = "lead", scope = "run", question = "Is it well?" }
  [[phase.step]]
  id = "qa"
  ask.approve = { role = "qa", scope = "run", question = "Was it tested?" }
[[plan]]
id = "back"
title = "Take it back"
loses = "a column"
takes = "5 minutes"
  [[plan.step]]
  id = "revert"
  undo = "none: it is the way back"
  verify = "reverted"
  run.command = { argv = ["revert"] }
  [[plan.step]]
  id = "reverted"
  check.file = { path = "migrated", exists = false }
[[objective]]
scenario = "Release fails"
rto = "5m"
rpo = "0"
[[signoff]]
role = "lead"
title = "The lead"
scope = "run"
[[signoff]]
role = "qa"
title = "QA"
scope = "run"
distinct = true
`

const production = `
name = "production"
guard = true
dir = "/srv/shop"
path = "/usr/bin:/bin"
[[require]]
name = "change_ticket"
title = "change ticket"
[[waiver]]
step = "mail"
until = "2026-12-31"
ticket = "SEC-88"
by = "eve"
`

// written is a run whose log a test writes itself: entries at a second's
// distance, from a fixed time on.
type written struct {
	t    *testing.T
	dir  string
	log  *journal.Log
	key  journal.Identity
	file string // allowed_signers with that key as ana@example.com, for all roles
	now  time.Time
	hash map[string]string
}

// fields is the body of an entry.
type fields = map[string]any

// write begins a run of a book on a target, up to its run.start.
func write(t *testing.T, dir, bookText, targetText string, start fields) *written {
	t.Helper()
	w := &written{t: t, dir: dir, now: time.Date(2026, 11, 22, 14, 0, 0, 0, time.UTC), hash: map[string]string{}}
	for name, text := range map[string]string{"book.toml": bookText, "target.toml": targetText} {
		w.put(name, text)
		sum := sha256.Sum256([]byte(text))
		w.hash[name] = hex.EncodeToString(sum[:])
	}
	w.key, w.file = person(t)
	w.session(nil, nil)
	body := fields{
		"book": "shop", "book_file": "embedded:shop", "book_sha256": w.hash["book.toml"],
		"target": "production", "target_file": "/etc/runbook/targets/production.toml", "target_sha256": w.hash["target.toml"],
		"mode": "deploy", "world": "real", "guard": true, "demands": []string{"change_ticket"},
		"vars":     fields{"image_tag": "1.8.2", "change_ticket": "CHG-4711"},
		"signoffs": []fields{{"role": "lead", "scope": "run"}, {"role": "qa", "scope": "run", "distinct": true}},
	}
	maps.Copy(body, start)
	w.add("run.start", body)
	return w
}

// person makes a key, and the allowed_signers of who knows it.
func person(t *testing.T) (key journal.Identity, signers string) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "key")
	if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
		t.Fatal(err)
	}
	if key, err = journal.KeyFile(path); err != nil {
		t.Fatal(err)
	}
	line, err := ssh.NewPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	signers = filepath.Join(dir, "allowed_signers")
	text := `ana@example.com namespaces="session@runbook-log,signoff.lead@runbook-log" ` + string(ssh.MarshalAuthorizedKey(line))
	if err := os.WriteFile(signers, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return key, signers
}

// session goes on with the run in a session of its own; by nobody's key if
// there is a reason why, with more claims then.
func (w *written) session(why *string, claims map[string]string) {
	w.t.Helper()
	o := journal.Options{World: journal.Real, Claims: map[string]string{"user": "ana", "host": "bastion1", "tty": "pts/3"}, Tool: "runbook test", Now: w.tick}
	if why == nil {
		o.Identity = w.key
	} else {
		o.NoIdentity, o.Claims = *why, map[string]string{"user": "bob", "host": "bastion1"}
		maps.Copy(o.Claims, claims)
	}
	var err error
	if w.log == nil {
		o.Run = "7f3a1c22000000000000000000000000"
		w.log, err = journal.Create(w.dir, o)
	} else {
		w.close()
		w.log, _, err = journal.Open(w.dir, o)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *written) tick() time.Time {
	w.now = w.now.Add(time.Second)
	return w.now
}

func (w *written) close() {
	w.t.Helper()
	if err := w.log.Close(); err != nil {
		w.t.Fatal(err)
	}
}

func (w *written) add(kind string, body fields) {
	w.t.Helper()
	if _, err := w.log.Append(w.t.Context(), kind, body); err != nil {
		w.t.Fatalf("%s: %v", kind, err)
	}
}

func (w *written) put(name, text string) {
	w.t.Helper()
	path := filepath.Join(w.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// check writes a look at a step.
func (w *written) check(step, verdict string, more fields) {
	w.t.Helper()
	body := fields{"step": step, "verdict": verdict, "took_us": 1200, "where": "app1:/srv/shop"}
	maps.Copy(body, more)
	w.add("check", body)
}

// signs writes a sign-off of the run by the key of ana.
func (w *written) signs(role, decision, note string) {
	w.t.Helper()
	c := w.log.Commitment()
	text, err := SHA256(w.dir, c.N)
	if err != nil {
		w.t.Fatal(err)
	}
	s := journal.Signoff{
		World: journal.Real, Run: w.log.Run(), Role: role, Scope: journal.ScopeRun, Decision: decision,
		Book: "shop", BookSHA: w.hash["book.toml"], Target: "production", TargetSHA: w.hash["target.toml"], Mode: "deploy",
		Commitment: c, ReportSHA: text, Note: note, Time: w.now,
	}
	armored, err := w.key.Sign(journal.SignoffNamespace(s.World, role), []byte(s.Text()))
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := w.log.Attest(w.t.Context(), journal.Attest{Principal: "ana@example.com", SSHSig: armored, Stmt: s.Text(), Via: "agent"}); err != nil {
		w.t.Fatal(err)
	}
}

// policy knows ana.
func (w *written) policy() journal.Policy {
	w.t.Helper()
	signers, err := journal.ReadSigners(w.file)
	if err != nil {
		w.t.Fatal(err)
	}
	return journal.Policy{Signers: signers}
}

// TestFixtureIsABook holds the book of these tests against the reader of books.
func TestFixtureIsABook(t *testing.T) {
	t.Parallel()
	if _, err := book.Read([]byte(shop), "shop.toml"); err != nil {
		t.Error(err)
	}
	if _, err := book.ReadTarget([]byte(production), "production.toml"); err != nil {
		t.Error(err)
	}
}
