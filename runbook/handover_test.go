package runbook

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"runbook/runbook/durable"
	"runbook/runbook/journal"
)

// TestTakeOverThatIsSigned: what somebody signs who takes the run over is in the
// log where it holds and signers let them drive; who is not let gets the run all
// the same, and the log says why it has no signature.
func TestTakeOverThatIsSigned(t *testing.T) {
	t.Parallel()
	bobs, public := personKey(t, "bob")
	eves, _ := personKey(t, "eve")
	listed := signers(t, [3]string{"bob", "", public})
	f := begin(t, tiny)
	s := f.Session
	for _, c := range []struct {
		name     string
		key      journal.Identity
		change   func(*journal.HandOver)
		to, left string
	}{
		{"bob's", bobs, func(*journal.HandOver) {}, "bob", ""},
		{"one that nobody lists", eves, func(*journal.HandOver) {}, "bob on pts/5", "SHA256:"},
		{"one of another head", bobs, func(h *journal.HandOver) { h.Head = journal.Zeros }, "bob on pts/5", "it is about another log"},
		{"one that was copied", bobs, func(h *journal.HandOver) { h.Time = h.Time.Add(-time.Hour) }, "bob on pts/5", "it was signed for 20"},
	} {
		s.Signs(Keys{Signers: func() (journal.Signers, error) { return listed, nil }})
		h, err := journal.AskHandOver(f.run.Dir, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		c.change(&h)
		signed, err := h.Sign(c.key)
		if err != nil {
			t.Fatal(err)
		}
		q := request{From: durable.Self(), By: durable.Self(), Claims: bob, SignedHandOver: signed}
		if err := q.publish(f.run.Dir); err != nil {
			t.Fatal(err)
		}
		waitFor(t, func() bool { return s.Reads() != nil })
		_, last, err := journal.Peek(f.run.Dir)
		if err != nil {
			t.Fatal(err)
		}
		body, err := decode[handoverBody](last)
		if err != nil || body.To != c.to || !strings.Contains(body.Unsigned, c.left) || (body.Unsigned == "") != (c.left == "") || (body.SignedHandOver == signed) != (c.left == "") {
			t.Errorf("%s: %+v, %v", c.name, body, err)
		}
		waitFor(t, func() bool { _, held := Driver(f.run.Dir); return !held })
		if s, err = f.resume(); err != nil {
			t.Fatal(err)
		}
	}
	if r := journal.Verify(f.run.Dir, journal.Policy{Signers: listed}); r.Integrity.Word != journal.OK || len(r.Handed) != 1 || r.Handed[0].Principal != "bob" {
		t.Errorf("%+v %q", r.Handed, r.Lines())
	}
}

// TestTakeOverByALongName: no request is so large that the entry which lets go
// finds no room, and nothing says who asked.
func TestTakeOverByALongName(t *testing.T) {
	t.Parallel()
	for name, q := range map[string]request{
		"bytes":     {Claims: map[string]string{"user": strings.Repeat("\xff", 5000)}},
		"lines":     {Claims: map[string]string{"user": strings.Repeat("\u2028", 3000), strings.Repeat("x", 5000): ""}},
		"statement": {Claims: bob, SignedHandOver: journal.SignedHandOver{Stmt: "runbook-log/v1 hand-over\n" + strings.Repeat("\x7f", 5000), SSHSig: "x"}},
	} {
		f := begin(t, tiny)
		q.From, q.By = durable.Self(), durable.Self()
		if err := q.publish(f.run.Dir); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(q.path(f.run.Dir)); err == nil && info.Size() > maxRequest {
			t.Fatalf("%s: a request of %d bytes would not be read", name, info.Size())
		}
		waitFor(t, func() bool { return f.Reads() != nil })
		if _, last, err := journal.Peek(f.run.Dir); err != nil || last.Kind != journal.KindHandover || len(last.Body) > 4<<10 {
			t.Errorf("%s: the last entry is %s, of %d bytes, %v", name, last.Kind, len(last.Body), err)
		}
	}
}

// TestTakeOverOfATimer, which writes no entry and lets go all the same.
func TestTakeOverOfATimer(t *testing.T) {
	t.Parallel()
	f, clock, o, _ := signed(t)
	clock.add(time.Hour)
	s, err := ResumeSlots(f.run.Dir, f.world, journal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	h, err := journal.AskHandOver(f.run.Dir, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	by, err := h.Sign(o.Identity)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := TakeOver(t.Context(), f.run.Dir, Taker{Claims: bob, Signed: by}); err != nil {
		t.Fatal(err)
	}
	if s.Reads() == nil {
		t.Error("the timer drives on")
	}
}

// TestTakeOverOfAnother: who agreed to relieve one driver relieves no other.
func TestTakeOverOfAnother(t *testing.T) {
	t.Parallel()
	f := begin(t, tiny)
	agreed := durable.Process{PID: os.Getpid(), Start: "1", Boot: durable.Self().Boot}
	if _, err := TakeOver(t.Context(), f.run.Dir, Taker{Claims: bob, From: &agreed}); !errors.Is(err, journal.ErrBusy) {
		t.Error(err)
	}
	if f.Reads() != nil {
		t.Error("another driver was asked")
	}
}
