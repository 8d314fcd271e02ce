package runbook

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"runbook/runbook/book"
	"runbook/runbook/durable"
	"runbook/runbook/journal"
)

// signed is a run of watched that a person's key signs, and a policy that knows
// that key. Its watches have begun, and it is left.
func signed(t *testing.T) (*fixture, *handClock, journal.Options, journal.Policy) {
	t.Helper()
	return signedRun(t, watched)
}

func signedRun(t *testing.T, toml string) (*fixture, *handClock, journal.Options, journal.Policy) {
	t.Helper()
	key := filepath.Join(t.TempDir(), "key")
	if out, err := exec.CommandContext(t.Context(), "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	id, err := journal.KeyFile(key)
	if err != nil {
		t.Fatal(err)
	}
	public, err := os.ReadFile(key + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	list := filepath.Join(filepath.Dir(key), "allowed_signers")
	if err := os.WriteFile(list, append([]byte(`ann namespaces="session@runbook-log,watch@runbook-log" `), public...), 0o600); err != nil {
		t.Fatal(err)
	}
	signers, err := journal.ReadSigners(list)
	if err != nil {
		t.Fatal(err)
	}
	b, err := book.Read([]byte(toml), "watched.toml")
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{t: t, dir: t.TempDir(), runs: filepath.Join(t.TempDir(), "runs")}
	target := f.target()
	w, err := NewWorld(target)
	if err != nil {
		t.Fatal(err)
	}
	o := journal.Options{Identity: id}
	if f.Session, err = Start(t.Context(), StartOptions{Runs: f.runs, Book: b, Target: target, World: w, Mode: ModeDeploy, Log: o}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	clock := &handClock{now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	f.world.Clock = clock
	f.write("alive", "")
	f.do(WatchIt, "")
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return f, clock, o, journal.Policy{Signers: signers}
}

// timer measures what is due, as `runbook watch --once` does.
func timer(t *testing.T, f *fixture) {
	t.Helper()
	s, err := ResumeSlots(f.run.Dir, f.world, journal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	if err := s.Do(t.Context(), Intent{Kind: Slots}); err != nil {
		t.Fatal(err)
	}
	if err := s.Do(t.Context(), Intent{Kind: Memo, Text: "a timer is nobody"}); err == nil {
		t.Error("a timer left a memo")
	}
}

func TestTimerMeasuresSlotsOfADelegation(t *testing.T) {
	t.Parallel()
	f, clock, o, policy := signed(t)
	key := filepath.Join(f.run.Dir, "watch.key")
	if info, err := os.Stat(key); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("the key of the timer: %v, %v", info, err)
	}
	follower, err := Follow(f.run.Dir, clock)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = follower.Close() })
	for range 4 {
		clock.add(time.Hour)
		timer(t, f)
	}
	waitFor(t, func() bool { return len(follower.State().Steps["alive"].Slots) == 4 })
	r, b, err := Load(f.run.Dir)
	if err != nil || len(r.Steps["alive"].Slots) != 4 || len(r.Steps["counted"].Slots) != 2 || r.NextSlot(b) != clock.Now().Add(time.Hour) {
		t.Fatalf("%+v, %v", r.Steps["alive"], err)
	}
	if due := dueAt(t, f, clock.Now()); len(due) != 1 || due[0].What != "slot 5 of 10 of alive" {
		t.Errorf("%+v", due)
	}
	if segments, _ := filepath.Glob(filepath.Join(f.run.Dir, "0*.jsonl")); len(segments) != 1 {
		t.Errorf("segments: %v", segments)
	}
	// A driver goes on: it measures one itself, and leaves the rest to the timer.
	clock.add(time.Hour)
	s, err := Resume(t.Context(), f.run.Dir, f.world, o, false)
	if err != nil {
		t.Fatal(err)
	}
	f.Session = s
	if _, err := ResumeSlots(f.run.Dir, f.world, journal.Options{}); !errors.Is(err, journal.ErrBusy) {
		t.Errorf("a timer while somebody drives: %v", err)
	}
	f.do(Slots, "")
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		clock.add(time.Hour)
		timer(t, f)
	}
	if _, err := os.Stat(key); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the key outlives its watches: %v", err)
	}
	if f.Session, err = Resume(t.Context(), f.run.Dir, f.world, o, false); err != nil {
		t.Fatal(err)
	}
	f.want("alive", Passed)
	f.want("counted", Passed)
	if st := f.State().Steps["alive"]; len(st.Slots) != 10 {
		t.Errorf("slots %+v", st.Slots)
	}
	f.do(Close, "day")
	f.do(End, "")
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if r := Verify(f.run.Dir, policy); r.Exit() != 0 || r.Slots != 14 {
		t.Errorf("exit %d, %d slots: %q", r.Exit(), r.Slots, r.Lines())
	}
	if err := os.Remove(filepath.Join(f.run.Dir, journal.WatchFile)); err != nil {
		t.Fatal(err)
	}
	if r := Verify(f.run.Dir, policy); r.Exit() != 1 || !strings.Contains(r.Integrity.Text, "watch.jsonl") {
		t.Errorf("without its slots: exit %d: %q", r.Exit(), r.Lines())
	}
}

// TestSlotsStandWhereTheyWereMeasured: what a person did behind them counts
// behind them.
func TestSlotsStandWhereTheyWereMeasured(t *testing.T) {
	t.Parallel()
	f, clock, o, _ := signed(t)
	if err := os.Remove(filepath.Join(f.dir, "alive")); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		clock.add(time.Hour)
		timer(t, f)
	}
	s, err := Resume(t.Context(), f.run.Dir, f.world, o, false)
	if err != nil {
		t.Fatal(err)
	}
	f.Session = s
	f.want("alive", Failed)
	f.write("alive", "")
	f.do(WatchIt, "alive")
	clock.add(time.Hour)
	f.do(Slots, "")
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	clock.add(time.Hour)
	timer(t, f)
	r, b, err := Load(f.run.Dir)
	if err != nil {
		t.Fatal(err)
	}
	if st := r.Step(b.Step("alive")); st.State != Running || len(st.Slots) != 2 || st.Slots[0].K != 1 || st.Slots[0].Verdict.String() != "pass" {
		t.Errorf("the second watch: %+v", st)
	}
}

// TestSignOffStandsBehindSlots: who signs where nobody drives has the log commit
// to what timers measured until then.
func TestSignOffStandsBehindSlots(t *testing.T) {
	t.Parallel()
	f, clock, o, policy := signed(t)
	clock.add(time.Hour)
	timer(t, f)
	for _, want := range [][]string{{journal.KindSession, journal.KindAnchor, journal.KindAttest}, {journal.KindSession, journal.KindAttest}} {
		before := len(f.entries())
		if err := HandIn(t.Context(), f.run.Dir, journal.Signers{}, f.outside(o.Identity, "qa", journal.DecisionApprove, func(s *journal.Signoff) {
			s.Time = s.Time.Add(time.Duration(before) * time.Second) // a later word each time
		}), journal.Options{}); err != nil {
			t.Fatal(err)
		}
		var kinds []string
		for _, e := range f.entries()[before:] {
			kinds = append(kinds, e.Kind)
		}
		if !slices.Equal(kinds, want) {
			t.Errorf("behind entry %d stand %q, want %q", before, kinds, want)
		}
	}
	if r := Verify(f.run.Dir, policy); r.Integrity.Word != journal.OK || r.Slots == 0 {
		t.Errorf("%q", r.Lines())
	}
}

// TestADayOfSlots is one an hour, each by a timer of its own.
func TestADayOfSlots(t *testing.T) {
	t.Parallel()
	slotsOf(t, 24)
}

// slotsOf watches for so many hours, and ends the run.
func slotsOf(t *testing.T, hours int) {
	t.Helper()
	f, clock, o, policy := signedRun(t, strings.ReplaceAll(watched, `for = "10h"`, fmt.Sprintf(`for = "%dh"`, hours)))
	for range hours {
		clock.add(time.Hour)
		timer(t, f)
	}
	names, err := filepath.Glob(filepath.Join(f.run.Dir, "*.jsonl"))
	if err != nil || len(names) != 2 {
		t.Errorf("files: %v, %v", names, err)
	}
	s, err := Resume(t.Context(), f.run.Dir, f.world, o, false)
	if err != nil {
		t.Fatal(err)
	}
	f.Session = s
	f.want("alive", Passed)
	f.do(Close, "day")
	f.do(End, "")
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if r := Verify(f.run.Dir, policy); r.Exit() != 0 || r.Slots != hours+hours/2 || r.Segments != 2 {
		t.Errorf("exit %d, %d slots: %q", r.Exit(), r.Slots, r.Lines())
	}
}

// TestDamagedSlotsStopNobody: they are told, and the run is gone on with.
func TestDamagedSlotsStopNobody(t *testing.T) {
	t.Parallel()
	f, clock, o, policy := signed(t)
	for range 2 {
		clock.add(time.Hour)
		timer(t, f)
	}
	path := filepath.Join(f.run.Dir, journal.WatchFile)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 1
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Load(f.run.Dir); !errors.Is(err, ErrSlots) || !errors.Is(err, journal.ErrTampered) {
		t.Errorf("read: %v", err)
	}
	if _, err := ResumeSlots(f.run.Dir, f.world, journal.Options{}); !errors.Is(err, journal.ErrTampered) {
		t.Errorf("a timer goes on with them: %v", err)
	}
	if f.Session, err = Resume(t.Context(), f.run.Dir, f.world, o, false); err != nil {
		t.Fatal(err)
	}
	f.do(End, "", "their measurements were changed")
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if r := Verify(f.run.Dir, policy); r.Exit() != 1 {
		t.Errorf("exit %d: %q", r.Exit(), r.Lines())
	}
}

func TestTimerWithoutAKeyNeedsASession(t *testing.T) {
	t.Parallel()
	f := begin(t, watched) // nobody signs it
	clock := &handClock{now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	f.world.Clock = clock
	f.do(WatchIt, "")
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := ResumeSlots(f.run.Dir, f.world, journal.Options{}); !errors.Is(err, journal.ErrNoDelegation) {
		t.Error(err)
	}
}

// heldKey is a key that waits for its person before it lets a timer measure.
type heldKey struct {
	journal.Identity
	asked, touch chan struct{}
}

func (k heldKey) Sign(namespace string, message []byte) (string, error) {
	if namespace == journal.WatchNamespace(journal.Real) {
		close(k.asked)
		<-k.touch
	}
	return k.Identity.Sign(namespace, message)
}

// TestNothingWaitsForTheTouchOfAKey: while the driver's key waits for its
// person, results are written, a rollback starts, and who asks gets the run.
func TestNothingWaitsForTheTouchOfAKey(t *testing.T) {
	t.Parallel()
	ann, _ := personKey(t, "ann")
	id := heldKey{ann, make(chan struct{}), make(chan struct{})}
	made := `
[[phase]]
id = "act"
step = [
  { id = "make", undo = "unmake", verify = "made", run.command = { argv = ["touch", "made"] } },
  { id = "made", check.file = { path = "made" } },
]
[[phase]]`
	b, err := book.Read([]byte(strings.Replace(watched, "[[phase]]", made, 1)+`
[[plan]]
id = "back"
step = [{ id = "unmake", undo = "none: it is the way back", run.command = { argv = ["rm", "-f", "made"] } }]
`), "watched.toml")
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{t: t, dir: t.TempDir(), runs: filepath.Join(t.TempDir(), "runs")}
	target := f.target()
	w, err := NewWorld(target)
	if err != nil {
		t.Fatal(err)
	}
	o := StartOptions{Runs: f.runs, Book: b, Target: target, World: w, Mode: ModeDeploy, Log: journal.Options{Identity: id}}
	if f.Session, err = Start(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	f.do(RunStep, "make")
	f.do(Check, "")
	f.do(Close, "act")
	watching := make(chan error, 1)
	go func() { watching <- f.Do(t.Context(), Intent{Kind: WatchIt}) }()
	<-id.asked
	release := sync.OnceFunc(func() { close(id.touch) })
	defer release()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for _, i := range []Intent{{Kind: Memo, Text: "it waits for a touch"}, {Kind: Rollback, Step: "back"}} {
			if err := f.Do(t.Context(), i); err != nil {
				t.Errorf("%s: %v", i.Kind, err)
			}
		}
		ask := request{From: durable.Self(), By: durable.Self(), Claims: map[string]string{"user": "bob"}}
		if err := ask.publish(f.run.Dir); err != nil {
			t.Error(err)
		}
		<-f.Driving().Done()
	}()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		t.Fatal("it waits for the key")
	}
	release()
	if err := <-watching; !errors.As(err, new(*ReadsError)) {
		t.Errorf("the watch began, and then: %v", err)
	}
	entries, err := journal.Read(f.run.Dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Kind == journal.KindDelegate {
			t.Error("a timer may write into what somebody else drives")
		}
	}
}
