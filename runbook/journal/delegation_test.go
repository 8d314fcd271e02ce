package journal

import (
	"bufio"
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

func TestClockThatIsSet(t *testing.T) {
	t.Parallel()
	id, signers := listed(t, "watch@runbook-log")
	var off time.Duration
	o := Options{Identity: id, Now: func() time.Time { return time.Now().Add(off) }}
	dir := t.TempDir()
	l := create(t, dir, o)
	kinds := func() string {
		entries, err := Read(dir)
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, e := range entries {
			all = append(all, e.Kind)
		}
		return strings.Join(all, " ")
	}
	add(t, l, "note", nil)
	off = time.Second // less than counts
	add(t, l, "note", nil)
	off = -time.Hour
	if e := add(t, l, "check", nil); e.Kind != "check" || e.N != 5 {
		t.Errorf("%+v", e)
	}
	add(t, l, "note", nil)
	if got := kinds(); got != "session note note clock.step check note" {
		t.Error(got)
	}
	off = 0
	if _, err := delegate(t, l, "alive"); err != nil {
		t.Fatal(err)
	}
	closeLog(t, l)
	slots(t, dir, 1, 1)
	for i, at := range []time.Duration{10 * time.Minute, 5 * time.Minute} {
		off = at
		w, err := OpenWatch(dir, o)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if _, err := w.Append(t.Context(), KindSlot, map[string]any{"step": "alive"}); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		lines, err := ReadWatch(dir)
		if err != nil || len(lines) != 4+3*i || lines[1+3*i].Kind != KindClock || lines[2+3*i].Kind != KindSlot {
			t.Errorf("%d lines: %v", len(lines), err)
		}
	}
	off = 0
	end(t, dir, o)
	if r := Verify(dir, Policy{Signers: signers}); r.Exit() != 0 {
		t.Errorf("%q", r.Lines())
	}
	if got := kinds(); !strings.HasPrefix(got, "session note note clock.step check note clock.step delegate") {
		t.Error(got)
	}
}

func TestDelegationIsReadStrictly(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 22, 7, 0, 0, 0, time.UTC)
	d := delegation{
		World: Real, Run: newRun(), Commitment: Commitment{N: 3, Head: Zeros, Bytes: 9, SHA256: Zeros}, Key: "k", From: at, Until: at.Add(time.Hour),
		Watches: []string{"a", "b-c"}, Time: at,
	}
	text := d.text()
	if got, err := parseDelegation(text); err != nil || fmt.Sprint(got) != fmt.Sprint(d) {
		t.Fatalf("%+v, %v", got, err)
	}
	for i := range text {
		for _, wrong := range []string{text[:i], text[:i] + text[i+1:], text[:i] + "\n" + text[i:], text[:i] + " " + text[i:]} {
			if got, err := parseDelegation(wrong); err == nil && got.text() != wrong {
				t.Errorf("at %d: taken as %+v", i, got)
			}
		}
	}
}

// A delegation that does not hold, put into the log by somebody who holds the
// session key, is tampering.
func TestDelegationThatNoLogHolds(t *testing.T) {
	t.Parallel()
	d := aDesk(t, "ann")
	add(t, d.log, "note", nil)
	c := d.log.Commitment()
	whole := delegation{
		World: Real, Run: d.log.Run(), Commitment: c, Key: base64.StdEncoding.EncodeToString(make([]byte, 32)),
		From: time.Now().Truncate(time.Second), Until: time.Now().Add(time.Hour).Truncate(time.Second), Watches: []string{"alive"}, Time: time.Now().Truncate(time.Second),
	}
	for name, change := range map[string]func(*delegation){
		"nothing":       func(*delegation) {},
		"run":           func(g *delegation) { g.Run = newRun() },
		"world":         func(g *delegation) { g.World = Practice },
		"future":        func(g *delegation) { g.N += 5 },
		"no entry":      func(g *delegation) { g.Commitment = Commitment{} },
		"entry":         func(g *delegation) { g.N-- },
		"sum":           func(g *delegation) { g.SHA256 = Zeros },
		"name of watch": func(g *delegation) { g.Watches = []string{"alive", "a/b"} },
		"key":           func(g *delegation) { g.Key = "aaaa" },
		"form of key":   func(g *delegation) { g.Key = g.Key[:20] + "\r" + g.Key[20:] },
	} {
		g := whole
		change(&g)
		body := delegateBody{Stmt: g.text(), SSHSig: signIn(t, d.keys["ann"], WatchNamespace(g.World), g.text())}
		if r, _ := d.byHand(t, KindDelegate, body); (r.Integrity.Word == OK) != (name == "nothing") {
			t.Errorf("%s: %q", name, r.Lines())
		}
	}
	text := whole.text()
	sig := signIn(t, d.keys["ann"], WatchNamespace(Real), text)
	for name, body := range map[string]any{
		"another's namespace": delegateBody{Stmt: text, SSHSig: signIn(t, d.keys["ann"], SessionNamespace(Real), text)},
		"unsigned":            delegateBody{Stmt: text},
		"form":                delegateBody{Stmt: text + "\n", SSHSig: signIn(t, d.keys["ann"], WatchNamespace(Real), text+"\n")},
		"one more key":        map[string]string{"stmt": text, "sshsig": sig, "x": ""},
		"other letters":       map[string]string{"Stmt": text, "sshsig": sig},
	} {
		if r, _ := d.byHand(t, KindDelegate, body); r.Integrity.Word != Tampered {
			t.Errorf("%s: %q", name, r.Lines())
		}
	}
}

// childSlots names the run of which the test binary writes slots when it is
// started as a child, to be killed.
const childSlots = "JOURNAL_TEST_SLOTS"

// slotsUntil prints "ack N" for each slot that is on the disk.
func slotsUntil(dir string) int {
	w, err := OpenWatch(dir, Options{})
	if err != nil {
		fmt.Println("refused", err)
		return 1
	}
	for k := range 1_000_000 {
		e, err := w.Append(context.Background(), KindSlot, map[string]any{"step": "alive", "slot": k, "x": strings.Repeat("x", k%3000)})
		if err != nil {
			fmt.Println("fail", err)
			return 1
		}
		fmt.Printf("ack %d%1000s\n", e.N, "") // a full pipe holds the child back
	}
	return 0
}

func TestKilledTimer(t *testing.T) {
	t.Parallel()
	id, signers := listed(t, "watch@runbook-log")
	dir := t.TempDir()
	delegating(t, dir, Options{Identity: id})
	for round := range 8 {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), childSlots+"="+dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		acked := uint64(0)
		lines := bufio.NewScanner(out)
		for n := 0; lines.Scan(); n++ {
			if _, err := fmt.Sscanf(strings.TrimSpace(lines.Text()), "ack %d", &acked); err != nil {
				t.Errorf("it says %q", lines.Text())
			}
			if n == 3+5*round {
				_ = cmd.Process.Kill()
			}
		}
		_ = cmd.Wait() // killed, as intended
		if got, err := ReadWatch(dir); uint64(len(got)) < acked || acked == 0 {
			t.Fatalf("%d slots of %d, %v", len(got), acked, err)
		}
	}
	slots(t, dir, 1, 1)
	end(t, dir, Options{Identity: id})
	if r := Verify(dir, Policy{Signers: signers}); r.Exit() != 0 {
		t.Errorf("%d %q", r.Exit(), r.Lines())
	}
}
