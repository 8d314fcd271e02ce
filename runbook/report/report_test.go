package report

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"runbook/runbook"
	"runbook/runbook/journal"
)

var update = flag.Bool("update", false, "write the golden files anew")

// deployed writes a deployment in which little went as the book has it.
func deployed(t *testing.T, dir string) *written {
	t.Helper()
	w := write(t, dir, shop, production, nil)
	w.add("phase.open", fields{"phase": "look"})
	w.check("config", "fail", fields{"reason": "it is not there"})
	w.check("config", "pass", fields{"evidence": []fields{{"label": "mode", "value": "0600", "limit": "0600"}, {"label": "age", "value": "3", "unit": "d", "limit": "<= 7"}}})
	w.check("disk", "warn", fields{"reason": "81 % is used", "evidence": []fields{{"label": "used", "value": "81", "unit": "%", "limit": "80"}}})
	w.check("mail", "fail", fields{"reason": "no answer", "waived": fields{"by": "eve", "ticket": "SEC-88", "until": "2026-12-31"}})
	w.check("spare", "unknown", fields{"reason": "not measured: no permission"})
	w.add("accept", fields{"step": "spare", "reason": "measured by other means: the graph", "was": "unknown"})
	w.add("var", fields{"name": "platform", "value": "docker"})
	w.add("ask", fields{"step": "platform", "kind": "decide", "answer": "docker", "by": "target"})
	w.add("note", fields{"text": "the graph is on the wiki"})
	w.add("phase.close", fields{"phase": "look"})
	w.add("phase.open", fields{"phase": "act"})
	w.add("run.intent", fields{"step": "migrate", "attempt": 1, "kind": "command", "argv": []string{"bash", "-euo", "pipefail", "-c", "npm run migrate\necho \"done\"\n"}, "dir": "/srv/shop", "env": []string{"IMAGE_TAG"}, "program": "/usr/bin/bash", "program_sha256": strings.Repeat("ab", 32)})
	w.put("steps/migrate.1/out.red", "one\ntwo: [redacted]\nerror: relation \"x\" exists\n")
	w.add("run.result", fields{"step": "migrate", "attempt": 1, "verdict": "fail", "reason": "exit 1", "outcome": "exited", "exit": 1, "out_bytes": 48, "out_sha256": sum([]byte("one\ntwo: [redacted]\nerror: relation \"x\" exists\n")), "source": "the verdict of its supervisor", "took_us": 41000000})
	why := "no key in the agent"
	w.session(&why, nil)
	w.add("byhand", fields{"step": "migrate", "who": "the DBA on call"})
	w.check("migrated", "pass", fields{"settles": "migrate"})
	w.add("skip", fields{"step": "migrated", "reason": "covered by step: migrate", "was": "pending"})
	w.add("run.intent", fields{"step": "restart", "attempt": 1, "kind": "command", "argv": []string{"restart", "it"}, "dir": "/srv/shop"})
	w.check("migrated", "pass", fields{"settles": "restart"})
	w.add("tell", fields{"step": "news", "to": "#ops", "via": "copied", "text_sha256": strings.Repeat("cd", 32)})
	w.add("phase.close", fields{"phase": "act"})
	w.add("phase.open", fields{"phase": "day"})
	w.add("watch", fields{"step": "errors", "slot": 0, "due": "2026-11-22T15:00:00.000Z", "verdict": "unknown", "took_us": 0})
	w.add("watch", fields{"step": "errors", "slot": 1, "due": "2026-11-22T16:00:00.000Z", "verdict": "pass", "took_us": 900})
	w.add("watch", fields{"step": "errors", "slot": 2, "to": 3, "due": "2026-11-22T17:00:00.000Z", "verdict": "unknown", "gap": true, "reason": "nobody watched", "took_us": 0})
	w.add("watch", fields{"step": "errors", "slot": 4, "due": "2026-11-22T19:00:00.000Z", "verdict": "fail", "reason": "4.1 % of answers are 5xx", "took_us": 900})
	return w
}

// finished ends that deployment with one sign-off and one word of mouth.
func finished(t *testing.T, dir string) *written {
	t.Helper()
	w := deployed(t, dir)
	w.add("skip", fields{"step": "errors", "reason": "the dashboard watches", "was": "running"})
	w.add("ask", fields{"step": "qa", "kind": "approve", "role": "qa", "answer": "approved", "value": "Mia said so in the channel"})
	w.signs("lead", journal.DecisionApprove, "rolls on")
	w.add("phase.close", fields{"phase": "day"})
	w.add("run.end", fields{"outcome": "finished"})
	w.close()
	return w
}

func (w *written) whole() *Account {
	w.t.Helper()
	a, err := Whole(w.t.Context(), w.dir, runbook.Verify(w.dir, w.policy()))
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

func (a *Account) in(t *testing.T, f Format) string {
	t.Helper()
	var b bytes.Buffer
	if err := a.Write(&b, f); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestGolden reports a run of testdata, whose log was once written and stays as
// it is, in every format. With -update it writes another one.
func TestGolden(t *testing.T) {
	t.Parallel()
	dir := filepath.Join("testdata", "run", "20261122T140000Z-shop-7f3a1c22")
	signers := filepath.Join("testdata", "allowed_signers")
	if *update {
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		w := finished(t, dir)
		data, err := os.ReadFile(w.file)
		if err == nil {
			err = os.WriteFile(signers, data, 0o600)
		}
		if err == nil {
			err = os.Remove(filepath.Join(dir, "lock")) // readers need none
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	w := &written{t: t, dir: dir, file: signers}
	a := w.whole()
	for _, f := range []Format{Markdown, HTML, JSON} {
		got, file := a.in(t, f), filepath.Join("testdata", "report."+string(f))
		if *update {
			if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s is not %s: write it anew with `go test ./runbook/report -update`, and look at the difference", f, file)
		}
		if again := w.whole().in(t, f); again != got {
			t.Errorf("%s is another one at the second time", f)
		}
	}
	if text, err := SHA256(dir, 0); err != nil || text != a.Log.Text {
		t.Errorf("what a sign-off names is %s, %v; the report says %s", text, err, a.Log.Text)
	}
}
