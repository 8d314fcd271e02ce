package journal

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestPracticeRun(t *testing.T) {
	t.Parallel()
	key := keygen(t, "ed25519", "")
	id, err := KeyFile(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := finished(t, Options{World: Practice, Identity: id})
	_, given := signersFile(t, "ann "+publicKey(t, key))
	if r := Verify(dir, Policy{Signers: given}); r.Exit() != 4 || r.World != Practice {
		t.Errorf("signers of real runs vouch for practice: %q", r.Lines())
	}
	beside := filepath.Join(filepath.Dir(dir), "allowed_signers")
	put(t, beside, []byte(`practice namespaces="session@practice.runbook-log" `+publicKey(t, key)+"\n"))
	for _, s := range []Signers{{}, given} {
		r := Verify(dir+"/", Policy{Signers: s})
		if r.Exit() != 0 || !strings.HasPrefix(r.Lines()[2], "identity ok  practice key SHA256:") || !strings.HasSuffix(r.Lines()[2], "(proves no person)") {
			t.Errorf("exit %d %q", r.Exit(), r.Lines())
		}
	}
	again, _ := reopen(t, dir, Options{Identity: id})
	if again.World() != Practice {
		t.Error("resumed in another world")
	}
	// A real run there must not be vouched for by the practice key.
	sibling := filepath.Join(filepath.Dir(dir), "real")
	l := create(t, sibling, Options{Identity: id})
	add(t, l, KindRunEnd, nil)
	closeLog(t, l)
	if r := Verify(sibling, Policy{}); r.Exit() != 4 {
		t.Errorf("the practice world vouches for a real run: %q", r.Lines())
	}
}

// forgery says in which world each part of a forged run lives.
type forgery struct{ body, statement, person, line string }

// forge writes a run of one session by hand, with a session key of its own and a
// person's signature made in any namespace.
func forge(t *testing.T, dir string, id Identity, f forgery) {
	t.Helper()
	public, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	empty := sha256.Sum256(nil)
	sum := hex.EncodeToString(empty[:])
	e := Entry{V: 1, Run: newRun(), Seg: 1, N: 1, Prev: Zeros, Time: time.Now(), Kind: KindSession}
	s := session{SessionKey: base64.StdEncoding.EncodeToString(public), World: f.statement, Rest: sum}
	s.Stmt = s.statement(&e, 0, sum)
	s.World = f.body
	if s.SSHSig, err = id.Sign(SessionNamespace(f.person), []byte(s.Stmt)); err != nil {
		t.Fatal(err)
	}
	if e.Body, err = encodeBody(s); err != nil {
		t.Fatal(err)
	}
	l := Log{key: key, o: Options{World: f.line}}
	first, err := l.sign(&e)
	if err != nil {
		t.Fatal(err)
	}
	end := e
	end.N, end.Prev, end.Kind, end.Body = 2, e.Head, KindRunEnd, []byte("{}")
	second, err := l.sign(&end)
	if err != nil {
		t.Fatal(err)
	}
	put(t, segmentPath(dir, 1), append(first, second...))
}

func TestWorldsDoNotMix(t *testing.T) {
	t.Parallel()
	key := keygen(t, "ed25519", "")
	id, err := KeyFile(key)
	if err != nil {
		t.Fatal(err)
	}
	_, signers := signersFile(t, "ann "+publicKey(t, key))
	parent := t.TempDir()
	put(t, filepath.Join(parent, "allowed_signers"), []byte("practice "+publicKey(t, key)+"\n"))
	worlds := []string{Real, Practice}
	for i := range 16 {
		f := forgery{worlds[i&1], worlds[i>>1&1], worlds[i>>2&1], worlds[i>>3&1]}
		dir := filepath.Join(parent, fmt.Sprint(i))
		mkdir(t, dir)
		forge(t, dir, id, f)
		want := 1
		if i == 0 || i == 15 { // all in one world
			want = 0
		}
		if r := Verify(dir, Policy{Signers: signers}); r.Exit() != want {
			t.Errorf("%+v: exit %d, want %d: %q", f, r.Exit(), want, r.Lines())
		}
	}
}

// liar signs something else than it was asked to.
type liar struct{ Identity }

func (l liar) Sign(string, []byte) (string, error) {
	return l.Identity.Sign(SessionNamespace(Practice), []byte("x"))
}

func TestSignatureThatDoesNotHold(t *testing.T) {
	t.Parallel()
	id, err := KeyFile(keygen(t, "ed25519", ""))
	if err != nil {
		t.Fatal(err)
	}
	l := create(t, t.TempDir(), Options{Identity: liar{id}})
	if !strings.HasPrefix(l.Identity(), "none: ") {
		t.Errorf("recorded as %q", l.Identity())
	}
}

// TestWorldOfTheNextSession splices a practice session behind a real one.
func TestWorldOfTheNextSession(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := create(t, dir, Options{})
	closeLog(t, l)
	c, err := scan(dir, func(Entry) {})
	if err != nil {
		t.Fatal(err)
	}
	next, err := lockDir(dir, Options{Run: l.Run(), World: Practice})
	if err != nil {
		t.Fatal(err)
	}
	next.seg = 1
	if err := next.begin(c, c.segs[0].size, nil); err != nil {
		t.Fatal(err)
	}
	add(t, next, KindRunEnd, nil)
	closeLog(t, next)
	if r := Verify(dir, Policy{}); r.Exit() != 1 || !strings.Contains(r.Integrity.Text, "world practice in a run of world real") {
		t.Errorf("exit %d %q", r.Exit(), r.Lines())
	}
}
