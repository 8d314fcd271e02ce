package journal

import (
	"fmt"
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
	if _, err := l.Delegate(t.Context(), time.Now().Add(time.Hour), []string{"alive"}); err != nil {
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
