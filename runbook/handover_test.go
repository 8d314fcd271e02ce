package runbook

import (
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
