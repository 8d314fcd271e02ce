package report

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"runbook/runbook"
	"runbook/runbook/book"
	"runbook/runbook/journal"
)

// says wants each of the words in a text, in this order.
func says(t *testing.T, text string, words ...string) {
	t.Helper()
	rest := text
	for _, word := range words {
		_, after, found := strings.Cut(rest, word)
		if !found {
			t.Errorf("%q is not there, or not behind what should stand before it, in:\n%s", word, text)
			return
		}
		rest = after
	}
}

func TestOpenRun(t *testing.T) {
	t.Parallel()
	w := deployed(t, t.TempDir())
	defer w.close()
	says(t, w.whole().in(t, Markdown),
		"# OPEN: shop 1.8.2 on production, CHG-4711", "outcome: open, in day", "0 of 2 signed: lead missing, qa missing", "as of",
		"**RUNNING** errors", "**WAIVED** mail", "**BY HAND**", "Phase: day", "NOT CLOSED")
}

func TestStoppedRun(t *testing.T) {
	t.Parallel()
	w := deployed(t, t.TempDir())
	w.check("disk", "fail", fields{"reason": "99 % is used"})
	w.add("run.end", fields{"outcome": "stopped", "reason": "the window is over"})
	w.close()
	says(t, w.whole().in(t, Markdown), "# STOPPED: shop", "outcome: stopped: the window is over", "**FAILED** disk", "99 % is used")
}

func TestRolledBackRun(t *testing.T) {
	t.Parallel()
	w := deployed(t, t.TempDir())
	w.add("rollback.start", fields{"plan": "back"})
	w.add("phase.open", fields{"phase": "back"})
	w.add("run.intent", fields{"step": "revert", "attempt": 1, "kind": "command", "argv": []string{"revert"}, "dir": "/srv/shop"})
	w.add("run.result", fields{"step": "revert", "attempt": 1, "verdict": "pass", "outcome": "exited", "exit": 0, "took_us": 1})
	w.check("reverted", "pass", nil)
	w.add("phase.close", fields{"phase": "back"})
	w.add("run.end", fields{"outcome": "rolled back"})
	w.close()
	says(t, w.whole().in(t, Markdown),
		"# ROLLED BACK: shop", "**NOT ASKED** lead", "## Way back: Take it back", "the book says it takes 5 minutes; it loses: a column",
		"**passed** revert", "## Objectives", "this way back took ", " s: within", "## Phase: Before anything")
}

// TestRollbackOfItsOwn: nobody's sign-off is asked for, and no phase was walked.
func TestRollbackOfItsOwn(t *testing.T) {
	t.Parallel()
	w := write(t, t.TempDir(), shop, production, fields{"mode": "rollback", "of": "aaaa"})
	w.add("rollback.start", fields{"plan": "back"})
	w.close()
	text := w.whole().in(t, Markdown)
	says(t, text, "# OPEN: shop", "open, rolling back by back", "takes back run: aaaa", "**NOT ASKED** lead", "## Way back")
	if strings.Contains(text, "## Phase") {
		t.Errorf("a phase that was not walked is told:\n%s", text)
	}
}

// TestNoRun: a log without a run.start is none to report of, and says so.
func TestNoRun(t *testing.T) {
	t.Parallel()
	w := &written{t: t, dir: t.TempDir(), hash: map[string]string{}}
	w.put("book.toml", shop)
	w.put("target.toml", production)
	w.key, w.file = person(t)
	w.session(nil, nil)
	w.close()
	if _, err := Bytes(w.dir, 0); err == nil || !strings.Contains(err.Error(), "no run.start") {
		t.Errorf("a log with a session alone: %v", err)
	}
	if _, err := Bytes(t.TempDir(), 0); err == nil {
		t.Error("a report of an empty directory")
	}
}

// TestDamagedLog tells what can be read, that it is not all, and gives nobody
// anything to sign.
func TestDamagedLog(t *testing.T) {
	t.Parallel()
	w := finished(t, t.TempDir())
	whole := w.whole().Log.Entries
	path := filepath.Join(w.dir, "0002.jsonl")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 1
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	a := w.whole()
	if a.Intact() || a.Log.Entries >= whole || a.Log.Text != "" {
		t.Errorf("intact %t, %d of %d entries, to be signed as %q", a.Intact(), a.Log.Entries, whole, a.Log.Text)
	}
	for _, f := range []Format{Markdown, HTML, JSON} {
		says(t, a.in(t, f), "DAMAGED LOG")
	}
	if _, err := Bytes(w.dir, 0); err == nil {
		t.Error("a damaged log gave something to sign")
	}
	if _, err := Bytes(w.dir, 5); err != nil {
		t.Errorf("the entries before the damage: %v", err)
	}
}

// TestChangedCopy: what lies beside the log counts, too.
func TestChangedCopy(t *testing.T) {
	t.Parallel()
	w := finished(t, t.TempDir())
	if a := w.whole(); !a.Intact() || len(a.Outputs) != 1 {
		t.Fatalf("intact %t, outputs %v", a.Intact(), a.Outputs)
	}
	w.put("steps/migrate.1/out.red", "all is well\n")
	a := w.whole()
	if a.Intact() || len(a.Outputs) != 0 {
		t.Errorf("a changed output is shown: intact %t, %v", a.Intact(), a.Outputs)
	}
	says(t, a.in(t, HTML), "NOT INTACT", "steps/migrate.1/out.red")
}

// TestReportOfAnEntry: what was signed can be made again once the log has grown,
// and depends on nothing that came later.
func TestReportOfAnEntry(t *testing.T) {
	t.Parallel()
	w := deployed(t, t.TempDir())
	n, _ := w.log.Head()
	before, err := Bytes(w.dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	w.signs("lead", journal.DecisionReject, "not so")
	w.add("note", fields{"text": "later"})
	w.signs("lead", journal.DecisionWithdraw, "it was mended")
	w.signs("lead", journal.DecisionApprove, "")
	w.close()
	after, err := Bytes(w.dir, n)
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("the report of entry %d has changed, %v", n, err)
	}
	if _, err := Bytes(w.dir, 4000); err == nil {
		t.Error("a report of an entry that is not there")
	}
	a := w.whole()
	if s := a.Signoffs[0]; s.State != signed || len(s.Decisions) != 3 {
		t.Errorf("the lead's word is told as %+v", s)
	}
	for _, d := range a.Signoffs[0].Decisions {
		if d.Report != "as this log gives it" || d.Identity != "ana@example.com" || d.Fault != "" {
			t.Errorf("a decision is told as %+v", d)
		}
	}
}

// TestStrangersSignature is no sign-off for who does not know the key.
func TestStrangersSignature(t *testing.T) {
	t.Parallel()
	w := finished(t, t.TempDir())
	_, w.file = person(t)
	a := w.whole()
	if a.Signoffs[0].State != unverified || !a.Intact() {
		t.Errorf("state %q, intact %t", a.Signoffs[0].State, a.Intact())
	}
	says(t, a.in(t, HTML), "SIGNED, NOT VERIFIED", "DOES NOT COUNT")
}

// TestNewerEntries: kinds that a newer version wrote are named, and the rest is
// told.
func TestNewerEntries(t *testing.T) {
	t.Parallel()
	w := deployed(t, t.TempDir())
	w.add("omen", fields{"text": "a raven"})
	w.close()
	says(t, w.whole().in(t, Markdown), "# OPEN", "INCOMPLETE: a newer version wrote entries that this one does not know: omen")
}

const canary = "s3cret-canary-value"

// TestNoSecret drives a real run whose command prints a secret and fails.
func TestNoSecret(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b, err := book.Read([]byte(`
schema = 1
name = "leak"
[vars]
token = { secret = true }
[[phase]]
id = "act"
  [[phase.step]]
  id = "leak"
  effect = "none"
  run.command = { sh = 'echo "the token is $TOKEN"; exit 3', secrets = ["token"] }
`), "leak.toml")
	if err != nil {
		t.Fatal(err)
	}
	secret := filepath.Join(dir, "token")
	if err := os.WriteFile(secret, []byte(canary), 0o600); err != nil {
		t.Fatal(err)
	}
	on, err := book.ReadTarget(fmt.Appendf(nil, "name = \"here\"\ndir = %q\npath = \"/usr/bin:/bin\"\n[secret.token]\nfile = %q\n", dir, secret), "here.toml")
	if err != nil {
		t.Fatal(err)
	}
	world, err := runbook.NewWorld(on)
	if err != nil {
		t.Fatal(err)
	}
	s, err := runbook.Start(t.Context(), runbook.StartOptions{
		Runs: filepath.Join(dir, "runs"), Book: b, Target: on, World: world, Mode: runbook.ModeDeploy, Log: journal.Options{NoIdentity: "a test"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Do(t.Context(), runbook.Intent{Kind: runbook.RunStep, Step: "leak"}); err != nil {
		t.Fatal(err)
	}
	run := s.State().Dir
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	w := &written{t: t, dir: run}
	_, w.file = person(t)
	a := w.whole()
	for _, f := range []Format{Markdown, HTML, JSON} {
		if text := a.in(t, f); strings.Contains(text, canary) || !strings.Contains(text, "the token is [redacted]") {
			t.Errorf("%s holds the secret, or not what was printed:\n%s", f, text)
		}
	}
}

// entry is one as a log that was read holds it.
func entry(n uint64, kind, body string) journal.Entry {
	return journal.Entry{Run: strings.Repeat("7f", 16), N: n, Kind: kind, Body: []byte(body), Head: journal.Zeros, Time: time.Unix(int64(n), 0)}
}

// TestLongRun: many steps cost no more than in proportion. It runs alone: the
// memory that is counted is the process's.
func TestLongRun(t *testing.T) { longRun(t, 1000) }

func longRun(t *testing.T, many int) {
	t.Helper()
	var text strings.Builder
	text.WriteString("schema = 1\nname = \"shop\"\n[[phase]]\nid = \"look\"\n")
	for i := range many {
		fmt.Fprintf(&text, "  [[phase.step]]\n  id = \"s%d\"\n  check.file = { path = \"f%d\" }\n", i, i)
	}
	b, err := book.Read([]byte(text.String()), "shop.toml")
	if err != nil {
		t.Fatal(err)
	}
	l := &source{dir: t.TempDir(), book: b, target: &book.Target{Name: "here"}, entries: []journal.Entry{entry(1, "session", `{}`), entry(2, "run.start", `{"book":"shop"}`), entry(3, "phase.open", `{"phase":"look"}`)}}
	for i := range many {
		body := fmt.Sprintf(`{"evidence":[{"label":"mode","value":"0600"}],"step":"s%d","took_us":5,"verdict":"pass"}`, i)
		l.entries = append(l.entries, entry(uint64(i+4), "check", body))
	}
	a, _, err := l.account(0)
	if err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for f, most := range map[Format]int{Markdown: 200, HTML: 500, JSON: 1200} {
		if size := len(a.in(t, f)); size > many*most || size < many*20 {
			t.Errorf("%s has %d bytes a step", f, size/many)
		}
	}
	if runtime.ReadMemStats(&after); (after.TotalAlloc-before.TotalAlloc)/uint64(many) > 256<<10 {
		t.Errorf("%d bytes of memory a step", (after.TotalAlloc-before.TotalAlloc)/uint64(many))
	}
}
