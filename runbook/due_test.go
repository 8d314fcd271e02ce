package runbook

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"runbook/runbook/journal"
)

// dueAt is what a home lists at a time: when, and what.
func dueAt(t *testing.T, f *fixture, now time.Time) []Due {
	t.Helper()
	all, err := Home{Dir: filepath.Dir(f.runs)}.Due(now)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestDueTellsSlotsAndWhatWaits(t *testing.T) {
	t.Parallel()
	f := begin(t, watched)
	clock := &handClock{now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	f.world.Clock = clock
	if all := dueAt(t, f, clock.Now()); len(all) != 1 || !all[0].At.IsZero() || all[0].What != "phase day can go on" || !all[0].Run.Driven {
		t.Fatalf("before the watches began: %+v", all)
	}
	f.write("alive", "")
	f.do(WatchIt, "")
	all := dueAt(t, f, clock.Now())
	if len(all) != 1 || all[0].Now(clock.Now()) || all[0].What != "slot 1 of 10 of alive" || all[0].Command != "runbook watch "+f.run.Short()+" --once" {
		t.Fatalf("a slot to come: %+v", all)
	}
	if !all[0].Now(all[0].At) {
		t.Error("a slot is not due when it is due")
	}
	clock.add(2 * time.Hour)
	f.do(Slots, "")
	clock.add(2 * time.Hour)
	all = dueAt(t, f, clock.Now())
	if len(all) != 1 || !all[0].At.Equal(clock.Now().Add(-time.Hour)) || all[0].What != "slot 3 of 10 of alive" {
		t.Fatalf("an overdue slot: %+v", all)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if all = dueAt(t, f, clock.Now()); len(all) != 1 || all[0].Run.Driven || all[0].Operator != "" {
		t.Fatalf("of a run that nobody drives: %+v", all)
	}
}

func TestDueTellsWhatWaitsForAPerson(t *testing.T) {
	t.Parallel()
	f := begin(t, tiny)
	f.write("readme", "")
	f.do(Check, "")
	all := dueAt(t, f, time.Now())
	var said []string
	for _, d := range all {
		said = append(said, d.What)
		if !d.At.IsZero() || d.Command != "runbook resume "+f.run.Short() {
			t.Errorf("%+v", d)
		}
	}
	if text := strings.Join(said, "; "); len(all) != 2 || !strings.HasPrefix(text, "marker-there failed: ") || !strings.HasSuffix(text, "choose waits for an answer") {
		t.Errorf("%q", said)
	}
	f.do(End, "", "enough")
	if all = dueAt(t, f, time.Now()); len(all) != 0 {
		t.Errorf("of a run that ended: %+v", all)
	}
}

func TestDueTellsMissingSignoffs(t *testing.T) {
	t.Parallel()
	f := begin(t, tiny)
	end := runEndBody{Outcome: Finished, Missing: []string{"qa-lead run", "security-lead run"}}
	if _, err := f.log.Append(t.Context(), kindRunEnd, end); err != nil {
		t.Fatal(err)
	}
	if all := dueAt(t, f, time.Now()); len(all) != 2 || all[0].What != "the sign-off of qa-lead for run is missing" ||
		all[1].Command != "runbook sign "+f.run.Short()+" --role security-lead --scope run --decision .." {
		t.Fatalf("%+v", all)
	}
}

// TestDueAsksEveryKey: a role has spoken if a key's last word stands, which
// another's does not undo.
func TestDueAsksEveryKey(t *testing.T) {
	t.Parallel()
	ana, line := personKey(t, "ana")
	eve, other := personKey(t, "eve")
	f := desk(t, ana, signers(t, [3]string{"ana", "qa", line}, [3]string{"eve", "qa", other}))
	early, err := journal.CommitmentOf(f.run.Dir)
	if err != nil {
		t.Fatal(err)
	}
	end, err := f.log.Append(t.Context(), kindRunEnd, runEndBody{Outcome: Finished, Missing: []string{"qa run"}})
	if err != nil {
		t.Fatal(err)
	}
	older := func(s *journal.Signoff) { s.Commitment, s.Time = early, s.Time.Add(-time.Minute) }
	for _, c := range []struct {
		a      journal.Attest
		spoken bool
	}{
		{f.outside(ana, "qa", journal.DecisionApprove), true},
		{f.outside(ana, "qa", journal.DecisionWithdraw, older), true}, // it is older
		{f.outside(eve, "qa", journal.DecisionWithdraw), true},        // of its own
		{f.outside(ana, "qa", journal.DecisionWithdraw, func(s *journal.Signoff) { s.Time = s.Time.Add(time.Minute) }), false},
	} {
		if _, err := f.log.Attest(t.Context(), c.a); err != nil {
			t.Fatal(err)
		}
		signed := signaturesIn(f.entries(), journal.Signers{})
		if spoken(signed, "qa", journal.ScopeRun, end.N) != c.spoken || spoken(signed, "dev", journal.ScopeRun, end.N) ||
			spoken(signed, "qa", journal.PhaseScope("look"), end.N) || spoken(signed, "qa", journal.ScopeRun, 1<<40) {
			t.Errorf("behind sign-off %d", len(signed))
		}
		if all := dueAt(t, f, time.Now()); (len(all) == 0) != c.spoken {
			t.Errorf("behind sign-off %d is due %+v", len(signed), all)
		}
	}
}

// TestDueTellsWhoRejects as long as the reject stands: at its step, behind its
// phase and behind the run's end; on the way back it holds nothing.
func TestDueTellsWhoRejects(t *testing.T) {
	t.Parallel()
	ana, line := personKey(t, "ana")
	f := desk(t, ana, signers(t, [3]string{"ana", "tech dev qa", line}))
	said := func() string {
		t.Helper()
		var all []string
		for _, d := range dueAt(t, f, time.Now()) {
			all = append(all, d.What+" -> "+d.Command)
		}
		return strings.Join(all, "; ")
	}
	const why = " is rejected by ana: the dump is old -> runbook sign "
	f.mustSign("approved", journal.DecisionReject, "the dump is old")
	if got := said(); got != "tech phase:plan"+why+f.run.Short()+" --role tech --scope phase:plan --decision .." {
		t.Errorf("in its turn: %s", got)
	}
	f.mustSign("approved", journal.DecisionWithdraw, "")
	f.toSignoff()
	say := func(role, decision string, change ...func(*journal.Signoff)) {
		t.Helper()
		a := f.outside(ana, role, decision, change...)
		a.Principal = "ana"
		if err := f.attest(t.Context(), a); err != nil {
			t.Fatal(err)
		}
	}
	noted := func(s *journal.Signoff) { s.Note = "the dump is old" }
	plan := func(s *journal.Signoff) { s.Scope = journal.PhaseScope("plan") }
	say("tech", journal.DecisionReject, noted, plan)
	if got := said(); !strings.Contains(got, "tech phase:plan"+why) || !strings.Contains(got, "the sign-off of dev for run is missing") {
		t.Errorf("behind its phase: %s", got)
	}
	say("tech", journal.DecisionApprove, plan, func(s *journal.Signoff) { s.Time = s.Time.Add(time.Minute) })
	f.do(Approve, "dev-signs", "yes, in chat")
	f.do(Approve, "qa-signs", "yes, in chat")
	f.do(Close, "sign-off")
	f.do(End, "")
	say("qa", journal.DecisionReject, noted)
	if got := said(); !strings.HasPrefix(got, "qa run"+why) || !strings.Contains(got, "; the sign-off of dev for run is missing") || strings.Contains(got, "qa for run is missing") {
		t.Errorf("behind the end: %s", got)
	}

	back := desk(t, ana, signers(t, [3]string{"ana", "tech", line}))
	back.toSignoff()
	f = back
	say("tech", journal.DecisionReject, noted, plan)
	f.do(Rollback, "back")
	if got := said(); strings.Contains(got, "rejected") {
		t.Errorf("on the way back: %s", got)
	}
}

func TestDueOfAHomeThatIsNotThere(t *testing.T) {
	t.Parallel()
	if all, err := (Home{Dir: filepath.Join(t.TempDir(), "none")}).Due(time.Now()); err != nil || len(all) != 0 {
		t.Errorf("%+v, %v", all, err)
	}
}

// TestDueTellsWhoIsToSign: each role its own line, also behind one that has not
// signed yet, and none whose turn it is not.
func TestDueTellsWhoIsToSign(t *testing.T) {
	t.Parallel()
	f := begin(t, `
schema = 1
name = "signed"
[[phase]]
id = "plan"
step = [
  { id = "ok", ask.approve = { role = "qa-lead" } },
  { id = "safe", ask.approve = { role = "security-lead" } },
  { id = "sure", ask.confirm = { question = "is it?" } },
  { id = "whole", ask.approve = { role = "qa-lead", scope = "run" } },
]
[[signoff]]
role = "qa-lead"
scope = "run"
`)
	is := func(want ...string) {
		t.Helper()
		var said []string
		for _, d := range dueAt(t, f, time.Now()) {
			said = append(said, d.What)
			role, ok := strings.CutPrefix(d.Command, "runbook sign "+f.run.Short()+" --role ")
			if ok != d.Unsigned || ok && !strings.HasSuffix(role, " --decision ..") || !d.Run.Driven {
				t.Errorf("%+v", d)
			}
		}
		if !slices.Equal(said, want) {
			t.Errorf("due is %q, not %q", said, want)
		}
	}
	is("the sign-off of qa-lead for phase:plan is missing", "the sign-off of security-lead for phase:plan is missing")
	f.do(Approve, "ok", "yes, in chat")
	is("the sign-off of security-lead for phase:plan is missing")
	f.do(Approve, "safe", "yes, in chat")
	is("sure waits for an answer")
	f.do(Confirm, "sure", "it is")
	is("the sign-off of qa-lead for run is missing")
}
