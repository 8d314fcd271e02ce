package report

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"runbook/runbook"
	"runbook/runbook/journal"
)

// takesIn goes on as who hands in a sign-off does: by nobody's key.
func (w *written) takesIn() {
	w.t.Helper()
	why := "it only takes in a sign-off"
	w.session(&why, map[string]string{runbook.ClaimOnly: "sign-off"})
}

// TestHowToVerify runs the line that a report gives, beside the log, then and
// after others have signed.
func TestHowToVerify(t *testing.T) {
	t.Parallel()
	w := deployed(t, t.TempDir())
	first := w.whole()
	w.takesIn()
	w.signs("lead", journal.DecisionApprove, "")
	second := w.whole()
	w.takesIn()
	w.signs("lead", journal.DecisionWithdraw, "")
	w.signs("lead", journal.DecisionApprove, "")
	w.close()
	entries, err := journal.Read(w.dir)
	if err != nil {
		t.Fatal(err)
	}
	accounts := []*Account{first, second, w.whole()}
	for _, e := range entries[2:] { // the second is run.start
		a, err := upTo(w.dir, e.N)
		if err != nil {
			t.Fatal(err)
		}
		accounts = append(accounts, a)
	}
	for _, a := range accounts {
		line := a.how()[2]
		shell := exec.CommandContext(t.Context(), "sh", "-c", line)
		shell.Dir = w.dir
		out, err := shell.CombinedOutput()
		if err != nil || !strings.HasPrefix(string(out), a.Log.Head+" ") || !strings.HasSuffix(line, a.Log.Head) {
			t.Errorf("of entry %d `%s` says %s, %v", a.Log.Entries, line, out, err)
		}
	}
}

// TestWhoNeedNotSign: a session that took in what others signed needs nobody's
// key, and says what it did; one that drove does.
func TestWhoNeedNotSign(t *testing.T) {
	t.Parallel()
	w := deployed(t, t.TempDir())
	w.takesIn()
	w.signs("lead", journal.DecisionReject, "")
	w.signs("lead", journal.DecisionWithdraw, "")
	w.takesIn()
	w.add("watch", fields{"step": "errors", "slot": 5, "due": "2026-11-22T20:00:00.000Z", "verdict": "pass", "took_us": 900})
	w.takesIn()
	w.add("note", fields{"text": "it says that it only takes in"})
	w.takesIn()
	w.close()
	want := []string{"", "", "took in 2 sign-offs", "measured a slot, for which no key vouches", "", ""}
	for i, s := range w.whole().Sessions {
		if s.Did != want[i] {
			t.Errorf("session %d: %q, not %q", s.Number, s.Did, want[i])
		}
		if loud := strings.Contains(s.key(), "NOBODY SIGNED"); loud != (i > 0 && want[i] == "") {
			t.Errorf("session %d: %s", s.Number, s.key())
		}
	}
}

// TestNotSignedOff: a run that was walked to its end is not simply deployed as
// long as a sign-off is missing.
func TestNotSignedOff(t *testing.T) {
	t.Parallel()
	w := finished(t, t.TempDir())
	says(t, w.whole().in(t, Markdown), "# FINISHED, NOT SIGNED OFF (qa reported): shop 1.8.2 on production", "outcome: finished, not signed off: qa reported")
	says(t, w.whole().in(t, HTML), "<title>FINISHED, NOT SIGNED OFF (qa reported)", "<h1>FINISHED, NOT SIGNED OFF")
	if a := w.whole(); a.Outcome != Deployed {
		t.Errorf("the outcome is %q", a.Outcome)
	}
	w = write(t, t.TempDir(), shop, production, fields{"signoffs": []fields{{"role": "lead", "scope": "run"}}})
	w.signs("lead", journal.DecisionApprove, "")
	w.add("run.end", fields{"outcome": "finished"})
	w.close()
	says(t, w.whole().in(t, Markdown), "# DEPLOYED: shop", "outcome: deployed")
}

// TestHeadingNamesTheRelease under whatever name the book has it.
func TestHeadingNamesTheRelease(t *testing.T) {
	t.Parallel()
	w := write(t, t.TempDir(), strings.ReplaceAll(shop, "image_tag", "release"), production, fields{"vars": fields{"release": "1.8.2", "change_ticket": "CHG-4711"}})
	w.add("run.end", fields{"outcome": "stopped"})
	w.close()
	says(t, w.whole().in(t, Markdown), "# STOPPED: shop 1.8.2 on production")
}

// TestRehearsedSteps: report and status count the same.
func TestRehearsedSteps(t *testing.T) {
	t.Parallel()
	w := write(t, t.TempDir(), shop, production, fields{"world": "practice", "guard": false})
	w.add("phase.open", fields{"phase": "look"})
	w.check("config", "fail", nil)
	w.add("accept", fields{"step": "config", "reason": "a rehearsal", "was": "failed", "rehearsed": true})
	w.check("config", "pass", nil)
	w.add("ask", fields{"step": "platform", "kind": "decide", "answer": "node", "value": "node", "rehearsed": true})
	w.add("ask", fields{"step": "qa", "kind": "approve", "role": "qa", "answer": "approved", "rehearsed": true})
	w.close()
	l, err := open(w.dir)
	if err != nil {
		t.Fatal(err)
	}
	a, r, err := l.account(0)
	if err != nil {
		t.Fatal(err)
	}
	status := Of(l.book, r, false, nil).Rehearsed
	if status == 0 {
		t.Fatal("nothing was rehearsed")
	}
	says(t, strings.Join(a.Marks, "\n"), fmt.Sprintf("REHEARSED: the program answered %d steps itself", status))
}

// TestProseStaysProse: of a sentence only the words are code that may mean
// something.
func TestProseStaysProse(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"signed by ana@example.com, SHA256:x+y/z, at 14:00": "signed by `ana@example.com`, SHA256:x+y/z, at 14:00",
		"change_ticket, and image_tag: both":                "`change_ticket`, and `image_tag`: both",
		"is it \"so\"? yes!":                                "is it \"so\"? yes!",
		"a - b":                                             "a - b",
		"- b":                                               "`-` b",
		"# head":                                            "`#` head",
		"two  spaces_":                                      "`two  spaces_`",
		"a `b` c":                                           "a `` `b` `` c",
		"see www.example.com, http://x.":                    "see `www.example.com`, `http://x`.",
		"...":                                               "...",
	} {
		if got := inline(text); got != want {
			t.Errorf("%q is written %q, not %q", text, got, want)
		}
	}
	if got := whole("<= 7 d"); got != "`<= 7 d`" {
		t.Errorf("a value is written %q", got)
	}
}

const watching = `
schema = 1
name = "watching"
[[phase]]
id = "soak"
  [[phase.step]]
  id = "soaks"
  watch = { every = "1h", for = "24h", check.file = { path = "alive" } }
`

// TestSlotsOfTimers: what a timer measured is told before the log is committed
// to it, and is not in what is signed.
func TestSlotsOfTimers(t *testing.T) {
	t.Parallel()
	w := write(t, t.TempDir(), watching, production, fields{"book": "watching", "signoffs": []fields{}})
	w.add("phase.open", fields{"phase": "soak"})
	w.add("watch", fields{"step": "soaks", "slot": 0, "due": "2026-11-22T15:00:00.000Z", "verdict": "unknown", "took_us": 0})
	may, err := w.log.SignDelegation(w.now.AddDate(0, 0, 2), []string{"soaks"})
	if err == nil {
		_, err = w.log.Delegate(t.Context(), may)
	}
	if err != nil {
		t.Fatal(err)
	}
	w.close()
	before, err := Bytes(w.dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	timer, err := journal.OpenWatch(w.dir, journal.Options{Now: w.tick})
	if err != nil {
		t.Fatal(err)
	}
	for slot, verdict := range []string{"pass", "fail"} {
		body := fields{"step": "soaks", "slot": slot + 1, "due": "2026-11-22T15:00:00.000Z", "verdict": verdict, "reason": "it is not there", "took_us": 1}
		if _, err := timer.Append(t.Context(), journal.KindSlot, body); err != nil {
			t.Fatal(err)
		}
	}
	if err := timer.Close(); err != nil {
		t.Fatal(err)
	}
	a := w.whole()
	if n := a.Phases[0].Steps[0].Watch; n.Measured != 2 || n.Loose != 2 || len(n.Bad) != 1 {
		t.Errorf("the slots are told as %+v", n)
	}
	says(t, a.in(t, Markdown), "2 of 24 slots measured, 1 failed (0 allowed), 0 unknown, 0 missed, 2 of these NOT YET COMMITTED TO THE LOG")
	if after, err := Bytes(w.dir, 0); err != nil || string(after) != string(before) || a.Log.Text != sum(before) {
		t.Errorf("what is signed has changed: %v\n%s", err, after)
	}
	why := "a test"
	w.session(&why, nil)
	if _, _, err := w.log.AnchorWatch(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.close()
	a = w.whole()
	if n := a.Phases[0].Steps[0].Watch; n.Measured != 2 || n.Loose != 0 {
		t.Errorf("the slots that are committed are told as %+v", n)
	}
	if did := a.Sessions[1].Did; did != "committed the log to the slots of timers" {
		t.Errorf("the session did %q", did)
	}
}
