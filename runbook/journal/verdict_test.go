package journal

import (
	"bytes"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestVerdicts: what is not vouched for, not finished, not signed or gone is
// seen in its own line, and never exits with 0.
func TestVerdicts(t *testing.T) {
	t.Parallel()
	d := aDesk(t, "dev,qa", "qa")
	d.attest(t, "qa", "qa", DecisionApprove)
	all := d.policy(t, "qa")
	check := func(name string, p Policy, exit int, integrity, completeness, identity, anchoring Word) Report {
		t.Helper()
		r := Verify(d.dir, p)
		if got := []Word{r.Integrity.Word, r.Completeness.Word, r.Identity.Word, r.Anchoring.Word}; r.Exit() != exit || !slices.Equal(got, []Word{integrity, completeness, identity, anchoring}) {
			t.Errorf("%s: exit %d, want %d: %q", name, r.Exit(), exit, r.Lines())
		}
		for i, line := range r.Lines() {
			if want := []string{"integrity ", "completeness ", "identity ", "anchoring "}[i]; !strings.HasPrefix(line, want) {
				t.Errorf("%s: %q", name, r.Lines())
			}
		}
		return r
	}
	check("not ended", all, 3, OK, Unfinished, OK, NoAnchor)
	check("not ended, nobody signed", d.policy(t, "qa", "dev"), 3, OK, Unfinished, OK, NoAnchor)
	end := add(t, d.log, KindRunEnd, nil)
	check("all of it", all, 0, OK, OK, OK, NoAnchor)
	seen := []Anchor{{N: end.N, Head: end.Head, From: "chat"}}
	check("anchored", Policy{Signers: all.Signers, Terms: all.Terms, Anchors: seen}, 0, OK, OK, OK, OK)
	check("no signers", Policy{Terms: all.Terms}, 4, OK, Missing, Unverified, NoAnchor)
	_, none := signersFile(t, "# nobody")
	check("unknown signers", Policy{Signers: none, Terms: all.Terms}, 4, OK, Missing, Unverified, NoAnchor)
	check("a role is missing", d.policy(t, "qa", "dev"), 3, OK, Missing, OK, NoAnchor)
	d.attest(t, "dev", "qa", DecisionReject)
	check("a role rejects", all, 3, OK, Rejected, OK, NoAnchor)
	seen[0].N = 99
	check("rolled back", Policy{Signers: all.Signers, Terms: all.Terms, Anchors: seen}, 1, OK, Rejected, OK, RolledBack)
	put(t, segmentPath(d.dir, 1), append(get(t, segmentPath(d.dir, 1)), "{"...))
	check("torn", all, 3, Torn, Torn, OK, NoAnchor)
	put(t, segmentPath(d.dir, 1), append(get(t, segmentPath(d.dir, 1)), "\n"...))
	check("tampered", all, 1, Tampered, Unknown, Unknown, Unknown)

	// Nobody signed, and nothing was done but to begin: that is not anonymous.
	d.dir = t.TempDir()
	closeLog(t, create(t, d.dir, Options{}))
	check("only a session, unsigned", Policy{Signers: all.Signers}, 4, OK, Unfinished, Unverified, NoAnchor)
}

// TestScopesAndRolesAreApart has one key speak for several: none of what it
// says for one counts for another.
func TestScopesAndRolesAreApart(t *testing.T) {
	t.Parallel()
	d := aDesk(t, "dev", "qa")
	ofPlan := func(s *Signoff) { s.Scope = PhaseScope("deploy") }
	d.attest(t, "qa", "qa", DecisionApprove)
	d.attest(t, "qa", "qa", DecisionReject, ofPlan)
	d.attest(t, "qa", "dev", DecisionApprove) // it may not
	add(t, d.log, KindRunEnd, nil)
	p := d.policy(t)
	required := []Required{{Role: "qa", Scope: ScopeRun}, {Role: "qa", Scope: PhaseScope("deploy")}, {Role: "dev", Scope: ScopeRun}, {Role: "ops", Scope: ScopeRun}, {Role: "dev", Scope: PhaseScope("deploy")}}
	p.Terms = func(Entry) (Terms, bool) { return Terms{Required: required}, true }
	r := Verify(d.dir, p)
	for i, want := range []Word{OK, Rejected, Missing, Missing, Missing} {
		if r.Roles[i].Word != want || (r.Roles[i].Text == "") != (i > 2) {
			t.Errorf("%+v, want %s", r.Roles[i], want)
		}
	}
	// What names another book says nothing about this one.
	d = aDesk(t, "qa")
	d.attest(t, "qa", "qa", DecisionApprove)
	d.attest(t, "qa", "qa", DecisionReject, func(s *Signoff) { s.Book = "other" })
	add(t, d.log, KindRunEnd, nil)
	s := aSignoff()
	p = d.policy(t)
	p.Terms = func(Entry) (Terms, bool) {
		return Terms{required[:1], s.Book, s.BookSHA, s.Target, s.TargetSHA, s.Mode}, true
	}
	if r := Verify(d.dir, p); r.Exit() != 4 || r.Roles[0].Word != OK {
		t.Errorf("exit %d %q", r.Exit(), r.Lines())
	}
}

// TestAttestHasOneForm puts a sign-off that holds into the log with a key that
// nobody knows beside it.
func TestAttestHasOneForm(t *testing.T) {
	t.Parallel()
	for name, change := range map[string][2]string{"nothing": {}, "more": {`"via":`, `"vib":1,"via":`}, "another case": {`"via":`, `"Via":`}, "less": {`"principal":"",`, ``}} {
		d := aDesk(t, "dev")
		n, head := d.log.Head()
		e := d.log.entry(KindAttest, n+1, head)
		body, err := encodeBody(d.signoff(t, "dev", "dev", DecisionApprove))
		if err != nil {
			t.Fatal(err)
		}
		if e.Body, err = canonical(bytes.Replace(body, []byte(change[0]), []byte(change[1]), 1)); err != nil {
			t.Fatal(err)
		}
		line, err := d.log.sign(&e)
		if err != nil {
			t.Fatal(err)
		}
		dir := filepath.Join(t.TempDir(), "run")
		mkdir(t, dir)
		want := Tampered
		if name == "nothing" {
			want = OK
		}
		if r := judge(t, dir, append(get(t, segmentPath(d.dir, 1)), line...)); r.Integrity.Word != want {
			t.Errorf("%s: %q", name, r.Lines())
		}
	}
}
