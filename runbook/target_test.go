package runbook

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"runbook/runbook/book"
	"runbook/runbook/journal"
	"runbook/steps/run/loopback"
)

// on begins a run of tiny on a target that says more.
func on(t *testing.T, more string, given map[string]string) *fixture {
	t.Helper()
	f := &fixture{t: t, dir: t.TempDir(), runs: filepath.Join(t.TempDir(), "runs"), more: more}
	if err := f.startRun(readBook(t, tiny), ModeDeploy, given); err != nil {
		t.Fatal(err)
	}
	return f
}

func readBook(t *testing.T, toml string) *book.Book {
	t.Helper()
	b, err := book.Read([]byte(toml), "tiny.toml")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// offers are the kinds of intent that are offered for a step.
func (f *fixture) offers(step string) string {
	var kinds []string
	for _, i := range f.Next() {
		if i.Step == step && !slices.Contains(kinds, i.Kind) {
			kinds = append(kinds, i.Kind)
		}
	}
	slices.Sort(kinds)
	return strings.Join(kinds, " ")
}

func TestGuardedTargetWantsAnApprovalBeforeTheFirstChange(t *testing.T) {
	t.Parallel()
	f := on(t, "guard = true\n", nil)
	f.toAct()
	if got := f.offers("guard"); got != "approve reject sign" {
		t.Errorf("the approval takes %q", got)
	}
	for _, kind := range []string{Skip, NA, ByHandIt, Accept} {
		if err := f.try(kind, "guard", "nobody is here"); !errors.Is(err, ErrNotNow) {
			t.Errorf("%s of the approval: %v", kind, err)
		}
	}
	if err := f.try(RunStep, "make"); !errors.Is(err, ErrNotNow) {
		t.Errorf("a run before the approval: %v", err)
	}
	f.do(Reject, "guard", "not on a friday")
	for _, kind := range []string{Accept, Skip, NA, ByHandIt} {
		if err := f.try(kind, "guard", "all the same"); !errors.Is(err, ErrNotNow) {
			t.Errorf("%s of a rejection: %v", kind, err)
		}
	}
	if err := f.try(RunStep, "make"); !errors.Is(err, ErrNotNow) {
		t.Errorf("a run after a rejection: %v", err)
	}
	f.reopen() // the approval is the run's, not this process's
	f.want("guard", Declined)
	if err := f.try(RunStep, "make"); !errors.Is(err, ErrNotNow) {
		t.Errorf("a run after a rejection, in another session: %v", err)
	}
	f.do(Approve, "guard", "the board agreed")
	f.do(RunStep, "make")
	f.want("make", Passed)
	if !f.State().Guard {
		t.Error("the run does not say that its target is guarded")
	}
}

func TestRecoveryOnAGuardedTargetWantsNobody(t *testing.T) {
	t.Parallel()
	f := on(t, "guard = true\nrequire = [\"change_ticket\"]\n", map[string]string{"change_ticket": "C-1"})
	f.toAct()
	f.do(ByHandIt, "make", "eve, before anybody approved")
	f.do(Rollback, "back")
	f.do(RunStep, "unmake")
	f.want("unmake", Passed)

	alone := &fixture{t: t, dir: t.TempDir(), runs: filepath.Join(t.TempDir(), "runs"), more: f.more}
	if err := alone.startRun(readBook(t, tiny), ModeRollback, nil); err != nil {
		t.Fatalf("a recovery without a ticket: %v", err)
	}
	alone.do(Rollback, "back")
	alone.do(RunStep, "unmake")
	alone.want("unmake", Passed)
}

func TestTargetDemandsATicket(t *testing.T) {
	t.Parallel()
	more := "require = [{ name = \"change_ticket\", match = 'C-\\d+' }]\n"
	f := &fixture{t: t, dir: t.TempDir(), runs: filepath.Join(t.TempDir(), "runs"), more: more}
	var demand *DemandError
	if err := f.startRun(readBook(t, tiny), ModeDeploy, nil); !errors.As(err, &demand) || !strings.Contains(err.Error(), "--var change_ticket=") {
		t.Fatalf("a run without it: %v", err)
	}
	if left, err := filepath.Glob(filepath.Join(f.runs, "*")); err != nil || len(left) > 0 {
		t.Errorf("what was refused left %v, %v", left, err)
	}
	if err := f.startRun(readBook(t, tiny), ModeDeploy, map[string]string{"change_ticket": "C-7"}); err != nil {
		t.Fatal(err)
	}
	r := f.State()
	if r.Vars["change_ticket"] != "C-7" || !slices.Equal(r.Demands, []string{"change_ticket"}) {
		t.Errorf("vars %v, demands %v", r.Vars, r.Demands)
	}
}

const waiverOf = "[[waiver]]\nstep = \"STEP\"\nuntil = UNTIL\nticket = \"SEC-88\"\nby = \"eve\"\n"

func TestWaivedFailureIsAcceptedAndNeverPasses(t *testing.T) {
	t.Parallel()
	f := on(t, strings.NewReplacer("STEP", "marker-there", "UNTIL", "2999-12-31").Replace(waiverOf), nil)
	f.write("readme", "")
	f.do(Check, "")
	f.want("marker-there", Accepted)
	st := f.State().Steps["marker-there"]
	if !strings.HasPrefix(st.Reason, "waived by eve, SEC-88, until 2999-12-31: ") || !strings.HasSuffix(st.Reason, "the file does not exist, wanted it there") {
		t.Errorf("reason %q", st.Reason)
	}
	if st.Result == nil || st.Result.Verdict.String() != "fail" {
		t.Errorf("what was seen is gone: %+v", st.Result)
	}
	f.reopen()
	f.want("marker-there", Accepted)
	f.do(Decide, "choose", "b")
	f.do(Close, "look")
	entries, err := journal.Read(f.State().Dir)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(entries, func(e journal.Entry) bool {
		body, err := decode[checkBody](e)
		return e.Kind == kindCheck && err == nil && body.Verdict.String() == "fail" && body.Waived != nil && body.Waived.Ticket == "SEC-88"
	}) {
		t.Error("the log does not hold the failure and its waiver")
	}
}

func TestWaiverThatCountsForNothingSaysSo(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		step, until, says string
	}{
		"ended":        {"marker-there", "2020-01-01", "its waiver ended 2020-01-01"},
		"not yet":      {"marker-there", "2999-12-31\nfrom = 2999-01-01", "its waiver begins 2999-01-01"},
		"critical":     {"readme-there", "2999-12-31", "no waiver lets a critical step pass"},
		"another step": {"made", "2999-12-31", ""},
	} {
		f := on(t, strings.NewReplacer("STEP", test.step, "UNTIL", test.until).Replace(waiverOf), nil)
		step := test.step
		if step == "made" {
			step = "marker-there"
		}
		f.do(Check, "")
		f.want(step, Failed)
		if st := f.State().Steps[step]; !strings.Contains(st.Result.Reason, test.says) {
			t.Errorf("%s: %q does not say %q", name, st.Result.Reason, test.says)
		}
	}
}

// A waiver of the check that settles a command would let the command pass.
func TestWaiverSettlesNoCommand(t *testing.T) {
	t.Parallel()
	f := on(t, strings.NewReplacer("STEP", "made", "UNTIL", "2999-12-31").Replace(waiverOf), nil)
	f.toAct()
	f.do(ByHandIt, "make", "eve says so")
	f.want("make", Failed)
}

func TestWaiverIsForWhatWasMeasured(t *testing.T) {
	t.Parallel()
	f := &fixture{t: t, dir: t.TempDir(), runs: filepath.Join(t.TempDir(), "runs"), more: strings.NewReplacer("STEP", "strong", "UNTIL", "2999-12-31").Replace(waiverOf)}
	b := readBook(t, "schema = 1\nname = \"tiny\"\n[[phase]]\nid = \"p\"\nstep = [{ id = \"strong\", check.env = { name = \"KEY\" } }]\n")
	if err := f.startRun(b, ModeDeploy, nil); err != nil {
		t.Fatal(err)
	}
	f.do(Check, "")
	f.want("strong", Unknown)
	if st := f.State().Steps["strong"]; !strings.Contains(st.Result.Reason, "this was not measured") {
		t.Errorf("reason %q", st.Result.Reason)
	}
}

func TestTargetChooses(t *testing.T) {
	t.Parallel()
	f := on(t, "choose = { platform = \"b\" }\n", nil)
	chosen := func() {
		t.Helper()
		r := f.State()
		st := r.Step(f.Book().Step("choose"))
		if st.State != Confirmed || st.Answer != "b" || st.Reason != "chosen by the target" || r.Vars["platform"] != "b" {
			t.Errorf("choose is %s %q (%s)", st.State, st.Answer, st.Reason)
		}
		if r.LastAct.Kind != "" {
			t.Errorf("a person is said to have answered: %+v", r.LastAct)
		}
	}
	chosen()
	f.want("only-a", NotApplicable)
	if err := f.try(Decide, "choose", "a"); !errors.Is(err, ErrNotNow) {
		t.Errorf("it is chosen a second time: %v", err)
	}
	n, _ := f.Head()
	f.reopen()
	chosen()
	if now, _ := f.Head(); now != n+1 { // the new session, and nothing else
		t.Errorf("%d entries, %d after it was gone on with", n, now)
	}
}

func TestOurProcessIsNoSourceOnAGuardedTarget(t *testing.T) {
	t.Parallel()
	f := on(t, "guard = true\n", nil)
	if _, err := f.World().Vars(t.Context(), "process"); err == nil || !strings.Contains(err.Error(), "guarded") {
		t.Errorf("our own process as a source: %v", err)
	}
	if _, err := on(t, "", nil).World().Vars(t.Context(), "process"); err != nil {
		t.Errorf("where nothing guards: %v", err)
	}
}

// The service may run on a host: its environment is read there, from its file or
// its container.
func TestServiceIsLookedAtOnItsHost(t *testing.T) {
	t.Parallel()
	server := loopback.Start(t)
	client := "#!/bin/sh\necho '{\"Running\":true,\"Env\":[\"KEY=from the container there\"]}'\n"
	tools := filepath.Join(server.Dir, "tools")
	if err := errors.Join(
		os.Mkdir(tools, 0o700),
		os.WriteFile(filepath.Join(tools, "docker"), []byte(client), 0o700),
		os.WriteFile(filepath.Join(server.Dir, ".env"), []byte("KEY=from the file there\n"), 0o600),
	); err != nil {
		t.Fatal(err)
	}
	h := server.Host("")
	for from, want := range map[string]string{
		"file:.env":    "from the file there",
		"docker:api":   "from the container there",
		"file:nowhere": "",
	} {
		text := fmt.Sprintf("name = \"here\"\ndir = %q\npath = \"/usr/bin:/bin\"\n[service]\nenv_from = %q\non = \"app\"\n[host.app]\nvia = [\"%s\"]\ndir = %q\npath = %q\n",
			t.TempDir(), from, strings.Join(h.Via, `", "`), h.Dir, tools+":/usr/bin:/bin")
		target, err := book.ReadTarget([]byte(text), "here.toml")
		if err != nil {
			t.Fatal(err)
		}
		w, err := NewWorld(target)
		if err != nil {
			t.Fatal(err)
		}
		vars, err := w.Vars(t.Context(), "service")
		if vars["KEY"] != want || (err == nil) != (want != "") {
			t.Errorf("%s: %v, %v", from, vars, err)
		}
	}
}
