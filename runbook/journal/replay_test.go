package journal

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestReplayedSignoff has the driver hand in once more what a person has said
// before and taken back since, and what was signed before only later.
func TestReplayedSignoff(t *testing.T) {
	t.Parallel()
	first := aSignoff().Time
	at := func(seconds int) func(*Signoff) {
		return func(s *Signoff) { s.Time = first.Add(time.Duration(seconds) * time.Second) }
	}
	for name, c := range map[string]struct {
		say  string // decisions of one key in the order they come into the log; a number hands in that one again
		seen string // by each: over the head as it is (h), or as it was at the begin (b)
		secs []int
		want Word
	}{
		"taken back":              {"aw", "hh", []int{0, 1}, Missing},
		"approved again":          {"awa", "hhh", []int{0, 1, 2}, OK},
		"approval once more":      {"ar0", "hh", []int{0, 1}, Rejected},
		"withdrawal once more":    {"rwr1", "hhh", []int{0, 1, 2}, Rejected},
		"approval handed late":    {"ra", "hb", []int{0, 1}, Rejected},
		"reject handed late":      {"ar", "bb", []int{0, -1}, OK},
		"reject of an older log":  {"ar", "hb", []int{0, 1}, Rejected}, // and said later
		"reject of older both":    {"ar", "hb", []int{1, 0}, OK},
		"reject, clock went back": {"ar", "bh", []int{1, 0}, Rejected},
		"approval, older clock":   {"ra", "bh", []int{1, 0}, Rejected},
		"approval in its second":  {"ra", "bh", []int{0, 0}, OK},
		"lifted by one, not both": {"raa", "bhb", []int{1, 0, 2}, OK},
		"newer by one each":       {"raa", "hbh", []int{1, 2, 0}, Rejected},
		"withdrawn of older log":  {"aw", "hb", []int{0, 1}, OK},
		"rejected twice":          {"rra", "bhh", []int{0, 1, 2}, OK},
		"of one head":             {"ra", "bb", []int{1, 0}, Rejected},
		"of one moment":           {"ra", "bb", []int{0, 0}, Rejected},
		"of one moment, turned":   {"ar", "bb", []int{0, 0}, Rejected},
		"of one moment, no more":  {"wa", "bb", []int{0, 0}, Missing},
		"of one moment, open":     {"aw", "bb", []int{0, 0}, Missing},
		"of one moment, rather":   {"wr", "bb", []int{0, 0}, Rejected},
	} {
		d := aDesk(t, "dev")
		begin := d.log.Commitment()
		add(t, d.log, "note", nil)
		var given []Attest
		for i, word := range c.say {
			if word >= '0' && word <= '9' {
				given = append(given, given[word-'0'])
			} else {
				decision := map[rune]string{'a': DecisionApprove, 'r': DecisionReject, 'w': DecisionWithdraw}[word]
				given = append(given, d.signoff(t, "dev", "dev", decision, at(c.secs[i]), func(s *Signoff) {
					if c.seen[i] == 'b' {
						s.Commitment = begin
					}
				}))
			}
			if _, err := d.log.Attest(t.Context(), given[i]); err != nil {
				t.Fatal(err)
			}
		}
		add(t, d.log, KindRunEnd, nil)
		if r := Verify(d.dir, d.policy(t, "dev")); r.Completeness.Word != c.want || (r.Exit() == 0) != (c.want == OK) {
			t.Errorf("%s: want %s: %q", name, c.want, r.Lines())
		}
	}
}

// TestTermsAreThoseOfTheBegin has a driver begin a run again, with nobody who
// must sign, and one that says of no run who must.
func TestTermsAreThoseOfTheBegin(t *testing.T) {
	t.Parallel()
	d := aDesk(t, "dev")
	add(t, d.log, "note", map[string]string{"role": "dev"})
	add(t, d.log, "note", nil)
	add(t, d.log, KindRunEnd, nil)
	p := d.policy(t)
	p.Terms = func(e Entry) (Terms, bool) {
		if !strings.Contains(string(e.Body), "role") {
			return Terms{}, e.Kind == "note"
		}
		return Terms{Required: []Required{{Role: "dev", Scope: ScopeRun}}}, true
	}
	if r := Verify(d.dir, p); r.Completeness.Word != Missing || r.Exit() != 3 {
		t.Errorf("exit %d %q", r.Exit(), r.Lines())
	}
	p.Terms = func(Entry) (Terms, bool) { return Terms{}, false }
	if r := Verify(d.dir, p); r.Completeness.Word != Missing || r.Exit() != 3 {
		t.Errorf("exit %d %q", r.Exit(), r.Lines())
	}
}

// TestSignoffThatWouldNotCount: whoever hands in what its key has outlived is
// told so, and by which entry.
func TestSignoffThatWouldNotCount(t *testing.T) {
	t.Parallel()
	d := aDesk(t, "dev,qa", "eve,dev")
	begin := d.log.Commitment()
	add(t, d.log, "note", nil)
	older := func(s *Signoff) { s.Commitment, s.Time = begin, s.Time.Add(-time.Minute) }
	said := d.signoff(t, "dev", "dev", DecisionApprove)
	e, err := d.log.Attest(t.Context(), said)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		a    Attest
		want string // of the error; none if empty
	}{
		"older":             {d.signoff(t, "dev", "dev", DecisionReject, older), fmt.Sprintf("no newer than what this key said at entry %d, approve: ask for a new request", e.N)},
		"once more":         {said, fmt.Sprintf("in the log already, at entry %d", e.N)},
		"of an older log":   {d.signoff(t, "dev", "dev", DecisionReject, older, func(s *Signoff) { s.Time = s.Time.Add(time.Hour) }), ""},
		"newer":             {d.signoff(t, "dev", "dev", DecisionWithdraw), ""},
		"another key's":     {d.signoff(t, "eve", "dev", DecisionReject, older), ""},
		"of another role":   {d.signoff(t, "dev", "qa", DecisionReject, older), ""},
		"about other scope": {d.signoff(t, "dev", "dev", DecisionReject, older, func(s *Signoff) { s.Scope = PhaseScope("x") }), ""},
	} {
		_, _, err := CheckAttest(d.dir, c.a)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
