package runbook

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"runbook/steps/run/loopback"
)

func TestLostConnectionIsFollowedAgain(t *testing.T) {
	t.Parallel()
	s := loopback.Start(t)
	f := beginOn(t, onHosts(`"a"`, `sh = 'for i in 1 2 3; do echo "row $i $TOKEN"; done; touch up; until [ -e go ]; do sleep 0.01; done; echo end; exit 4', secrets = ["token"]`), s)
	done := make(chan error, 1)
	go func() { done <- f.try(RunStep, "it") }()
	there(t, s, "up")
	if s.Cut() == 0 {
		t.Fatal("there was no connection to cut")
	}
	waitFor(t, func() bool { return s.Served() == 2 })
	f.want("it", Running)
	touch(t, s, "go")
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if st := f.step(); st.State != Failed || st.Exit == nil || *st.Exit != 4 || st.Reason != "exit 4" {
		t.Errorf("%+v", st)
	}
	if out := output(t, f); !strings.HasPrefix(out, "row 1 [redacted]\nrow 2 [redacted]\nrow 3 [redacted]\nend\n-- a: exit 4 -- ") {
		t.Errorf("printed %q", out)
	}
	if err := beside(f.run.Dir); err != nil {
		t.Error(err)
	}
}

func TestSessionThatDiesLeavesTheHostsWord(t *testing.T) {
	t.Parallel()
	s := loopback.Start(t)
	f := beginOn(t, onHosts(`"a"`, `sh = 'echo before; touch up; until [ -e go ]; do sleep 0.01; done; echo after; exit 5'`), s)
	leave, left := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- f.Do(leave, Intent{Kind: RunStep, Step: "it"}) }()
	there(t, s, "up")
	left()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if s.Cut() == 0 {
		t.Fatal("nothing went on without the session")
	}
	touch(t, s, "go")
	f.reopen()
	waitFor(t, func() bool { return f.step().State != Running })
	if st := f.step(); st.State != Failed || st.Reason != "exit 5" {
		t.Errorf("%s (%s)", st.State, st.Reason)
	}
	if out := output(t, f); !strings.HasPrefix(out, "before\nafter\n-- a: exit 5 -- ") {
		t.Errorf("printed %q", out)
	}
}

func TestHostThatIsNotReachedAgainIsUnknown(t *testing.T) {
	t.Parallel()
	s := loopback.Start(t)
	f := beginOn(t, onHosts(`"a"`, `sh = 'touch up; until [ -e go ]; do sleep 0.01; done; exit 6'`), s)
	done := make(chan error, 1)
	go func() { done <- f.try(RunStep, "it") }()
	there(t, s, "up")
	s.Down()
	if err := f.try(Cancel, "it"); err != nil { // and nobody there to hear it
		t.Error(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	st := f.step()
	if st.State != Unknown || !strings.Contains(st.Reason, "the connection to a was lost") || !strings.Contains(st.Reason, "Connection refused") {
		t.Fatalf("%s (%s)", st.State, st.Reason)
	}
	touch(t, s, "go")
	s.Up()
	f.do(Recheck, "it") // the host knows, no verify is needed
	if st := f.step(); st.State != Failed || st.Reason != "exit 6" {
		t.Errorf("%s (%s)", st.State, st.Reason)
	}
}

// What a host was asked for twice is kept twice: the log holds both.
func TestHostThatIsAskedTwice(t *testing.T) {
	t.Parallel()
	s := loopback.Start(t)
	f := beginOn(t, onHosts(`"a"`, `sh = 'trap "exit 7" INT; echo before; touch up; while :; do sleep 0.01; done'`), s)
	done := make(chan error, 1)
	go func() { done <- f.try(RunStep, "it") }()
	there(t, s, "up")
	if s.Cut() == 0 {
		t.Fatal("there was no connection to cut")
	}
	waitFor(t, func() bool { return s.Served() == 2 })
	f.do(Cancel, "it")
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	first := output(t, f)
	kept := s.Kept()
	if st := f.step(); st.State != Unknown || !strings.HasPrefix(first, "before\n") || len(kept) != 1 {
		t.Fatalf("%s (%s), printed %q, the host keeps %q", st.State, st.Reason, first, kept)
	}
	out, err := os.OpenFile(filepath.Join(kept[0], "out"), os.O_APPEND|os.O_WRONLY, 0)
	if err == nil { // as something that outlived it does
		_, err = out.WriteString("late\n")
		err = errors.Join(err, out.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	f.do(Recheck, "it")
	second := output(t, f)
	if !strings.Contains(second, "late\n") {
		t.Errorf("asked again it printed %q", second)
	}
	if err := beside(f.run.Dir); err != nil {
		t.Error(err)
	}
	files := f.State().filesOn("it", 1, "a")
	for _, text := range []string{first, second} {
		sum := sha256.Sum256([]byte(text))
		name := filepath.Join(files, againFile(hex.EncodeToString(sum[:])))
		if data, err := os.ReadFile(name); err != nil || string(data) != text {
			t.Errorf("%s holds %q, %v", name, data, err)
			continue
		}
		if err := os.WriteFile(name, []byte("forged\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := beside(f.run.Dir); err == nil || !strings.Contains(err.Error(), filepath.Base(name)) {
			t.Errorf("%s was changed: %v", name, err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if left, err := filepath.Glob(filepath.Join(files, ".again.*")); err != nil || len(left) > 0 {
		t.Errorf("left %q, %v", left, err)
	}
}
