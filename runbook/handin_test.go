package runbook

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"runbook/runbook/durable"
	"runbook/runbook/journal"
)

// outside is a sign-off of the whole run by a key that is not the driver's.
func (f *fixture) outside(id journal.Identity, role, decision string, change ...func(*journal.Signoff)) journal.Attest {
	f.t.Helper()
	s := f.about(role, journal.ScopeRun)
	s.Decision, s.Time, s.ReportSHA = decision, time.Now().UTC().Truncate(time.Second), sha("report")
	var err error
	if s.Commitment, err = journal.CommitmentOf(f.run.Dir); err != nil {
		f.t.Fatal(err)
	}
	for _, f := range change {
		f(&s)
	}
	signed, err := id.Sign(journal.SignoffNamespace(s.World, role), []byte(s.Text()))
	if err != nil {
		f.t.Fatal(err)
	}
	return journal.Attest{Stmt: s.Text(), SSHSig: signed, Via: "detached"}
}

func nothingInInbox(t *testing.T, dir string) {
	t.Helper()
	if left, _ := os.ReadDir(inbox(dir)); len(left) > 0 {
		t.Errorf("in the inbox lies %v", left)
	}
}

// TestHandInToADriver: who drives takes in what another signed, within a look.
func TestHandInToADriver(t *testing.T) {
	t.Parallel()
	ana, line := personKey(t, "ana")
	eve, other := personKey(t, "eve")
	who := signers(t, [3]string{"ana", "dev", line}, [3]string{"eve", "qa", other})
	f := desk(t, ana, who)
	f.toSignoff()
	if err := HandIn(t.Context(), f.run.Dir, who, f.outside(eve, "qa", journal.DecisionApprove), journal.Options{}); err != nil {
		t.Fatal(err)
	}
	if st := f.at("qa-signs"); st.State != Confirmed || st.Signed.Principal != "eve" {
		t.Errorf("it stands %v, signed by %+v", st.State, st.Signed)
	}
	nothingInInbox(t, f.run.Dir)

	// The driver's own signers decide: the sender's may say anything.
	wide := signers(t, [3]string{"eve", "qa dev", other})
	err := HandIn(t.Context(), f.run.Dir, wide, f.outside(eve, "dev", journal.DecisionApprove), journal.Options{})
	if refused := new(RefusedError); !errors.As(err, &refused) || !strings.Contains(refused.Reason, "does not sign as dev here") {
		t.Errorf("the driver said %v", err)
	}
	nothingInInbox(t, f.run.Dir)
	f.want("dev-signs", Pending)
}

func TestHandInThatNobodyTakes(t *testing.T) {
	t.Parallel()
	ana, line := personKey(t, "ana")
	eve, _ := personKey(t, "eve")
	who := signers(t, [3]string{"ana", "dev", line})
	f := desk(t, ana, who)
	f.toSignoff()
	entries := len(f.entries())
	for name, c := range map[string]struct {
		a    journal.Attest
		want string
	}{
		"unlisted": {f.outside(eve, "dev", journal.DecisionApprove), `namespaces="signoff.dev@runbook-log" ssh-ed25519 `},
		"role":     {f.outside(ana, "qa", journal.DecisionApprove), "does not sign as qa here"},
		"book":     {f.outside(ana, "dev", journal.DecisionApprove, func(s *journal.Signoff) { s.BookSHA = sha("x") }), "names another book"},
		"mode":     {f.outside(ana, "dev", journal.DecisionApprove, func(s *journal.Signoff) { s.Mode = ModeRollback }), "names another book"},
		"run":      {f.outside(ana, "dev", journal.DecisionApprove, func(s *journal.Signoff) { s.Run = strings.Repeat("0", 32) }), "about run 0000"},
		"later":    {f.outside(ana, "dev", journal.DecisionApprove, func(s *journal.Signoff) { s.N += 3 }), "the log ends at"},
	} {
		if err := HandIn(t.Context(), f.run.Dir, who, c.a, journal.Options{}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if now := len(f.entries()); now != entries {
		t.Errorf("%d entries became %d", entries, now)
	}
}

// TestHandInOfWhatIsOutlived: who hands in an old request after a newer word of
// the same key is told that it would count for nothing.
func TestHandInOfWhatIsOutlived(t *testing.T) {
	t.Parallel()
	ana, line := personKey(t, "ana")
	who := signers(t, [3]string{"ana", "qa", line})
	f := desk(t, ana, who)
	f.toSignoff()
	old := f.outside(ana, "qa", journal.DecisionReject, func(s *journal.Signoff) { s.Time = s.Time.Add(-time.Minute) })
	if _, err := f.log.Append(t.Context(), kindNote, map[string]string{"text": "x"}); err != nil {
		t.Fatal(err)
	}
	said := f.outside(ana, "qa", journal.DecisionApprove)
	if err := HandIn(t.Context(), f.run.Dir, who, said, journal.Options{}); err != nil {
		t.Fatal(err)
	}
	entries := len(f.entries())
	for name, c := range map[string]struct {
		a    journal.Attest
		want string
	}{"older": {old, "ask for a new request"}, "again": {said, "in the log already"}} {
		if err := HandIn(t.Context(), f.run.Dir, who, c.a, journal.Options{}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if now := len(f.entries()); now != entries {
		t.Errorf("%d entries became %d", entries, now)
	}
}

// TestHandInWithoutADriver takes the lock itself; that makes nobody the driver.
func TestHandInWithoutADriver(t *testing.T) {
	t.Parallel()
	ana, line := personKey(t, "ana")
	eve, other := personKey(t, "eve")
	who := signers(t, [3]string{"ana", "dev", line}, [3]string{"eve", "qa", other})
	f := desk(t, ana, who)
	f.toSignoff()
	a := f.outside(eve, "qa", journal.DecisionApprove)
	before := f.State()
	dir := f.run.Dir
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	o := journal.Options{Claims: map[string]string{"user": "eve"}}
	if err := HandIn(t.Context(), dir, who, a, o); err != nil {
		t.Fatal(err)
	}
	r, b, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if st := r.Step(b.Step("qa-signs")); st.State != Confirmed || r.Operator != before.Operator || r.Key != before.Key {
		t.Errorf("it stands %v, driven by %s with %s", st.State, r.Operator, r.Key)
	}
	report := Verify(dir, journal.Policy{Signers: who})
	if report.Integrity.Word != journal.OK || len(report.Sessions) != 1 {
		t.Errorf("%q", report.Lines())
	}
	nothingInInbox(t, dir)
}

// TestWhoBeginsASession: what a session claims to do alone says that it does not
// drive, and not the words in which it has no key.
func TestWhoBeginsASession(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		claims string
		drives bool
	}{
		"a driver":           {`"user":"bob"`, true},
		"one who hands in":   {`"only":"sign-off","user":"bob"`, false},
		"one who takes away": {`"only":"shred","user":"bob"`, false},
	} {
		r := newRun(t.TempDir(), journal.Signers{})
		e := journal.Entry{N: 7, Body: []byte(`{"claims":{` + c.claims + `},"identity":"none: ` + onlyTakesIn + `","world":"real"}`)}
		if err := foldSession(r, nil, e); err != nil || (r.Session == 7) != c.drives || (r.Operator == "bob") != c.drives {
			t.Errorf("%s: session %d of %q: %v", name, r.Session, r.Operator, err)
		}
	}
}

// TestHandInToOneWhoHangs: the sign-off waits for whoever drives next.
func TestHandInToOneWhoHangs(t *testing.T) {
	t.Parallel()
	ana, line := personKey(t, "ana")
	who := signers(t, [3]string{"ana", "dev", line})
	f := desk(t, ana, who)
	f.toSignoff()
	a, dir := f.outside(ana, "dev", journal.DecisionApprove), f.run.Dir
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	hangs, _, err := journal.Open(dir, journal.Options{NoIdentity: "a test"})
	if err != nil {
		t.Fatal(err)
	}
	if err := handIn(t.Context(), dir, who, a, journal.Options{}, 0); err == nil || !strings.Contains(err.Error(), "NOT RECORDED yet") {
		t.Errorf("it said %v", err)
	}
	if err := hangs.Close(); err != nil {
		t.Fatal(err)
	}
	f.reopen()
	f.drivenBy(ana, who)
	waitFor(t, func() bool { return f.at("dev-signs").State == Confirmed })
	waitFor(t, func() bool {
		left, _ := filepath.Glob(filepath.Join(inbox(dir), "*"))
		return len(left) == 0
	})
}

// TestInboxIsOutsideText: what is no sign-off is answered, and what has another
// name is nobody's.
func TestInboxIsOutsideText(t *testing.T) {
	t.Parallel()
	ana, line := personKey(t, "ana")
	f := desk(t, ana, signers(t, [3]string{"ana", "dev", line}))
	if err := os.MkdirAll(inbox(f.run.Dir), 0o700); err != nil {
		t.Fatal(err)
	}
	for i, text := range []string{"", "{}", "[]", `{"stmt":"\u001b[2J"}`, `{"stmt":"x","more":1}`, strings.Repeat("x", maxHandIn+1)} {
		path := filepath.Join(inbox(f.run.Dir), "attest-000000000000000"+string(rune('0'+i))+".json")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		waitFor(t, func() bool { _, err := os.Lstat(path); return err != nil })
		if reason, refused := answerTo(path); !refused || reason == "" || strings.Contains(reason, "\x1b") {
			t.Errorf("%.20q: answered %q", text, reason)
		}
	}
	nothingInInbox(t, f.run.Dir)
}

// TestFloodOfHandIns: a thousand sign-offs do not keep the run from who asks.
func TestFloodOfHandIns(t *testing.T) {
	t.Parallel()
	ana, line := personKey(t, "ana")
	eve, _ := personKey(t, "eve")
	f := desk(t, ana, signers(t, [3]string{"ana", "dev", line}))
	f.toSignoff()
	for range 1000 {
		if _, err := deliver(f.run.Dir, f.outside(eve, "dev", journal.DecisionApprove)); err != nil {
			t.Fatal(err)
		}
	}
	told := func() int {
		left, _ := filepath.Glob(filepath.Join(inbox(f.run.Dir), "*.refused"))
		return len(left)
	}
	waitFor(t, func() bool { return told() > 0 })
	ask := request{From: durable.Self(), By: durable.Self(), Claims: map[string]string{"user": "bob"}}
	if err := ask.publish(f.run.Dir); err != nil {
		t.Fatal(err)
	}
	before := told()
	<-f.Driving().Done()
	if n := told() - before; n > 5 {
		t.Errorf("%d were looked at first", n)
	}
}

// TestHandInStaysWhileNobodyCanLook: who may sign can't be read for a moment.
func TestHandInStaysWhileNobodyCanLook(t *testing.T) {
	t.Parallel()
	ana, line := personKey(t, "ana")
	who := signers(t, [3]string{"ana", "dev", line})
	f := desk(t, ana, who)
	f.toSignoff()
	var asked atomic.Int32
	f.Signs(Keys{Report: reportOf, Signers: func() (journal.Signers, error) {
		if asked.Add(1) < 3 {
			return journal.Signers{}, syscall.EMFILE
		}
		return who, nil
	}})
	path, err := deliver(f.run.Dir, f.outside(ana, "dev", journal.DecisionApprove))
	if err != nil {
		t.Fatal(err)
	}
	old := refusal(filepath.Join(inbox(f.run.Dir), "attest-0000000000000000.json"))
	if err := os.WriteFile(old, []byte("no\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(old, time.Time{}, time.Now().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { return f.at("dev-signs").State == Confirmed })
	if reason, refused := answerTo(path); refused {
		t.Errorf("refused: %s", reason)
	}
	waitFor(t, func() bool { left, _ := os.ReadDir(inbox(f.run.Dir)); return len(left) == 0 })
}
