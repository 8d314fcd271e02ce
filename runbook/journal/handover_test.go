package journal

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

func signIn(t *testing.T, id Identity, namespace, text string) (armored string) {
	t.Helper()
	armored, err := id.Sign(namespace, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return armored
}

// takes is what the key of who signs to take the run of d over.
func (d desk) takes(t *testing.T, who string, change ...func(*HandOver)) SignedHandOver {
	t.Helper()
	h, err := AskHandOver(d.dir, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range change {
		f(&h)
	}
	s, err := h.Sign(d.keys[who])
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestHandOver has a second person take the run over, and holds what they signed
// against who may drive.
func TestHandOver(t *testing.T) {
	t.Parallel()
	d := aDesk(t, "ann", "bob", "eve")
	add(t, d.log, "note", nil)
	signed := d.takes(t, "bob")
	add(t, d.log, "note", nil) // the driver goes on until it is asked
	e := add(t, d.log, KindHandover, signed)
	closeLog(t, d.log)
	l, _ := reopen(t, d.dir, Options{Identity: d.keys["bob"]})
	add(t, l, KindHandover, map[string]string{"to": "somebody who does not sign"})
	add(t, l, KindRunEnd, nil)
	closeLog(t, l)
	p := d.policy(t)
	r := Verify(d.dir, p)
	if r.Exit() != 0 || len(r.Handed) != 1 || r.Handed[0].Entry != e.N || r.Handed[0].Principal != "bob@example.com" ||
		!strings.Contains(r.Identity.Text, "bob@example.com signed to take over from session 1") {
		t.Errorf("exit %d %+v %q", r.Exit(), r.Handed, r.Lines())
	}
	p.Revoked = Revoked{keys: map[string]bool{string(d.keys["bob"].PublicKey().Marshal()): true}}
	if r := Verify(d.dir, p); r.Exit() != 4 || !strings.Contains(r.Identity.Text, fmt.Sprintf("hand-over at entry %d: ", e.N)) {
		t.Errorf("exit %d %q", r.Exit(), r.Lines())
	}
	_, p.Signers = signersFile(t, `ann namespaces="session@runbook-log,signoff.*" `+string(ssh.MarshalAuthorizedKey(d.keys["ann"].PublicKey())), `bob namespaces="signoff.*" `+string(ssh.MarshalAuthorizedKey(d.keys["bob"].PublicKey())))
	p.Revoked = Revoked{}
	if r := Verify(d.dir, p); r.Exit() != 4 || !strings.Contains(r.Identity.Text, "hand-over at entry") {
		t.Errorf("exit %d %q", r.Exit(), r.Lines())
	}
}

// What does not hold no session writes; put into the log all the same, by
// somebody who holds the session key, it is tampering.
func TestHandOverThatNoLogTakes(t *testing.T) {
	t.Parallel()
	d := aDesk(t, "ann", "bob")
	add(t, d.log, "note", nil)
	early := d.takes(t, "bob")
	closeLog(t, d.log)
	d.log, _ = reopen(t, d.dir, Options{Identity: d.keys["ann"]})
	add(t, d.log, "note", nil)
	whole := d.takes(t, "bob")
	bodies := map[string]any{"of an earlier session": early}
	for name, change := range map[string]func(*HandOver){
		"run":     func(h *HandOver) { h.Run = newRun() },
		"world":   func(h *HandOver) { h.World = Practice },
		"future":  func(h *HandOver) { h.N += 5 },
		"nothing": func(h *HandOver) { h.Commitment = Commitment{} },
		"entry":   func(h *HandOver) { h.N-- },
		"head":    func(h *HandOver) { h.Head = Zeros },
		"bytes":   func(h *HandOver) { h.Bytes++ },
		"sum":     func(h *HandOver) { h.SHA256 = Zeros },
		"session": func(h *HandOver) { h.SessionKey = early.Stmt[:44] },
	} {
		bodies[name] = d.takes(t, "bob", change)
	}
	for name, change := range map[string]func(*SignedHandOver){
		"form":     func(s *SignedHandOver) { s.Stmt += "\n" },
		"another":  func(s *SignedHandOver) { s.Stmt = strings.Replace(s.Stmt, "time 2", "time 3", 1) },
		"title":    func(s *SignedHandOver) { s.Stmt = strings.Replace(s.Stmt, "hand-over", "session", 1) },
		"half":     func(s *SignedHandOver) { s.SSHSig = "" },
		"no text":  func(s *SignedHandOver) { s.Stmt = "" },
		"sign-off": func(s *SignedHandOver) { s.SSHSig = signIn(t, d.keys["bob"], SignoffNamespace(Real, "bob"), s.Stmt) },
	} {
		s := whole
		change(&s)
		bodies[name] = s
	}
	elsewhere := strings.Replace(whole.Stmt, "world real", "world practice", 1)
	bodies["world, signed as ours"] = SignedHandOver{signIn(t, d.keys["bob"], SessionNamespace(Real), elsewhere), elsewhere}
	bodies["null"] = map[string]any{"stmt": nil, "sshsig": nil}
	bodies["empty"] = map[string]any{"stmt": "", "sshsig": ""}
	bodies["a number"] = map[string]any{"stmt": 1, "sshsig": whole.SSHSig}
	for name, body := range bodies {
		if _, err := d.log.Append(t.Context(), KindHandover, body); err == nil {
			t.Errorf("%s: taken", name)
		}
		r, script := d.byHand(t, KindHandover, body)
		if r.Integrity.Word != Tampered {
			t.Errorf("%s: %q", name, r.Lines())
		}
		if slices.Contains([]string{"of an earlier session", "session", "head", "half", "null", "sign-off"}, name) {
			if said := script(); !strings.Contains(said, "hand-over") && !strings.Contains(said, "another log") || !strings.HasPrefix(said, "integrity tampered") {
				t.Errorf("%s: VERIFY.sh says %s", name, said)
			}
		}
	}
	if r, script := d.byHand(t, KindHandover, whole); r.Integrity.Word != OK || !strings.HasPrefix(script(), "integrity ok") {
		t.Errorf("the whole one: %q, and VERIFY.sh: %s", r.Lines(), script())
	}
	var other json.RawMessage = []byte(`{"STMT":"x","sshSig":"y"}`)
	if r, _ := d.byHand(t, KindHandover, other); r.Integrity.Word != OK || len(r.Handed) != 0 {
		t.Errorf("names of others count: %q", r.Lines())
	}
	if _, err := d.log.Append(t.Context(), KindHandover, whole); err != nil {
		t.Errorf("the whole one: %v", err)
	}
}

// byHand is the verdict over the log with one more entry, which whoever holds
// the session key has written past its checks; script is that of VERIFY.sh.
func (d desk) byHand(t *testing.T, kind string, body any) (r Report, script func() string) {
	t.Helper()
	dir := t.TempDir()
	n, head := d.log.Head()
	e := d.log.entry(kind, n+1, head)
	var err error
	if e.Body, err = encodeBody(body); err != nil {
		t.Fatal(err)
	}
	line, err := d.log.sign(&e)
	if err != nil {
		t.Fatal(err)
	}
	all := segmentsOf(t, d.dir)
	for k := range all {
		data := all[k]
		if k == len(all)-1 {
			data = append(slices.Clone(data), line...)
		}
		put(t, segmentPath(dir, uint64(k)+1), data)
	}
	r = Verify(dir, d.policy(t))
	return r, func() string {
		if os.Getenv("JOURNAL_TEST_WITHOUT") != "" { // the script is no part of a mutant
			return strings.Join(r.Lines(), "\n")
		}
		put(t, filepath.Join(dir, "VERIFY.sh"), get(t, "../bundle/VERIFY.sh"))
		out, _ := try(t, os.Environ(), nil, "sh", filepath.Join(dir, "VERIFY.sh"), d.file)
		return out
	}
}

func TestHandOverIsReadStrictly(t *testing.T) {
	t.Parallel()
	text := aHandOver().Text()
	if got, err := parseHandOver(text); err != nil || got != aHandOver() {
		t.Fatalf("%+v, %v", got, err)
	}
	for i := range text {
		for _, wrong := range []string{text[:i], text[:i] + text[i+1:], text[:i] + "\n" + text[i:], text[:i] + " " + text[i:]} {
			if got, err := parseHandOver(wrong); err == nil && got.Text() != wrong {
				t.Errorf("at %d: taken as %+v", i, got)
			}
		}
	}
}

func aHandOver() HandOver {
	return HandOver{
		World: Real, Run: strings.Repeat("7f", 16), Commitment: Commitment{N: 3, Head: Zeros, Bytes: 9, SHA256: Zeros}, SessionKey: "k",
		Time: time.Date(2026, 11, 22, 7, 0, 0, 0, time.UTC),
	}
}
