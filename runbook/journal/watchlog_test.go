package journal

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"
)

// person makes a key, and signers that list it for sessions and what else is
// given.
func listed(t *testing.T, namespaces string) (Identity, Signers) {
	t.Helper()
	key := keygen(t, "ed25519", "")
	id, err := KeyFile(key)
	if err != nil {
		t.Fatal(err)
	}
	_, signers := signersFile(t, `ann namespaces="session@runbook-log,`+namespaces+`" `+publicKey(t, key))
	return id, signers
}

// delegate begins a run in dir whose person lets a timer measure "alive" and
// "counted" for an hour.
func delegating(t *testing.T, dir string, o Options) {
	t.Helper()
	l := create(t, dir, o)
	add(t, l, "note", nil)
	if _, err := delegate(t, l, "alive", "counted"); err != nil {
		t.Fatal(err)
	}
	closeLog(t, l)
}

// delegate lets a timer measure these watches for an hour.
func delegate(t *testing.T, l *Log, watches ...string) (Entry, error) {
	t.Helper()
	d, err := l.SignDelegation(time.Now().Add(time.Hour), watches)
	if err != nil {
		return Entry{}, err
	}
	return l.Delegate(t.Context(), d)
}

// slots writes slots from to to of alive, each as a process of its own would.
func slots(t *testing.T, dir string, from, to int) {
	t.Helper()
	for k := from; k <= to; k++ {
		w, err := OpenWatch(dir, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Append(t.Context(), KindSlot, map[string]any{"step": "alive", "slot": k}); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// end goes on with the run and ends it, committed to its slots.
func end(t *testing.T, dir string, o Options) {
	t.Helper()
	l, _ := reopen(t, dir, o)
	if _, _, err := l.AnchorWatch(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, again, err := l.AnchorWatch(t.Context()); err != nil || again {
		t.Errorf("committed twice to the same slots: %v", err)
	}
	add(t, l, KindRunEnd, nil)
	closeLog(t, l)
}

func TestSlotsOfManyProcessesAreOneFile(t *testing.T) {
	t.Parallel()
	id, signers := listed(t, "watch@runbook-log")
	dir := t.TempDir()
	delegating(t, dir, Options{Identity: id})
	slots(t, dir, 1, 7)
	lines, err := ReadWatch(dir)
	if err != nil || len(lines) != 7 || lines[6].N != 7 || lines[6].Seg != 1 || !strings.Contains(string(lines[6].Body), `"slot":7`) {
		t.Fatalf("%d lines, %v", len(lines), err)
	}
	if skimmed := SkimWatch(dir); len(skimmed) != 7 || skimmed[6].Head != lines[6].Head {
		t.Errorf("%d lines skimmed", len(skimmed))
	}
	if entries, err := Read(dir); err != nil || len(entries) != 3 || lines[0].Prev != entries[2].Head {
		t.Errorf("the first slot does not stand behind its delegation: %v", err)
	}
	if r := Verify(dir, Policy{Signers: signers}); r.Integrity.Word != OK || r.Slots != 7 || r.Segments != 1 || r.Exit() != 3 {
		t.Errorf("of an open run: %d %q", r.Exit(), r.Lines())
	}
	end(t, dir, Options{Identity: id})
	r := Verify(dir, Policy{Signers: signers})
	if r.Exit() != 0 || r.Segments != 2 || !strings.Contains(r.Integrity.Text, "slots 7/7") || !strings.Contains(r.Identity.Text, "ann delegated slots") {
		t.Errorf("%d %q", r.Exit(), r.Lines())
	}
	if _, err := OpenWatch(dir, Options{}); !errors.Is(err, ErrEnded) {
		t.Errorf("a slot behind the end: %v", err)
	}
}

func TestDelegationOfAStranger(t *testing.T) {
	t.Parallel()
	id, signers := listed(t, "signoff.qa@runbook-log")
	dir := t.TempDir()
	delegating(t, dir, Options{Identity: id})
	if r := Verify(dir, Policy{Signers: signers}); r.Exit() != 3 {
		t.Errorf("a delegation on which nothing rests: %d %q", r.Exit(), r.Lines())
	}
	slots(t, dir, 1, 1)
	if r := Verify(dir, Policy{Signers: signers}); r.Exit() != 4 || !strings.Contains(r.Identity.Text, "slots delegated at entry 3") {
		t.Errorf("%d %q", r.Exit(), r.Lines())
	}
}

func TestEveryChangeOfSlotsIsSeen(t *testing.T) {
	t.Parallel()
	id, signers := listed(t, "watch@runbook-log")
	dir := t.TempDir()
	delegating(t, dir, Options{Identity: id})
	slots(t, dir, 1, 2)
	end(t, dir, Options{Identity: id})
	p := Policy{Signers: signers}
	whole := get(t, watchPath(dir))
	if r := Verify(dir, p); r.Exit() != 0 {
		t.Fatalf("%q", r.Lines())
	}
	c, err := scan(dir, func(Entry) {})
	if err != nil {
		t.Fatal(err)
	}
	seen := func(what string, at int, b []byte) {
		put(t, watchPath(dir), b)
		if _, err := c.slots(dir, func(Entry) {}); !errors.Is(err, ErrTampered) {
			t.Fatalf("%s %d: %v", what, at, err)
		}
		if at%101 != 0 {
			return // the rest of Verify takes its time
		}
		if r := Verify(dir, p); r.Exit() != 1 {
			t.Fatalf("%s %d: %d %q", what, at, r.Exit(), r.Lines())
		}
	}
	for bit := range 8 * len(whole) {
		b := bytes.Clone(whole)
		b[bit/8] ^= 1 << (bit % 8)
		seen("bit", bit, b)
	}
	for size := range whole {
		seen("cut at", size, whole[:size])
	}
	if err := os.Remove(watchPath(dir)); err != nil {
		t.Fatal(err)
	}
	if r := Verify(dir, p); r.Exit() != 1 || !strings.Contains(r.Integrity.Text, "ends at line 0") {
		t.Errorf("taken away: %d %q", r.Exit(), r.Lines())
	}
}

// TestStolenKeyOfSlots writes lines by the key on the disk that the delegation
// does not allow. The first is one that it does.
func TestStolenKeyOfSlots(t *testing.T) {
	t.Parallel()
	id, signers := listed(t, "watch@runbook-log")
	dir := t.TempDir()
	delegating(t, dir, Options{Identity: id})
	slots(t, dir, 1, 1)
	whole := get(t, watchPath(dir))
	key, err := watchKey(dir)
	if err != nil {
		t.Fatal(err)
	}
	strange := t.TempDir()
	delegating(t, strange, Options{Identity: id})
	slots(t, strange, 1, 1)
	other := get(t, watchPath(strange))
	for name, wrong := range map[string]func(e *Entry){
		"":                         func(*Entry) {},
		"outside of the time":      func(e *Entry) { e.Time = time.Now().Add(2 * time.Hour).UTC().Truncate(time.Microsecond) },
		"outside of the time that": func(e *Entry) { e.Time = time.Now().Add(-time.Minute).UTC().Truncate(time.Microsecond) },
		`watch "migrate" was`:      func(e *Entry) { e.Body = json.RawMessage(`{"boot":"x","step":"migrate"}`) },
		"kind ask was not":         func(e *Entry) { e.Kind = "ask" },
		"kind run.end was not":     func(e *Entry) { e.Kind = KindRunEnd },
		"kind clock.step was not":  func(e *Entry) { e.Kind = KindClock },
		"a line of another run":    func(e *Entry) { e.Run = newRun() },
		"line 1 where 2 belongs":   func(e *Entry) { e.N = 1 },
		"delegation 2 where 1":     func(e *Entry) { e.Seg = 2 },
		"prev is not the hash":     func(e *Entry) { e.Prev = Zeros },
		"other bytes before it": func(e *Entry) {
			e.Body = json.RawMessage(`{"boot":"x","step":"alive","torn_bytes":3,"torn_sha256":"x"}`)
		},
		"signature does not hold":   func(e *Entry) { e.V = -1 },
		"signature does not hold (": func(e *Entry) { e.V = -2 },
	} {
		lines, err := ReadWatch(dir)
		if err != nil {
			t.Fatal(err)
		}
		e := lines[0]
		e.N, e.Prev, e.Time = 2, lines[0].Head, time.Now().UTC().Truncate(time.Microsecond)
		wrong(&e)
		by, namespace := key, slotNamespace(Real)
		switch e.V {
		case -1:
			_, by, _ = ed25519.GenerateKey(nil)
		case -2:
			namespace = EntryNamespace(Real)
		}
		e.V = version
		line, err := sign(&e, by, namespace)
		if err != nil {
			t.Fatal(err)
		}
		put(t, watchPath(dir), append(bytes.Clone(whole), line...))
		r := Verify(dir, Policy{Signers: signers})
		if name == "" && r.Exit() != 3 || name != "" && (r.Exit() != 1 || !strings.Contains(r.Integrity.Text, strings.TrimSuffix(name, " ("))) {
			t.Errorf("%s: %d %q", name, r.Exit(), r.Lines())
		}
		put(t, watchPath(dir), whole)
	}
	put(t, watchPath(dir), append(bytes.Clone(whole), other...))
	if r := Verify(dir, Policy{Signers: signers}); r.Exit() != 1 || !strings.Contains(r.Integrity.Text, "another run") {
		t.Errorf("slots of another run: %d %q", r.Exit(), r.Lines())
	}
	put(t, watchPath(dir), other)
	if r := Verify(dir, Policy{Signers: signers}); r.Exit() != 1 {
		t.Errorf("slots of another run alone: %d %q", r.Exit(), r.Lines())
	}
}

func TestTimerWithoutDelegation(t *testing.T) {
	t.Parallel()
	id, _ := listed(t, "watch@runbook-log")
	dir := t.TempDir()
	l := create(t, dir, Options{})
	if _, err := delegate(t, l, "alive"); !errors.Is(err, ErrNoDelegation) {
		t.Errorf("nobody signs: %v", err)
	}
	closeLog(t, l)
	if _, err := OpenWatch(dir, Options{}); !errors.Is(err, ErrNoDelegation) {
		t.Errorf("no key: %v", err)
	}
	l, _ = reopen(t, dir, Options{Identity: id})
	if _, err := delegate(t, l, "not a name"); err == nil {
		t.Error("a name of two words")
	}
	if _, err := delegate(t, l, "alive"); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenWatch(dir, Options{}); !errors.Is(err, ErrBusy) {
		t.Errorf("while somebody drives: %v", err)
	}
	closeLog(t, l)
	for _, at := range []time.Duration{-time.Minute, 61 * time.Minute} {
		if _, err := OpenWatch(dir, Options{Now: func() time.Time { return time.Now().Add(at) }}); !errors.Is(err, ErrNoDelegation) {
			t.Errorf("%s: %v", at, err)
		}
	}
	w, err := OpenWatch(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for kind, step := range map[string]string{"ask": "alive", KindSlot: "migrate", KindRunEnd: "alive", KindDelegate: "alive"} {
		if _, err := w.Append(t.Context(), kind, map[string]string{"step": step}); err == nil {
			t.Errorf("%s of %s was taken", kind, step)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(watchPath(dir)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what was refused left a file: %v", err)
	}
	if err := errors.Join(Undelegate(dir), Undelegate(dir)); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenWatch(dir, Options{}); !errors.Is(err, ErrNoDelegation) {
		t.Errorf("after its end: %v", err)
	}
}

// TestNewDelegationEndsTheOneBefore: its key writes nothing more, although its
// time is not over.
func TestNewDelegationEndsTheOneBefore(t *testing.T) {
	t.Parallel()
	id, signers := listed(t, "watch@runbook-log")
	dir := t.TempDir()
	delegating(t, dir, Options{Identity: id})
	slots(t, dir, 1, 2)
	old := get(t, watchKeyPath(dir))
	l, _ := reopen(t, dir, Options{Identity: id})
	if _, err := delegate(t, l, "week"); err != nil {
		t.Fatal(err)
	}
	closeLog(t, l)
	fresh := get(t, watchKeyPath(dir))
	put(t, watchKeyPath(dir), old)
	if _, err := OpenWatch(dir, Options{}); !errors.Is(err, ErrNoDelegation) {
		t.Errorf("by the key before: %v", err)
	}
	put(t, watchKeyPath(dir), fresh)
	w, err := OpenWatch(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Append(t.Context(), KindSlot, map[string]string{"step": "alive"}); err == nil {
		t.Error("a watch of the delegation before")
	}
	e, err := w.Append(t.Context(), KindGap, map[string]string{"step": "week"})
	if err != nil || e.N != 3 || e.Seg != 2 {
		t.Errorf("%+v, %v", e, err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	end(t, dir, Options{Identity: id})
	if r := Verify(dir, Policy{Signers: signers}); r.Exit() != 0 || r.Slots != 3 {
		t.Errorf("%d %q", r.Exit(), r.Lines())
	}
}

// TestTornSlot: what a crash leaves is kept, and the next line says so.
func TestTornSlot(t *testing.T) {
	t.Parallel()
	id, signers := listed(t, "watch@runbook-log")
	for _, rest := range []string{`{"v":1,"run":"`, "x\x00\x00\n\x00", strings.Repeat("y", MaxLine)} {
		dir := t.TempDir()
		delegating(t, dir, Options{Identity: id})
		slots(t, dir, 1, 2)
		put(t, watchPath(dir), append(get(t, watchPath(dir)), rest...))
		if lines, err := ReadWatch(dir); !errors.Is(err, ErrTorn) || len(lines) != 2 {
			t.Errorf("%d lines, %v", len(lines), err)
		}
		if r := Verify(dir, Policy{Signers: signers}); r.Integrity.Word != Torn || r.Exit() != 3 {
			t.Errorf("%d %q", r.Exit(), r.Lines())
		}
		image := get(t, watchPath(dir))
		slots(t, dir, 3, 3)
		after := get(t, watchPath(dir))
		if !bytes.HasPrefix(after, image) {
			t.Error("what the crash left is gone")
		}
		// The same at the very end, with nobody to write a line behind it.
		put(t, watchPath(dir), append(bytes.Clone(after), rest...))
		end(t, dir, Options{Identity: id})
		if r := Verify(dir, Policy{Signers: signers}); r.Exit() != 0 || r.Slots != 3 {
			t.Errorf("%d %q", r.Exit(), r.Lines())
		}
		for i, b := range map[int]byte{len(image) - 1: 'z', len(after) + len(rest) - 1: 'z'} {
			other := append(bytes.Clone(after), rest...)
			other[i] = b
			put(t, watchPath(dir), other)
			if r := Verify(dir, Policy{Signers: signers}); r.Exit() == 0 {
				t.Errorf("byte %d of what crashes left was changed: %q", i, r.Lines())
			}
		}
	}
}
