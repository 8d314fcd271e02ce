package runbook

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"runbook/runbook/journal"
)

// signs is a book of which a plan is approved, and the run is signed by two
// roles, one of which wants a key of its own.
const signs = `
schema = 1
name = "signs"
[[phase]]
id = "plan"
step = [
  { id = "approved", ask.approve = { role = "tech" } },
  { id = "built", effect = "none", run.command = { argv = ["true"] } },
  { id = "made", undo = "unmake", verify = "there", run.command = { argv = ["touch", "made"] } },
  { id = "there", check.file = { path = "made" } },
]
[[phase]]
id = "sign-off"
step = [
  { id = "dev-signs", ask.approve = { role = "dev", scope = "run" } },
  { id = "qa-signs", ask.approve = { role = "qa", scope = "run" } },
]
[[plan]]
id = "back"
step = [{ id = "unmake", undo = "none: it is the way back", run.command = { argv = ["rm", "-f", "made"] } }]
[[signoff]]
role = "dev"
scope = "run"
[[signoff]]
role = "qa"
scope = "run"
distinct = true
`

// personKey is an SSH key in a file, as people have them.
func personKey(t *testing.T, name string) (journal.Identity, string) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(private, name)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
		t.Fatal(err)
	}
	id, err := journal.KeyFile(file)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.NewPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return id, strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key)))
}

// signers writes allowed_signers: a line is who, the roles, and the key.
func signers(t *testing.T, lines ...[3]string) journal.Signers {
	t.Helper()
	var text strings.Builder
	for _, l := range lines {
		namespaces := []string{journal.SessionNamespace(journal.Real)}
		for _, role := range strings.Fields(l[1]) {
			namespaces = append(namespaces, journal.SignoffNamespace(journal.Real, role))
		}
		fmt.Fprintf(&text, "%s namespaces=%q %s\n", l[0], strings.Join(namespaces, ","), l[2])
	}
	file := filepath.Join(t.TempDir(), "allowed_signers")
	if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := journal.ReadSigners(file)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func reportOf(_ string, n uint64) (string, error) { return sha(fmt.Sprint("report of ", n)), nil }

// desk begins a run of signs whose driver has the key id.
func desk(t *testing.T, id journal.Identity, who journal.Signers) *fixture {
	t.Helper()
	f := begin(t, signs)
	f.drivenBy(id, who)
	return f
}

func (f *fixture) drivenBy(id journal.Identity, who journal.Signers) {
	f.identity, f.noIdentity = id, "a test"
	f.Signs(Keys{Signers: func() (journal.Signers, error) { return who, nil }, SignersFile: "/etc/who", Report: reportOf})
}

// toSignoff does the work up to the sign-off.
func (f *fixture) toSignoff() {
	f.t.Helper()
	f.do(Approve, "approved", "eve, CHG-1")
	f.do(RunStep, "built")
	f.do(RunStep, "made")
	f.do(Check, "")
	f.do(Close, "plan")
}

func (f *fixture) sign(step, decision, note string) error {
	f.t.Helper()
	statement, err := f.Statement(f.t.Context(), f.Book().Step(step), decision, note)
	if err != nil {
		return err
	}
	return f.try(Sign, step, statement.Text())
}

func (f *fixture) mustSign(step, decision, note string) {
	f.t.Helper()
	if err := f.sign(step, decision, note); err != nil {
		f.t.Fatalf("%s %s: %v", decision, step, err)
	}
}

func (f *fixture) at(id string) StepState { return f.State().Step(f.Book().Step(id)) }

func refuses(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want …%s…", err, want)
	}
}

func TestSignatureSettlesItsStep(t *testing.T) {
	t.Parallel()
	id, line := personKey(t, "ana")
	f := desk(t, id, signers(t, [3]string{"ana@example.com", "dev tech", line}))
	f.mustSign("approved", journal.DecisionApprove, "CHG-1")
	st := f.at("approved")
	if st.State != Confirmed || st.Signed == nil || st.Signed.Principal != "ana@example.com" || st.Reported || st.Reason != "CHG-1" {
		t.Fatalf("signed it is %+v", st)
	}
	if st.Signed.Role != "tech" || st.Signed.Scope != "phase:plan" || st.Signed.ReportSHA != sha(fmt.Sprint("report of ", st.Signed.N)) {
		t.Errorf("signed as %+v", st.Signed)
	}
	for _, kind := range []string{Approve, Reject, Skip, NA, Accept, ByHandIt} { // only a signature moves what is signed
		if err := f.try(kind, "approved", "why"); !errors.Is(err, ErrNotNow) {
			t.Errorf("%s of what is signed: %v", kind, err)
		}
	}
	refuses(t, f.sign("approved", journal.DecisionApprove, "again"), "said so already")
	_, err := f.Signer(t.Context(), f.Book().Step("qa-signs"), journal.DecisionApprove)
	refuses(t, err, "does not sign as qa")
	refuses(t, err, `a line in /etc/who with namespaces="signoff.qa@runbook-log" lets it, after review`)
	f.reopen()
	if st := f.at("approved"); st.Signed == nil || st.State != Confirmed {
		t.Errorf("read again it is %+v", st)
	}
	if _, err := journal.Read(f.run.Dir); err != nil {
		t.Error(err)
	}
}

func TestReportedIsNoSignature(t *testing.T) {
	t.Parallel()
	id, line := personKey(t, "ana")
	f := desk(t, id, signers(t, [3]string{"ana@example.com", "dev", line}))
	f.toSignoff()
	if st := f.at("approved"); st.State != Confirmed || !st.Reported || st.Signed != nil {
		t.Errorf("reported it is %+v", st)
	}
	f.mustSign("dev-signs", journal.DecisionApprove, "")
	f.do(Approve, "qa-signs", "Q. said yes in chat")
	r := f.State()
	if got := SignoffLine(r.Signoffs(f.Book())); got != "sign-off 1/2, missing qa" {
		t.Error(got)
	}
	f.do(Close, "sign-off")
	f.do(End, "")
	last := f.entries()[len(f.entries())-1]
	if body, err := decode[runEndBody](last); err != nil || body.Outcome != Finished || strings.Join(body.Missing, ",") != "qa run" {
		t.Errorf("it ended with %s: %v", last.Body, err)
	}
	var unsigned *UnsignedError
	if err := Standing(f.Book(), f.State()); !errors.As(err, &unsigned) || !errors.Is(err, ErrPerson) {
		t.Errorf("it stands %v", err)
	}
}

// TestSignoffLine: what a rehearsal signed is no person's.
func TestSignoffLine(t *testing.T) {
	t.Parallel()
	role := func(name, decision string, rehearsed bool) RoleSign {
		return RoleSign{journal.Required{Role: name, Scope: journal.ScopeRun}, &Signature{Signoff: journal.Signoff{Decision: decision}, Rehearsed: rehearsed}, ""}
	}
	nobody := RoleSign{Required: journal.Required{Role: "dev", Scope: journal.ScopeRun}}
	person, machine, reject := role("qa", journal.DecisionApprove, false), role("ops", journal.DecisionApprove, true), role("sec", journal.DecisionReject, true)
	for want, all := range map[string][]RoleSign{
		"":                                     nil,
		"sign-off 2/2":                         {person, person},
		"sign-off 2/2, rehearsed":              {machine, machine},
		"sign-off 2/2, 1 rehearsed":            {machine, person},
		"sign-off 1/2, rehearsed, missing dev": {machine, nobody},
		"sign-off 1/3, missing sec (rejected), dev": {person, reject, nobody},
	} {
		if got := SignoffLine(all); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestListOfStoppedRuns says who has not signed, as log verify does.
func TestListOfStoppedRuns(t *testing.T) {
	t.Parallel()
	id, line := personKey(t, "ana")
	h := Home{Dir: t.TempDir()}
	f := beginIn(t, signs, h.Runs(false))
	who := signers(t, [3]string{"ana@example.com", "dev", line})
	f.drivenBy(id, who)
	f.toSignoff()
	f.mustSign("dev-signs", journal.DecisionApprove, "")
	f.do(End, "", "the building is on fire")
	if all, err := h.List(); err != nil || len(all) != 1 || all[0].Outcome != Stopped || all[0].Signoff != "sign-off 1/2, missing qa" {
		t.Errorf("listed is %+v, %v", all, err)
	}
	if text := Verify(f.run.Dir, journal.Policy{Signers: who}).Completeness.Text; !strings.Contains(text, "sign-offs 1/2: qa (run) missing") {
		t.Errorf("verify says %s", text)
	}
}

// A reject that comes when its phase is behind holds back what changes the
// target, and never the way back.
// A key that signs for a role that wants one of its own signs for no other.
func TestDistinctKeys(t *testing.T) {
	t.Parallel()
	ana, anaLine := personKey(t, "ana")
	bob, bobLine := personKey(t, "bob")
	who := signers(t, [3]string{"ana", "tech dev qa", anaLine}, [3]string{"bob", "dev qa", bobLine})
	f := desk(t, ana, who)
	f.mustSign("approved", journal.DecisionApprove, "") // nobody has to sign as tech: it takes no role away
	f.do(RunStep, "built")
	f.do(RunStep, "made")
	f.do(Check, "")
	f.do(Close, "plan")
	f.mustSign("dev-signs", journal.DecisionApprove, "")
	refuses(t, f.sign("qa-signs", journal.DecisionApprove, ""), "signed as dev already, and qa wants a key of its own")
	f.mustSign("qa-signs", journal.DecisionReject, "a key may reject whatever it signed")
	f.mustSign("qa-signs", journal.DecisionWithdraw, "")
	f.drivenBy(bob, who)
	f.mustSign("qa-signs", journal.DecisionApprove, "")
	refuses(t, f.sign("dev-signs", journal.DecisionApprove, ""), "signed as qa already")
	if got := SignoffLine(f.State().Signoffs(f.Book())); got != "sign-off 2/2" {
		t.Error(got)
	}
	f.do(Close, "sign-off")
	f.do(End, "")
	if err := Standing(f.Book(), f.State()); err != nil {
		t.Errorf("it stands %v", err)
	}
}

func TestWhatWasShownIsSigned(t *testing.T) {
	t.Parallel()
	ana, line := personKey(t, "ana")
	f := desk(t, ana, signers(t, [3]string{"ana", "tech", line}))
	step := f.Book().Step("approved")
	statement, err := f.Statement(t.Context(), step, journal.DecisionApprove, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, other := range []func(*journal.Signoff){
		func(s *journal.Signoff) { s.Role = "dev" }, func(s *journal.Signoff) { s.Scope = "run" }, func(s *journal.Signoff) { s.BookSHA = sha("other") },
		func(s *journal.Signoff) { s.Run = strings.Repeat("0", 32) }, func(s *journal.Signoff) { s.World = journal.Practice },
	} {
		changed := statement
		other(&changed)
		refuses(t, f.try(Sign, "approved", changed.Text()), "is about something else")
	}
	refuses(t, f.try(Sign, "approved", statement.Text()+"\n"), "not a sign-off")
	f.do(Memo, "", "the log moves")
	if err := f.try(Sign, "approved", statement.Text()); !errors.Is(err, ErrStale) {
		t.Errorf("over a head that has moved: %v", err)
	}
	f.want("approved", Pending)
}

func TestWhoReadsAlongSignsNothing(t *testing.T) {
	t.Parallel()
	ana, line := personKey(t, "ana")
	f := desk(t, ana, signers(t, [3]string{"ana", "tech", line}))
	along, err := Follow(f.run.Dir, f.world.Clock)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = along.Close() })
	along.Signs(f.keys)
	_, signer := along.Signer(t.Context(), f.Book().Step("approved"), journal.DecisionApprove)
	_, statement := along.Statement(t.Context(), f.Book().Step("approved"), journal.DecisionApprove, "")
	for _, err := range []error{signer, statement} {
		if reads := new(ReadsError); !errors.As(err, &reads) {
			t.Errorf("who reads along is told %v", err)
		}
	}
}

func TestSigningWithoutKeyOrSigners(t *testing.T) {
	t.Parallel()
	f := desk(t, nil, journal.Signers{})
	refuses(t, f.sign("approved", journal.DecisionApprove, ""), "no key signs this session: a test")
	ana, _ := personKey(t, "ana")
	f.drivenBy(ana, journal.Signers{})
	f.mustSign("approved", journal.DecisionApprove, "")
	if st := f.at("approved"); st.State != Confirmed || !strings.HasPrefix(st.Signed.By(), "SHA256:") || !strings.HasSuffix(st.Signed.By(), "nobody vouched") {
		t.Errorf("signed by %q", st.Signed.By())
	}
}

// The approval that a guarded target puts in is signed as any other, and never
// stands before the way back.
func (f *fixture) entries() []journal.Entry {
	f.t.Helper()
	all, err := journal.Read(f.run.Dir)
	if err != nil {
		f.t.Fatal(err)
	}
	return all
}
