//go:build fault

package journal

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// mutant takes one check away from a file of this package. check is the text of
// a condition that stands there exactly once, and never holds in the mutant;
// instead is what stands in its place. A piece of it in «» is all that changes.
type mutant struct{ file, check, instead string }

// slow tests are left out: that a check is gone is seen without them.
const slow = `^(TestFault|TestEveryBitFlip|TestNoPrefix|TestTornImages|TestKilledWriter|TestAgentHangs|TestConcurrent|TestKeygenVerifies|TestNoAck|TestFailedSync|TestDisk|TestReserved|TestFindIdentity|TestPermissions|TestOneOfMany|TestDamagedKRL)`

// edit puts text in the place of the bytes from from to to.
type edit struct {
	from, to int
	text     string
}

// without names the mutant that a program with all of them is to be.
const without = "JOURNAL_TEST_WITHOUT"

// mutable says which mutant a program is, 0 for none.
const mutable = `package journal

import "os"

func gone(mutant string) bool { return os.Getenv("` + without + `") == mutant }

func either[T any](mutant string, instead, usual T) T {
	if gone(mutant) {
		return instead
	}
	return usual
}
`

// TestFaultMutants removes each check of the verifier in turn: some test has to
// fail each time. A mutant that survives is a check that nobody tests.
func TestFaultMutants(t *testing.T) {
	program := mutableTests(t)
	if out, err := run(t, program, "none"); err != nil {
		t.Fatalf("the tests fail with every check in its place: %v\n%s", err, out)
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	caught, next := 0, make(chan int)
	for range 2 {
		wg.Go(func() {
			for i := range next {
				out, err := run(t, program, fmt.Sprint(i))
				mu.Lock()
				switch {
				case err == nil:
					t.Errorf("%s without %s: no test fails", mutants[i].file, mutants[i].check)
				case !strings.Contains(out, "--- FAIL") && !strings.Contains(out, "panic: "):
					t.Errorf("%s without %s: %v\n%s", mutants[i].file, mutants[i].check, err, out)
				default:
					caught++
				}
				mu.Unlock()
			}
		})
	}
	for i := range mutants {
		next <- i
	}
	close(next)
	wg.Wait()
	t.Logf("tried %d, caught %d", len(mutants), caught)
}

// mutableTests builds the tests of this package with all mutants in them, of
// which a run has one.
func mutableTests(t *testing.T) (program string) {
	t.Helper()
	dir := t.TempDir()
	edits := map[string][]edit{}
	for i, m := range mutants {
		before, check, behind := "", m.check, ""
		if strings.Contains(check, "«") {
			before, check, _ = strings.Cut(check, "«")
			check, behind, _ = strings.Cut(check, "»")
		}
		text := string(get(t, m.file))
		if n := strings.Count(text, before+check+behind); n != 1 {
			t.Fatalf("%s: %s stands there %d times", m.file, m.check, n)
		}
		instead := fmt.Sprintf(`(!gone("%d") && (%s))`, i, check)
		if m.instead != "" {
			instead = fmt.Sprintf(`either("%d", %s, %s)`, i, m.instead, check)
		}
		at := strings.Index(text, before+check+behind) + len(before)
		edits[m.file] = append(edits[m.file], edit{at, at + len(check), instead})
	}
	texts := map[string]string{"mutable.go": mutable}
	for file, all := range edits {
		text := get(t, file)
		slices.SortFunc(all, func(a, b edit) int { return b.from - a.from })
		for i, e := range all {
			if i > 0 && e.to > all[i-1].from {
				t.Fatalf("%s: two mutants change %s", file, text[e.from:e.to])
			}
			text = slices.Concat(text[:e.from], []byte(e.text), text[e.to:])
		}
		texts[file] = string(text)
	}
	overlay := struct{ Replace map[string]string }{map[string]string{}}
	for file, text := range texts {
		path, err := filepath.Abs(file)
		if err != nil {
			t.Fatal(err)
		}
		overlay.Replace[path] = filepath.Join(dir, file)
		put(t, overlay.Replace[path], []byte(text))
	}
	list, err := json.Marshal(overlay)
	if err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(dir, "overlay"), list)
	program = filepath.Join(dir, "mutable.test")
	command(t, nil, nil, "go", "test", "-c", "-overlay", filepath.Join(dir, "overlay"), "-o", program, ".")
	return program
}

// near are the tests that look at a file from close by: they go first, since
// most mutants fail there.
var near = map[string]string{
	"line.go": "ParseLine|OtherVersion", "form.go": "ParseLine|AppendRefuses", "person.go": "KeyMatrix|SignatureAlone|Forged|Armor|KeyHasOneForm",
	"scan.go": "Insider|Foreign|Forged|Mutations|NoSegment|FromTorn|OtherVersion|NoLogTakes", "watchlog.go": "NoSegment|Slot|Watch", "watchanchor.go": "Slot|Watch|Anchor|Delegat", "statement.go": "World|Forged|Practice",
	"attest.go": "NoLogTakes|Attest|WouldNotCount", "signers.go": "SignersAre|IdentityVerdicts", "revoked.go": "Revoked|DoesNotCount", "krl.go": "Revoked|KRLWith", "anchor.go": "Anchors",
	"identify.go": "Signoff|Scopes|Replay|Verdicts|Distinct|Practice", "verify.go": "TestVerdicts|Terms|Practice|Other|Mutations", "signoff.go": "Signoff",
	"lastword.go": "Replay|WouldNotCount", "handover.go": "HandOver", "delegation.go": "Delegat|Slot",
}

// run has one mutant tested, on a file system without a disk where there is one.
func run(t *testing.T, program, which string) (out string, err error) {
	t.Helper()
	rounds := []string{"."}
	if i, err := strconv.Atoi(which); err == nil {
		rounds = []string{near[mutants[i].file], "."}
	}
	memory, err := os.MkdirTemp("/dev/shm", "mutant-")
	if err != nil {
		memory = t.TempDir()
	}
	defer func() { _ = os.RemoveAll(memory) }() // what a mutant that was killed leaves
	for _, tests := range rounds {
		cmd := exec.CommandContext(t.Context(), program, "-test.run="+tests, "-test.skip="+slow, "-test.failfast", "-test.timeout=60s")
		cmd.Env = append(os.Environ(), without+"="+which, "TMPDIR="+memory)
		all, err := cmd.CombinedOutput()
		if err != nil {
			return string(all), err
		}
	}
	return "", nil
}

// A check that only says earlier what another one says as well is not among
// them: without it nothing is different.
var mutants = []mutant{
	{file: "line.go", check: `len(line) > MaxLine`},
	{file: "line.go", check: `err != nil || len(raw) != 64`},
	{file: "line.go", check: `!bytes.Equal(e.Line(), line)`},
	{file: "line.go", check: `e.V != version`},
	{file: "line.go", check: `!isRun(e.Run)`},
	{file: "line.go", check: `!isHash(e.Prev)`},
	{file: "line.go", check: `«len(s) == digits» &&`, instead: `true`},
	{file: "line.go", check: `strings.Trim(s, "0123456789abcdef") == ""`, instead: `true`},
	{file: "line.go", check: `!kindForm.MatchString(e.Kind)`},
	{file: "line.go", check: `int64(e.Seg) < 1`},
	{file: "line.go", check: `int64(e.N) < 1`},
	{file: "line.go", check: `err := checkBody(c.rest); «err != nil»`},
	{file: "form.go", check: `!bytes.HasPrefix(b, []byte("{"))`},
	{file: "form.go", check: `len(f.rest) > 0`},
	{file: "form.go", check: `depth > maxDepth`},
	{file: "form.go", check: `!f.takes('"')`},
	{file: "form.go", check: `before != nil && bytes.Compare(before, key) >= 0`},
	{file: "form.go", check: `!f.takes(':')`},
	{file: "form.go", check: "if «!f.takes(',')» {\n\t\t\treturn fmt"},
	{file: "form.go", check: "if «!f.takes(',')» {\n\t\t\treturn errors"},
	{file: "form.go", check: `end >= len(f.rest)`},
	{file: "form.go", check: `«c >= ' '» &&`, instead: `true`},
	{file: "form.go", check: `«c < utf8.RuneSelf» &&`, instead: `true`},
	{file: "form.go", check: `&& «c != '\\'»`, instead: `true`},
	{file: "form.go", check: `string(again) != quoted`},
	{file: "form.go", check: `strconv.FormatInt(n, 10) != string(text)`},
	{file: "scan.go", check: `os.Lstat(segmentPath(dir, k+1)); «err != nil»`},
	{file: "watchlog.go", check: `os.O_RDONLY|«syscall.O_NOFOLLOW»`, instead: `0`},
	{file: "watchlog.go", check: `!info.Mode().IsRegular()`},
	{file: "scan.go", check: `next == nil && «isTorn(rest)»`, instead: `true`},
	{file: "scan.go", check: `«len(rest) <= MaxLine» &&`, instead: `true`},
	{file: "scan.go", check: `«!bytes.Contains(rest, []byte("\n"))» ||`, instead: `true`},
	{file: "scan.go", check: `bytes.IndexByte(rest, 0) >= 0`},
	{file: "scan.go", check: `err := checkCut(pos, rest, next.buf); «err != nil»`},
	{file: "scan.go", check: `s.PrevBytes < pos`},
	{file: "scan.go", check: `s.PrevBytes > pos`},
	{file: "scan.go", check: `s.Discarded != int64(len(rest))`},
	{file: "scan.go", check: `s.Rest != hex.EncodeToString(sum[:])`},
	{file: "scan.go", check: `sum[:]), «!isTorn(rest)»`},
	{file: "scan.go", check: `c.n > 0 && e.Run != c.run`},
	{file: "scan.go", check: `e.Seg != k`},
	{file: "scan.go", check: `e.N != c.n+1`},
	{file: "scan.go", check: `e.Prev != c.head`},
	{file: "scan.go", check: `first != (e.Kind == KindSession)`},
	{file: "scan.go", check: `c.ended && !first && !isNote(e.Kind)`},
	{file: "scan.go", check: `err := c.signed(l, first); «err != nil»`},
	{file: "scan.go", check: `l.sig != nil`},
	{file: "scan.go", check: `return «c.attest(e)»`, instead: `nil`},
	{file: "scan.go", check: `return «c.delegate(e)»`, instead: `nil`},
	{file: "scan.go", check: `return «c.anchor(e)»`, instead: `nil`},
	{file: "scan.go", check: `return «c.handOver(e)»`, instead: `nil`},
	{file: "handover.go", check: `h.Text() != text`},
	{file: "handover.go", check: `stmt == nil && sig == nil`},
	{file: "handover.go", check: `h.Run != run`},
	{file: "handover.go", check: `h.World != world`},
	{file: "handover.go", check: `h.SessionKey != sessionKey`},
	{file: "handover.go", check: `h.N == 0`},
	{file: "handover.go", check: `h.Commitment != seen`},
	{file: "handover.go", check: `checkSigned(armored, «SessionNamespace(world)»`, instead: `SignoffNamespace(world, "bob")`},
	{file: "handover.go", check: "«err != nil» {\n\t\treturn person{}, fmt.Errorf(\"hand-over: %w\""},
	{file: "handover.go", check: `«h.N >= first» && h.N <= last`, instead: `true`},
	{file: "handover.go", check: `h.N > 0 && h.N <= c.n`, instead: `true`},
	{file: "identify.go", check: `key, «SessionNamespace(c.world)», h.at`, instead: `SignoffNamespace(c.world, "bob")`},
	{file: "identify.go", check: "if «h.Why != \"\"» {"},
	{file: "delegation.go", check: `d.text() != text`},
	{file: "delegation.go", check: "return «!nameForm.MatchString(w)» }):"},
	{file: "delegation.go", check: `d.Run != c.run`},
	{file: "delegation.go", check: `d.World != c.world`},
	{file: "delegation.go", check: `d.N == 0`},
	{file: "delegation.go", check: `d.N > c.n`},
	{file: "delegation.go", check: `d.Commitment != c.commitment(d.N)`},
	{file: "delegation.go", check: "who, err := checkSigned(body.SSHSig, «WatchNamespace(d.World)»", instead: `SessionNamespace(d.World)`},
	{file: "delegation.go", check: "«err != nil» {\n\t\treturn fmt.Errorf(\"delegation: %w\""},
	{file: "scan.go", check: `s.World != Real && s.World != Practice`},
	{file: "scan.go", check: `c.n > 0 && s.World != c.world`},
	{file: "scan.go", check: `c.n == 0 && (s.PrevBytes != 0 || s.Discarded != 0)`},
	{file: "scan.go", check: `s.Stmt != s.statement(e, c.bytes, hex.EncodeToString(c.sum.Sum(nil)))`},
	{file: "scan.go", check: `err := checkLine(e, seg.key, EntryNamespace(s.World)); «err != nil»`},
	{file: "scan.go", check: `seg.signer, err = s.signer(); «err != nil»`},
	{file: "scan.go", check: `found && ours.form == nil && c.accept(k, &ours, first) == nil`},
	{file: "scan.go", check: `!ed25519.Verify(key, signedData(namespace, e.signed()), sig)`},
	{file: "watchlog.go", check: `a.n > s.n`},
	{file: "watchlog.go", check: `s.heads[a.n-1] != a.head`},
	{file: "watchlog.go", check: `s.log.ended && s.n > anchored.n`},
	{file: "watchlog.go", check: `e.Run != s.log.run`},
	{file: "watchlog.go", check: `e.N != s.n+1`},
	{file: "watchlog.go", check: `e.Seg != seg`},
	{file: "watchlog.go", check: `e.Prev != prev`},
	{file: "watchlog.go", check: `err := checkLine(e, d.key, slotNamespace(s.log.world)); «err != nil»`},
	{file: "watchlog.go", check: `m.tear != tornOf(left)`},
	{file: "watchlog.go", check: `e.Time.Before(d.From)`},
	{file: "watchlog.go", check: `e.Time.After(d.Until)`},
	{file: "watchlog.go", check: `e.Kind != KindSlot && e.Kind != KindGap`},
	{file: "watchlog.go", check: `!slices.Contains(d.Watches, m.Step)`},
	{file: "watchlog.go", check: `case «isTorn(rest)»:`, instead: `true`},
	{file: "watchanchor.go", check: `!isHash(body.Head)`},
	{file: "watchanchor.go", check: `body.N < c.anchored.n`},
	{file: "watchanchor.go", check: `body.N == c.anchored.n && body.Head != c.anchored.head`},
	{file: "watchanchor.go", check: `c.ended && body.N != c.anchored.n`},
	{file: "statement.go", check: `world == Practice`},
	{file: "statement.go", check: `checkSigned(s.SSHSig, «SessionNamespace(s.World)»`, instead: `SessionNamespace(Practice)`},
	{file: "statement.go", check: `err != nil || len(b) != ed25519.PublicKeySize`},
	{file: "person.go", check: `len(armored) > maxSigned`},
	{file: "person.go", check: `inner == nil`},
	{file: "person.go", check: `!bytes.HasPrefix(blob[len("SSHSIG")+4:], written)`},
	{file: "person.go", check: `_, certificate := sig.PublicKey.(*ssh.Certificate); «certificate»`},
	{file: "person.go", check: `len(sig.Signature.Rest) > 0 && !securityKey(sig)`},
	{file: "person.go", check: `sig.HashAlgorithm, «namespace»); err`, instead: `sig.Namespace`},
	{file: "person.go", check: `namespace); «err != nil»`},
	{file: "person.go", check: `sig.Signature.Rest[0]&userVerified != 0`},
	{file: "attest.go", check: `s.Run != c.run`},
	{file: "attest.go", check: `s.World != c.world`},
	{file: "attest.go", check: `s.N > c.n`},
	{file: "attest.go", check: `s.Commitment != c.commitment(s.N)`},
	{file: "attest.go", check: `checkSigned(a.SSHSig, «SignoffNamespace(s.World, s.Role)»`, instead: `SignoffNamespace(s.World, "dev")`},
	{file: "attest.go", check: "«err != nil» {\n\t\treturn s, who, fmt.Errorf(\"sign-off of"},
	{file: "attest.go", check: "«err != nil» {\n\t\treturn Entry{}, fmt.Errorf(\"append a sign-off"},
	{file: "attest.go", check: "case «last.entry == 0»:", instead: `true`},
	{file: "attest.go", check: `last.Text() == a.Text()`},
	{file: "signers.go", check: `!bytes.Equal(l.key.Marshal(), key.Marshal())`},
	{file: "signers.go", check: `l.namespaces != "" && !matchList(namespace, l.namespaces)`},
	{file: "signers.go", check: `!l.after.IsZero() && at.Before(l.after)`},
	{file: "signers.go", check: `!l.before.IsZero() && at.After(l.before)`},
	{file: "signers.go", check: `skip = «true»`, instead: `false`},
	{file: "signers.go", check: `value == ""`},
	{file: "signers.go", check: `said[name] && err == nil`},
	{file: "signers.go", check: "valued && quoted != `\"`+value+`\"`"},
	{file: "signers.go", check: `strings.Contains(rest, "\r")`},
	{file: "signers.go", check: `strings.TrimSpace(before) != strings.Join(options, ",")`},
	{file: "signers.go", check: `!strings.Contains(principals, "!")`, instead: `true`},
	{file: "signers.go", check: `err = «fmt.Errorf("option %s is not known here", name)»`, instead: `nil`},
	{file: "signers.go", check: `if «not» {`},
	{file: "body.go", check: `err != nil || !bytes.Equal(again, e.Body)`},
	{file: "revoked.go", check: `bytes.HasPrefix(b, []byte(krlMagic))`},
	{file: "revoked.go", check: `len(b) > maxRevoked`},
	{file: "revoked.go", check: `err != nil || len(options) > 0`},
	{file: "revoked.go", check: `strings.Contains(line, "\r")`},
	{file: "revoked.go", check: `c, ok := key.(*ssh.Certificate); «ok»`},
	{file: "revoked.go", check: `r.keys[string(key.Marshal())] = «true»`, instead: `false`},
	{file: "revoked.go", check: `r.hashed(blob)`},
	{file: "krl.go", check: `head.Format != 1`},
	{file: "krl.go", check: `bytes.IndexByte(head.Comment, 0) >= 0`},
	{file: "krl.go", check: `r.keys[string(key)] = «true»`, instead: `false`},
	{file: "krl.go", check: `«len(sum) == sha1.Size» }`, instead: `true`},
	{file: "krl.go", check: `«len(sum) == sha256.Size» }`, instead: `true`},
	{file: "krl.go", check: `return «r.sums[string(long[:])]»`},
	{file: "krl.go", check: `|| «r.sums[string(short[:])]»`},
	{file: "krl.go", check: `err != nil && len(s.CA) > 0`},
	{file: "krl.go", check: `ok = «len(data) == 0»`, instead: `true`},
	{file: "krl.go", check: `«0 < s.Low»`, instead: `true`},
	{file: "krl.go", check: `«s.Low <= s.High»`, instead: `true`},
	{file: "krl.go", check: `«0 < s.From»`, instead: `true`},
	{file: "krl.go", check: `«s.From < 1<<63»`, instead: `true`},
	{file: "krl.go", check: `«len(s.Bits) <= 2049»`, instead: `true`},
	{file: "krl.go", check: `«s.Bits[0] < 0x80»`, instead: `true`},
	{file: "krl.go", check: `return «bytes.IndexByte(id, 0) < 0»`, instead: `true`},
	{file: "anchor.go", check: `m[1] != "" && !strings.HasPrefix(run, m[1])`},
	{file: "anchor.go", check: `len(all) == 0`},
	{file: "anchor.go", check: `a.N > c.n`},
	{file: "anchor.go", check: `a.Head != head && a.Head != HeadCode(a.N, head)`},
	{file: "anchor.go", check: `len(p.Anchors) == 0`},
	{file: "anchor.go", check: `len(text) > maxAnchors`},
	{file: "identify.go", check: `p.Revoked.Has(key)`},
	{file: "identify.go", check: `!p.Signers.Given()`},
	{file: "identify.go", check: "«err != nil» {\n\t\treturn \"\", fmt.Errorf(\"%s: %w\""},
	{file: "identify.go", check: `«SignoffNamespace(c.world, s.Role)», a.at`, instead: `SignoffNamespace(c.world, "dev")`},
	{file: "identify.go", check: `s.Book != t.Book`},
	{file: "identify.go", check: `s.BookSHA != t.BookSHA`},
	{file: "identify.go", check: `s.Target != t.Target`},
	{file: "identify.go", check: `s.TargetSHA != t.TargetSHA`},
	{file: "identify.go", check: `s.Mode != t.Mode`},
	{file: "identify.go", check: `return «s.Why != ""» })`},
	{file: "lastword.go", check: `«s.Role == role» && s.Scope`, instead: `true`},
	{file: "lastword.go", check: `s.Role == role && «s.Scope == scope»`, instead: `true`},
	{file: "lastword.go", check: `«s.Decision != DecisionReject» ||`},
	{file: "lastword.go", check: `|| «slices.ContainsFunc(said, func(other S) bool { return of(other).newer(s) })»`},
	{file: "lastword.go", check: `«cmp.Compare(x.N, y.N)»,`, instead: `0`},
	{file: "lastword.go", check: `«x.Time.Compare(y.Time)»,`, instead: `0`},
	{file: "lastword.go", check: `«cmp.Compare(x.Decision, y.Decision)»)`, instead: `0`},
	{file: "lastword.go", check: `s.N == before.N`},
	{file: "lastword.go", check: `«s.Time.After(before.Time)»`, instead: `true`},
	{file: "lastword.go", check: `«s.N > before.N» &&`, instead: `true`},
	{file: "lastword.go", check: `&& «!s.Time.Before(before.Time)»`, instead: `true`},
	{file: "identify.go", check: `«s.Role != want.Role» ||`},
	{file: "identify.go", check: `«s.Scope != want.Scope» {`},
	{file: "identify.go", check: `r.Word == Rejected`},
	{file: "identify.go", check: "case «s.Why != \"\"»:\n\t\tif r.Word"},
	{file: "identify.go", check: `now == DecisionReject`},
	{file: "identify.go", check: `now == DecisionApprove && r.Distinct && also != ""`},
	{file: "identify.go", check: `«other.Role != wanted[i].Role» &&`},
	{file: "identify.go", check: `said[j][key].Decision == DecisionApprove`, instead: `false`},
	{file: "identify.go", check: `i > 0 && !seg.acts`, instead: `!seg.acts`},
	{file: "identify.go", check: `case «session.Why != ""»:`},
	{file: "identify.go", check: "if «s.Why != \"\"» {\n\t\t\tbad"},
	{file: "identify.go", check: `len(bad) > 0`},
	{file: "identify.go", check: `seg.signer.key == nil`},
	{file: "identify.go", check: "«err != nil» {\n\t\tout.Why"},
	{file: "identify.go", check: `key, «SessionNamespace(r.World)», seg`, instead: `SessionNamespace(Real)`},
	{file: "verify.go", check: `if «!known» {`},
	{file: "verify.go", check: `r.Completeness.Word == OK && !known`},
	{file: "verify.go", check: `«r.Integrity.Word != OK && r.Integrity.Word != Torn» {`},
	{file: "verify.go", check: `c.world == Practice`},
	{file: "verify.go", check: `integrity == Torn`},
	{file: "verify.go", check: `!c.ended`},
	{file: "verify.go", check: `if «role.Word == OK»`},
	{file: "verify.go", check: `word != Rejected`},
	{file: "verify.go", check: "«v.Word == OK» {\n\t\tv.Word", instead: `true`},
	{file: "verify.go", check: `slices.Contains([]Word{r.Integrity.Word, r.Anchoring.Word}, Forked)`},
	{file: "verify.go", check: `r.Integrity.Word == Tampered`},
	{file: "verify.go", check: `r.Anchoring.Word == RolledBack`},
	{file: "verify.go", check: `r.Integrity.Word == Unreadable`},
	{file: "verify.go", check: `r.Identity.Word != OK`},
	{file: "verify.go", check: `«r.Integrity.Word != OK || r.Completeness.Word != OK»:`},
	{file: "signoff.go", check: `s.Text() != text`},
	{file: "signoff.go", check: `s.World != Real && s.World != Practice`},
	{file: "signoff.go", check: `!isRun(s.Run)`},
	{file: "signoff.go", check: `!ValidRole(s.Role)`},
	{file: "signoff.go", check: `s.Scope != ScopeRun && (!ofPhase || !nameForm.MatchString(phase))`},
	{file: "signoff.go", check: `s.Decision != DecisionApprove && s.Decision != DecisionReject && s.Decision != DecisionWithdraw`},
	{file: "signoff.go", check: `!nameForm.MatchString(s.Book)`},
	{file: "signoff.go", check: `!nameForm.MatchString(s.Target)`},
	{file: "signoff.go", check: `!nameForm.MatchString(s.Mode)`},
	{file: "signoff.go", check: `s.N == 0`},
	{file: "signoff.go", check: `s.Bytes <= 0`},
	{file: "signoff.go", check: `strings.ContainsAny(s.Note, "\n\r")`},
	{file: "signoff.go", check: `len(s.Note) > 1000`},
	{file: "signoff.go", check: `len(b) != 32`},
	{file: "signoff.go", check: `strings.ToLower(sum) != sum`},
}
