package runbook

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"runbook/runbook/book"
	"runbook/runbook/journal"
)

func TestRejectHoldsUntilItsKeyWithdrawsIt(t *testing.T) {
	t.Parallel()
	ana, anaLine := personKey(t, "ana")
	bob, bobLine := personKey(t, "bob")
	who := signers(t, [3]string{"ana", "tech", anaLine}, [3]string{"bob", "tech", bobLine})
	f := desk(t, ana, who)
	refuses(t, f.sign("approved", journal.DecisionReject, ""), "wants its reason")
	f.mustSign("approved", journal.DecisionReject, "the dump is old")
	f.want("approved", Declined)
	f.drivenBy(bob, who)
	f.mustSign("approved", journal.DecisionApprove, "")
	f.want("approved", Declined)
	if st := f.at("approved"); st.Signed.Principal != "ana" || st.Reason != "the dump is old" {
		t.Errorf("declined as %+v", st)
	}
	for _, kind := range []string{Approve, Accept, Skip, NA, ByHandIt} {
		if err := f.try(kind, "approved", "why"); !errors.Is(err, ErrNotNow) {
			t.Errorf("%s over a reject: %v", kind, err)
		}
	}
	f.do(RunStep, "built")
	refuses(t, f.try(RunStep, "made"), "not now")
	f.drivenBy(ana, who)
	f.mustSign("approved", journal.DecisionWithdraw, "there is a new one")
	if st := f.at("approved"); st.State != Confirmed || st.Signed.Principal != "bob" {
		t.Errorf("withdrawn it is %+v", st)
	}
	f.do(RunStep, "made")
	f.drivenBy(bob, who)
	f.mustSign("approved", journal.DecisionWithdraw, "")
	f.want("approved", Pending)
	refuses(t, f.sign("approved", journal.DecisionWithdraw, ""), "nothing to withdraw")
	f.do(Approve, "approved", "eve said yes")
	f.want("approved", Confirmed)
}

func TestRejectHoldsBackNoRecovery(t *testing.T) {
	t.Parallel()
	ana, line := personKey(t, "ana")
	who := signers(t, [3]string{"ana", "tech dev qa", line})
	f := desk(t, ana, who)
	f.toSignoff()
	statement := f.about("tech", "phase:plan") // as one that comes from elsewhere
	statement.Decision, statement.Note, statement.Time = journal.DecisionReject, "the dump is old", f.State().Started.Truncate(time.Second)
	statement.Commitment, statement.ReportSHA = f.log.Commitment(), sha("a report")
	signed, err := ana.Sign(journal.SignoffNamespace(journal.Real, "tech"), []byte(statement.Text()))
	if err != nil {
		t.Fatal(err)
	}
	if err := f.attest(t.Context(), journal.Attest{Principal: "ana", SSHSig: signed, Stmt: statement.Text(), Via: "detached"}); err != nil {
		t.Fatal(err)
	}
	f.want("approved", Declined)
	if f.State().Rejected != "approved" {
		t.Errorf("rejected is %q", f.State().Rejected)
	}
	f.do(Rollback, "back")
	f.do(RunStep, "unmake")
	r := f.State()
	if len(r.Signoffs(f.Book())) > 0 || r.Rejected == "" {
		t.Errorf("in a rollback %v have to sign", r.Signoffs(f.Book()))
	}
	f.do(Close, "back")
	f.do(End, "")
	if body, err := decode[runEndBody](f.entries()[f.State().Entries-1]); err != nil || body.Outcome != RolledBack || body.Missing != nil {
		t.Errorf("it ended %+v: %v", body, err)
	}
	report := Verify(r.Dir, journal.Policy{Signers: who})
	if text := report.Completeness.Text; report.Completeness.Word != journal.OK || !strings.Contains(text, "so nobody has to sign; rejected at entry ") || !strings.Contains(text, " by ana as tech (phase:plan)") {
		t.Errorf("verify says %q", report.Lines())
	}
}

func TestGuardIsSignedAndHoldsBackNoRecovery(t *testing.T) {
	t.Parallel()
	ana, line := personKey(t, "ana")
	f := &fixture{t: t, dir: t.TempDir(), runs: filepath.Join(t.TempDir(), "runs"), more: "guard = true\n"}
	b, err := book.Read([]byte(strings.Replace(signs, `{ id = "approved", ask.approve = { role = "tech" } },`, "", 1)), "signs.toml")
	if err != nil {
		t.Fatal(err)
	}
	if err := f.startRun(b, ModeDeploy, nil); err != nil {
		t.Fatal(err)
	}
	f.drivenBy(ana, signers(t, [3]string{"ana", "approver", line}))
	f.do(RunStep, "built")
	refuses(t, f.try(RunStep, "made"), "not now")
	f.mustSign("guard", journal.DecisionReject, "not today")
	refuses(t, f.try(RunStep, "made"), "not now")
	f.mustSign("guard", journal.DecisionWithdraw, "")
	f.mustSign("guard", journal.DecisionApprove, "")
	f.do(RunStep, "made")
	f.mustSign("guard", journal.DecisionReject, "it was a mistake")
	f.do(Rollback, "back")
	f.do(RunStep, "unmake")
	f.want("unmake", Passed)
	g := &fixture{t: t, dir: f.dir, runs: f.runs, more: f.more} // and a rollback of its own
	if err := g.startRun(b, ModeRollback, nil); err != nil {
		t.Fatal(err)
	}
	g.do(Rollback, "back")
	g.do(RunStep, "unmake")
	g.want("unmake", Passed)
	if start, err := decode[runStartBody](g.entries()[1]); err != nil || start.Signoffs != nil {
		t.Errorf("a rollback wants %v signed: %v", start.Signoffs, err)
	}
}
