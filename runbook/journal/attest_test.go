package journal

import (
	"encoding/base64"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
)

// desk is a run with the keys of people who sign off.
type desk struct {
	dir  string
	log  *Log
	keys map[string]Identity // by name
	file string              // allowed_signers
}

// aDesk begins a run in which each of the people may sign as the role of that
// name, and as those listed behind it.
func aDesk(t *testing.T, people ...string) desk {
	t.Helper()
	d := desk{dir: t.TempDir(), keys: map[string]Identity{}}
	lines := make([]string, 0, len(people))
	for _, one := range people {
		roles := strings.Split(one, ",")
		path := keygen(t, "ed25519", "")
		id, err := KeyFile(path)
		if err != nil {
			t.Fatal(err)
		}
		d.keys[roles[0]] = id
		spaces := []string{SessionNamespace(Real)}
		for _, role := range roles {
			spaces = append(spaces, SignoffNamespace(Real, role))
		}
		lines = append(lines, roles[0]+`@example.com namespaces="`+strings.Join(spaces, ",")+`" `+publicKey(t, path))
	}
	d.file, _ = signersFile(t, strings.Join(lines, "\n"))
	first, _, _ := strings.Cut(people[0], ",")
	d.log = create(t, d.dir, Options{Identity: d.keys[first]})
	return d
}

// signoff is what role signs with the key of who, over the head as it is.
func (d desk) signoff(t *testing.T, who, role, decision string, change ...func(*Signoff)) Attest {
	t.Helper()
	s := aSignoff()
	s.Run, s.Role, s.Decision, s.Commitment = d.log.Run(), role, decision, d.log.Commitment()
	for _, f := range change {
		f(&s)
	}
	armored, err := d.keys[who].Sign(SignoffNamespace(s.World, s.Role), []byte(s.Text()))
	if err != nil {
		t.Fatal(err)
	}
	return Attest{SSHSig: armored, Stmt: s.Text(), Via: "file"}
}

func (d desk) attest(t *testing.T, who, role, decision string, change ...func(*Signoff)) {
	t.Helper()
	if _, err := d.log.Attest(t.Context(), d.signoff(t, who, role, decision, change...)); err != nil {
		t.Fatal(err)
	}
}

// terms demands these roles for the run as a whole; one behind ! must be
// distinct.
func terms(roles ...string) func(Entry) (Terms, bool) {
	var t Terms
	for _, role := range roles {
		name, distinct := strings.CutPrefix(role, "!")
		t.Required = append(t.Required, Required{Role: name, Scope: ScopeRun, Distinct: distinct})
	}
	return func(e Entry) (Terms, bool) { return t, e.N == 1 }
}

func (d desk) policy(t *testing.T, roles ...string) Policy {
	t.Helper()
	s, err := ReadSigners(d.file)
	if err != nil {
		t.Fatal(err)
	}
	return Policy{Signers: s, Terms: terms(roles...)}
}

func TestSignoffs(t *testing.T) {
	t.Parallel()
	d := aDesk(t, "dev", "qa")
	add(t, d.log, "note", nil)
	d.attest(t, "dev", "dev", DecisionApprove)
	add(t, d.log, KindRunEnd, nil)
	p := d.policy(t, "dev", "qa")
	if r := Verify(d.dir, p); r.Exit() != 3 || r.Completeness.Word != Missing || !strings.Contains(r.Completeness.Text, "sign-offs 1/2: qa (run) missing") {
		t.Errorf("exit %d %q", r.Exit(), r.Lines())
	}
	d.attest(t, "qa", "qa", DecisionReject)
	if r := Verify(d.dir, p); r.Exit() != 3 || r.Completeness.Word != Rejected || !strings.Contains(r.Completeness.Text, "qa (run) rejected by qa@example.com") {
		t.Errorf("exit %d %q", r.Exit(), r.Lines())
	}
	d.attest(t, "qa", "qa", DecisionWithdraw)
	if r := Verify(d.dir, p); r.Completeness.Word != Missing {
		t.Errorf("exit %d %q", r.Exit(), r.Lines())
	}
	d.attest(t, "qa", "qa", DecisionApprove)
	if r := Verify(d.dir, p); r.Exit() != 0 || len(r.Signoffs) != 4 || !strings.Contains(r.Identity.Text, "qa@example.com signed as qa") {
		t.Errorf("exit %d %q", r.Exit(), r.Lines())
	}
}

// A reject of one key holds against the approval of another, and only its own
// key takes it back.
func TestRejectHolds(t *testing.T) {
	t.Parallel()
	d := aDesk(t, "dev,qa", "qa")
	d.attest(t, "qa", "qa", DecisionReject)
	d.attest(t, "dev", "qa", DecisionApprove)
	d.attest(t, "dev", "qa", DecisionWithdraw)
	d.attest(t, "dev", "qa", DecisionApprove)
	add(t, d.log, KindRunEnd, nil)
	if r := Verify(d.dir, d.policy(t, "qa")); r.Completeness.Word != Rejected {
		t.Errorf("%q", r.Lines())
	}
	d.attest(t, "qa", "qa", DecisionWithdraw)
	if r := Verify(d.dir, d.policy(t, "qa")); r.Exit() != 0 {
		t.Errorf("%q", r.Lines())
	}
}

func TestDistinctKeys(t *testing.T) {
	t.Parallel()
	d := aDesk(t, "dev,qa", "qa")
	d.attest(t, "dev", "dev", DecisionApprove)
	d.attest(t, "dev", "qa", DecisionApprove)
	add(t, d.log, KindRunEnd, nil)
	if r := Verify(d.dir, d.policy(t, "dev", "qa")); r.Exit() != 0 {
		t.Errorf("one key may sign both: %q", r.Lines())
	}
	if r := Verify(d.dir, d.policy(t, "dev", "!qa")); r.Completeness.Word != Missing || !strings.Contains(r.Completeness.Text, "dev@example.com also signed as dev") {
		t.Errorf("%q", r.Lines())
	}
	d.attest(t, "qa", "qa", DecisionApprove)
	if r := Verify(d.dir, d.policy(t, "dev", "!qa")); r.Exit() != 0 {
		t.Errorf("%q", r.Lines())
	}
}

// Whose key it is decides the verifier, with files of his own.
func TestSignoffThatDoesNotCount(t *testing.T) {
	t.Parallel()
	d := aDesk(t, "dev", "qa")
	d.attest(t, "dev", "qa", DecisionApprove)
	add(t, d.log, KindRunEnd, nil)
	p := d.policy(t, "qa")
	if r := Verify(d.dir, p); r.Exit() != 4 || r.Completeness.Word != Missing || !strings.Contains(r.Identity.Text, "does not list it for signoff.qa@runbook-log") {
		t.Errorf("a key of another role: exit %d %q", r.Exit(), r.Lines())
	} else if !strings.Contains(r.Roles[0].Text, "does not list it") {
		t.Errorf("the role says %q", r.Roles[0].Text)
	}
	d.attest(t, "qa", "qa", DecisionApprove)
	if r := Verify(d.dir, p); r.Exit() != 4 || r.Completeness.Word != OK {
		t.Errorf("the right one beside it: exit %d %q", r.Exit(), r.Lines())
	}
	revoked := filepath.Join(t.TempDir(), "revoked_keys")
	key := d.keys["qa"].PublicKey()
	put(t, revoked, []byte("# lost\n"+key.Type()+" "+base64.StdEncoding.EncodeToString(key.Marshal())+" qa\n"))
	var err error
	if p.Revoked, err = ReadRevoked(revoked); err != nil {
		t.Fatal(err)
	}
	if r := Verify(d.dir, p); r.Exit() != 4 || r.Completeness.Word != Missing || !strings.Contains(r.Identity.Text, "qa@example.com "+ssh.FingerprintSHA256(key)+" is revoked") {
		t.Errorf("a revoked key: exit %d %q", r.Exit(), r.Lines())
	}
	if r := Verify(d.dir, Policy{Terms: terms("qa")}); r.Exit() != 4 || r.Completeness.Word != Missing {
		t.Errorf("no signers: exit %d %q", r.Exit(), r.Lines())
	}
}

func TestSignoffOfOtherTerms(t *testing.T) {
	t.Parallel()
	d := aDesk(t, "dev")
	d.attest(t, "dev", "dev", DecisionApprove)
	add(t, d.log, KindRunEnd, nil)
	s := aSignoff()
	right := Terms{Required: []Required{{Role: "dev", Scope: ScopeRun}}, Book: s.Book, BookSHA: s.BookSHA, Target: s.Target, TargetSHA: s.TargetSHA, Mode: s.Mode}
	for name, change := range map[string]func(*Terms){
		"":           func(*Terms) {},
		"book":       func(t *Terms) { t.Book = "other" },
		"book sha":   func(t *Terms) { t.BookSHA = Zeros },
		"target":     func(t *Terms) { t.Target = "other" },
		"target sha": func(t *Terms) { t.TargetSHA = Zeros },
		"mode":       func(t *Terms) { t.Mode = "rollback" },
	} {
		now := right
		change(&now)
		p := d.policy(t)
		p.Terms = func(e Entry) (Terms, bool) { return now, e.N == 1 }
		want := 4
		if name == "" {
			want = 0
		}
		if r := Verify(d.dir, p); r.Exit() != want {
			t.Errorf("%q: exit %d, want %d: %q", name, r.Exit(), want, r.Lines())
		}
	}
}

// What does not hold is not taken; put into the log all the same, by somebody
// who holds the session key, it is tampering.
func TestSignoffThatNoLogTakes(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Signoff){
		"run":    func(s *Signoff) { s.Run = newRun() },
		"world":  func(s *Signoff) { s.World = Practice },
		"future": func(s *Signoff) { s.N += 5 },
		"head":   func(s *Signoff) { s.Head = Zeros },
		"bytes":  func(s *Signoff) { s.Bytes++ },
		"sum":    func(s *Signoff) { s.SHA256 = Zeros },
		"entry":  func(s *Signoff) { s.N-- },
	} {
		d := aDesk(t, "dev")
		add(t, d.log, "note", nil)
		refused(t, d, name, d.signoff(t, "dev", "dev", DecisionApprove, change))
	}
	d := aDesk(t, "dev", "qa")
	whole := d.signoff(t, "dev", "dev", DecisionApprove)
	for name, change := range map[string]func(*Attest){
		"decision": func(a *Attest) { a.Stmt = strings.Replace(a.Stmt, "approve", "reject", 1) },
		"role":     func(a *Attest) { a.Stmt = strings.Replace(a.Stmt, "role dev", "role qa", 1) },
		"form":     func(a *Attest) { a.Stmt += "\n" },
		"unsigned": func(a *Attest) { a.SSHSig = "" },
		"more":     func(a *Attest) { a.SSHSig += a.SSHSig },
		"before":   func(a *Attest) { a.SSHSig = "x\n" + a.SSHSig },
	} {
		a := whole
		change(&a)
		refused(t, d, name, a)
	}
	if _, err := d.log.Attest(t.Context(), whole); err != nil {
		t.Errorf("the whole one: %v", err)
	}
}

// refused checks that a log does not take a, and that it is found where it was
// put in by hand.
func refused(t *testing.T, d desk, name string, a Attest) {
	t.Helper()
	if _, err := d.log.Attest(t.Context(), a); err == nil {
		t.Errorf("%s: taken", name)
	}
	if r, _ := d.byHand(t, KindAttest, a); r.Integrity.Word != Tampered {
		t.Errorf("%s: %q", name, r.Lines())
	}
}

// A sign-off may follow the end of the run, in a session that nobody vouches
// for.
func TestSignoffAfterTheEnd(t *testing.T) {
	t.Parallel()
	d := aDesk(t, "dev", "qa")
	add(t, d.log, KindRunEnd, nil)
	late := d.signoff(t, "qa", "qa", DecisionApprove)
	closeLog(t, d.log)
	d.log, _ = reopen(t, d.dir, Options{NoIdentity: "it only takes in what others signed"})
	if _, err := d.log.Attest(t.Context(), late); err != nil {
		t.Fatal(err)
	}
	d.attest(t, "dev", "dev", DecisionApprove) // over two segments
	closeLog(t, d.log)
	if r := Verify(d.dir, d.policy(t, "dev", "qa")); r.Exit() != 0 || len(r.Sessions) != 1 {
		t.Errorf("exit %d %q", r.Exit(), r.Lines())
	}
	c, err := CommitmentOf(d.dir)
	if n, head := d.log.Head(); err != nil || c.N != n || c.Head != head || c != d.log.Commitment() {
		t.Errorf("%+v, %v", c, err)
	}
}

// Stock tools see the same: the namespace is the role.
func TestSignoffWithSSHKeygen(t *testing.T) {
	t.Parallel()
	d := aDesk(t, "dev", "qa")
	a := d.signoff(t, "qa", "qa", DecisionApprove)
	sig := filepath.Join(t.TempDir(), "sig")
	put(t, sig, []byte(a.SSHSig))
	verify := func(principal, namespace, text string) error {
		cmd := exec.CommandContext(t.Context(), "ssh-keygen", "-Y", "verify", "-f", d.file, "-I", principal, "-n", namespace, "-s", sig) // #nosec G204 -- ours
		cmd.Stdin = strings.NewReader(text)
		return cmd.Run()
	}
	if err := verify("qa@example.com", SignoffNamespace(Real, "qa"), a.Stmt); err != nil {
		t.Error(err)
	}
	for _, c := range [][3]string{
		{"dev@example.com", SignoffNamespace(Real, "qa"), a.Stmt},
		{"qa@example.com", SignoffNamespace(Real, "dev"), a.Stmt},
		{"qa@example.com", SignoffNamespace(Practice, "qa"), a.Stmt},
		{"qa@example.com", SignoffNamespace(Real, "qa"), a.Stmt + " "},
	} {
		if err := verify(c[0], c[1], c[2]); err == nil {
			t.Errorf("good: %q", c)
		}
	}
	// And the other way: what plain ssh-keygen signs is taken.
	stmt := filepath.Join(t.TempDir(), "approve.txt")
	put(t, stmt, []byte(a.Stmt))
	path := strings.TrimPrefix(d.keys["qa"].Source(), "file ")
	if out, err := exec.CommandContext(t.Context(), "ssh-keygen", "-Y", "sign", "-n", SignoffNamespace(Real, "qa"), "-f", path, stmt).CombinedOutput(); err != nil { // #nosec G204 -- ours
		t.Fatalf("%v: %s", err, out)
	}
	a.SSHSig = string(get(t, stmt+".sig"))
	if _, err := d.log.Attest(t.Context(), a); err != nil {
		t.Error(err)
	}
}

func TestAnchors(t *testing.T) {
	t.Parallel()
	d := aDesk(t, "dev")
	e := add(t, d.log, "note", nil)
	end := add(t, d.log, KindRunEnd, nil)
	closeLog(t, d.log)
	file := filepath.Join(t.TempDir(), "chat.txt")
	other := "run 00000000 head " + HeadCode(9, strings.Repeat("cd", 32))
	for name, c := range map[string]struct {
		text string
		want Word
		exit int
	}{
		"as seen":      {"12:01 bot: phase closed, " + HeadLine(e.Run, e.N, e.Head) + ".\n> " + HeadCode(end.N, end.Head) + "\n" + other, OK, 0},
		"rolled back":  {HeadLine(e.Run, end.N+1, end.Head), RolledBack, 1},
		"forked":       {HeadLine(e.Run, e.N, end.Head), Forked, 1},
		"one is wrong": {HeadLine(e.Run, e.N, e.Head) + " " + HeadLine(e.Run, e.N-1, e.Head), Forked, 1},
	} {
		put(t, file, []byte(c.text))
		anchors, err := ReadAnchors(file, e.Run)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range []Policy{{Anchors: anchors}, {Seen: anchors}} {
			signers := d.policy(t)
			p.Signers = signers.Signers
			want := c.want
			if p.Anchors == nil && want == OK {
				want = NoAnchor // what the verifier has seen himself proves nothing to others
			}
			if r := Verify(d.dir, p); r.Anchoring.Word != want || r.Exit() != c.exit {
				t.Errorf("%s: exit %d %q", name, r.Exit(), r.Lines())
			}
		}
	}
	put(t, file, slices.Concat([]byte(HeadLine(e.Run, e.N, e.Head)+"\n"), make([]byte, maxAnchors)))
	if _, err := ReadAnchors(file, e.Run); err == nil {
		t.Error("a text of which only the begin would be read was taken")
	}
	for _, text := range []string{"", other, "17-CGZI-6IOA", e.Head} {
		put(t, file, []byte(text))
		if a, err := ReadAnchors(file, e.Run); err == nil {
			t.Errorf("%q: %v", text, a)
		}
	}
}
