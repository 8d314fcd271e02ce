package runbook

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"runbook/steps"
)

func TestUsualDurationIsTheMedianOfThisHome(t *testing.T) {
	t.Parallel()
	runs := t.TempDir()
	other := strings.Replace(tiny, `name = "tiny"`, `name = "tiny-two"`, 1)
	for _, toml := range []string{tiny, tiny, tiny, other} {
		f := beginIn(t, toml, runs)
		f.toAct()
		f.do(RunStep, "make")
		f.want("make", Passed)
	}
	failed := beginIn(t, tiny, runs)
	failed.toAct()
	failed.write("broken", "")
	failed.do(RunStep, "make")
	failed.want("make", Failed)

	f := beginIn(t, tiny, runs)
	if u := f.Usual("make"); u.Runs != 3 || u.Median <= 0 {
		t.Errorf("usual %+v, want three runs: those of this book that ended well", u)
	}
	if u := f.Usual("unmake"); u != (Usual{}) {
		t.Errorf("usual of what never ran: %+v", u)
	}
	f.toAct()
	f.do(RunStep, "make")
	if u := f.Usual("make"); u.Runs != 3 {
		t.Errorf("it counts itself: %+v", u)
	}

	elsewhere := &Session{past: func() map[string][]time.Duration { return pastDurations(t.Context(), f.run.Dir, "tiny", "there") }}
	if u := elsewhere.Usual("make"); u.Runs != 0 {
		t.Errorf("usual on another target: %+v", u)
	}
	for want, took := range map[time.Duration][]time.Duration{2: {3, 1, 2}, 25: {40, 10, 30, 20}, 7: {7}} {
		s := &Session{past: func() map[string][]time.Duration { return map[string][]time.Duration{"x": took} }}
		if u := s.Usual("x"); u.Median != want || u.Runs != len(took) {
			t.Errorf("median of %v is %+v", took, u)
		}
	}
}

func TestSilence(t *testing.T) {
	t.Parallel()
	began := time.Now()
	at := func(s int) time.Time { return began.Add(time.Duration(s) * time.Second) }
	for name, one := range map[string]struct {
		outputs []int // seconds after the beginning
		usual   time.Duration
		now     int
		silent  bool
	}{
		"not heard of yet":                      {nil, 0, 600, false},
		"a minute without a word":               {[]int{0}, 0, 61, true},
		"less than that":                        {[]int{0}, 0, 59, false},
		"it usually takes longer":               {[]int{0}, 10 * time.Minute, 599, false},
		"and now longer than usual":             {[]int{0}, 10 * time.Minute, 601, true},
		"it has spoken, and usually takes long": {[]int{0, 1, 2}, time.Hour, 63, true},
		"its pauses are long":                   {[]int{0, 1, 101}, 0, 400, false},
		"and now three times as long":           {[]int{0, 1, 101}, 0, 402, true},
		"it speaks again":                       {[]int{0, 1, 101, 402}, 0, 420, false},
	} {
		c := &companion{usual: Usual{Median: one.usual, Runs: 1}}
		for _, s := range one.outputs {
			c.hear(began, at(s))
		}
		if got := c.silent(at(one.now)); got != one.silent {
			t.Errorf("%s: silent %v", name, got)
		}
	}
}

func TestSecretsAreAskedOnce(t *testing.T) {
	t.Parallel()
	asked, refuse := 0, true
	w := asksOnce(&steps.World{Secret: func(context.Context, string) (steps.Secret, error) {
		if asked++; refuse {
			return steps.Secret{}, steps.ErrSecret
		}
		return steps.NewSecret("x"), nil
	}})
	if _, err := w.Secret(t.Context(), "token"); !errors.Is(err, steps.ErrSecret) {
		t.Errorf("refused: %v", err)
	}
	refuse = false
	for range 3 {
		if secret, err := w.Secret(t.Context(), "token"); err != nil || secret.Reveal() != "x" {
			t.Error(err)
		}
	}
	if asked != 2 {
		t.Errorf("asked %d times, want once after the refusal", asked)
	}
}

// checked is what a migrations check says at a place.
func checked(verdict steps.Verdict, where, left string) resultBody {
	return resultBody{Verdict: verdict, Reason: left + " pending", Where: where, Evidence: []steps.Evidence{{Label: steps.LeftToDo, Value: left}}}
}

func TestVerifySaysPartlyDone(t *testing.T) {
	t.Parallel()
	const place = "db1:5432/tickr"
	for name, one := range map[string]struct {
		before, after resultBody
		state         State
		partly        bool
	}{
		"two of three are done":   {checked(steps.Pass, place, "3"), checked(steps.Fail, place, "1"), Failed, true},
		"none is done":            {checked(steps.Pass, place, "3"), checked(steps.Fail, place, "3"), Failed, false},
		"all are done":            {checked(steps.Pass, place, "3"), checked(steps.Pass, place, "0"), Passed, false},
		"done and out of order":   {checked(steps.Pass, place, "3"), checked(steps.Fail, place, "0"), Failed, false},
		"before was elsewhere":    {checked(steps.Pass, "db2:5432/tickr", "3"), checked(steps.Fail, place, "1"), Failed, false},
		"before was not measured": {resultBody{Where: place}, checked(steps.Fail, place, "1"), Failed, false},
		"after is not measured":   {checked(steps.Pass, place, "3"), resultBody{Where: place}, Unknown, false},
	} {
		f := begin(t, tiny)
		must(t, f.record(t.Context(), kindCheck, &checkBody{Step: "marker-there", resultBody: one.before}))
		must(t, f.record(t.Context(), kindRunIntent, &runIntentBody{Step: "make", Attempt: 1, Kind: "command"}))
		must(t, f.record(t.Context(), kindRunResult, &runResultBody{Step: "make", Attempt: 1, Outcome: "cancelled"}))
		must(t, f.record(t.Context(), kindCheck, &checkBody{Step: "made", Settles: "make", resultBody: one.after}))
		st := f.State().Steps["make"]
		if st.State != one.state || st.Partly != one.partly {
			t.Errorf("%s: %s, partly %v (%s)", name, st.State, st.Partly, st.Reason)
		}
		if one.partly && st.Reason != "partly done: pending 1 of 3: 1 pending" {
			t.Errorf("%s: %q", name, st.Reason)
		}
		again, _, err := Load(f.run.Dir)
		if err != nil || again.Steps["make"].Partly != one.partly {
			t.Errorf("%s: the log alone says partly %v, %v", name, again.Steps["make"].Partly, err)
		}
	}
}
