package report

import (
	"testing"
	"time"

	"runbook/runbook/journal"
)

// TestStateIsOfTheLastWord: an approval that is handed in once more does not
// undo what its key has said since.
func TestStateIsOfTheLastWord(t *testing.T) {
	t.Parallel()
	word := func(key, decision string, n uint64) Decision {
		at := time.Unix(int64(n), 0)
		return Decision{How: signed, Decision: decision, Fingerprint: key, Of: n, SaysAt: &at}
	}
	for want, said := range map[string][]Decision{
		"rejected": {word("a", journal.DecisionReject, 5), word("a", journal.DecisionApprove, 3)},
		"missing":  {word("a", journal.DecisionWithdraw, 5), word("a", journal.DecisionApprove, 3)},
		signed:     {word("a", journal.DecisionReject, 3), word("a", journal.DecisionApprove, 5), word("b", journal.DecisionWithdraw, 6)},
	} {
		s := Signoff{Role: "qa", Scope: journal.ScopeRun, Decisions: said}
		if got := s.state(false); got != want {
			t.Errorf("%s is wanted: %s", want, got)
		}
	}
}
