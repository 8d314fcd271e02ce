package journal

import (
	"strings"
	"testing"
	"time"
)

// TestClockFarOff has a clock say what no line can hold, and jump: what is
// acknowledged is read again, in its order.
func TestClockFarOff(t *testing.T) {
	t.Parallel()
	local := time.FixedZone("far east", 14*3600)
	clock := []time.Time{
		time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), time.Unix(0, 0), time.Date(-44, 3, 15, 0, 0, 0, 0, time.UTC),
		time.Date(9999, 12, 31, 23, 59, 59, 999_999_999, time.UTC), time.Date(292277024627, 1, 1, 0, 0, 0, 0, time.UTC),
		{},
		time.Date(2026, 3, 29, 2, 30, 0, 0, local), time.Date(0, 1, 1, 0, 0, 0, 0, local), time.Unix(1<<40, 0),
	}
	for first := range clock {
		i := first
		dir := t.TempDir()
		o := Options{Now: func() time.Time { i++; return clock[i%len(clock)] }}
		l := create(t, dir, o)
		last := int64(-1)
		for range len(clock) {
			e := add(t, l, "note", nil)
			if e.Mono < last {
				t.Errorf("mono goes from %d to %d", last, e.Mono)
			}
			last = e.Mono
		}
		closeLog(t, l)
		again, before := reopen(t, dir, o)
		add(t, again, KindRunEnd, nil)
		closeLog(t, again)
		notes := 0
		for _, e := range before {
			if e.Kind == "note" { // the others tell that the clock was set
				notes++
			}
			if stamp := e.Time.Format(timeLayout); len(stamp) != len(timeLayout) || strings.HasPrefix(stamp, "-") {
				t.Errorf("entry %d has time %s", e.N, stamp)
			}
		}
		if r := Verify(dir, Policy{}); r.Integrity.Word != OK || r.Completeness.Word != OK || notes != len(clock) {
			t.Errorf("beginning with %v: %d notes, %q", clock[(first+1)%len(clock)], notes, r.Lines())
		}
	}
}

// setsClock is a key whose person sets the clock before signing.
type setsClock struct {
	Identity
	set func()
}

func (k setsClock) Sign(namespace string, message []byte) (string, error) {
	k.set()
	return k.Identity.Sign(namespace, message)
}

// TestClockSetBeforeThePersonSigned is nothing that the run's first entry has to
// stand behind.
func TestClockSetBeforeThePersonSigned(t *testing.T) {
	t.Parallel()
	id, signers := listed(t, "watch@runbook-log")
	var off time.Duration
	dir := t.TempDir()
	l := create(t, dir, Options{Identity: setsClock{id, func() { off += time.Hour }}, Now: func() time.Time { return time.Now().Add(off) }})
	if e := add(t, l, "run.start", nil); e.N != 2 {
		t.Errorf("the run begins at entry %d", e.N)
	}
	closeLog(t, l)
	if r := Verify(dir, Policy{Signers: signers}); r.Integrity.Word != OK {
		t.Errorf("%q", r.Lines())
	}
}
