package bundle_test

import (
	"testing"
	"time"

	"runbook/runbook/journal"
)

// TestScriptAgreesOnLastWords has one key say things over older logs, and at
// older times, than what it has said before.
func TestScriptAgreesOnLastWords(t *testing.T) {
	t.Parallel()
	box := toolbox(t)
	o := finish(t)
	early := o.log.Commitment()
	over := func(s *journal.Signoff) { s.Commitment = early }
	after := func(d time.Duration) func(*journal.Signoff) {
		return func(s *journal.Signoff) { s.Time = s.Time.Add(d) }
	}
	o.attest(o.qa, "qa", journal.DecisionApprove)
	o.agree("approved twice", 0, box)
	o.attest(o.qa, "qa", journal.DecisionReject, after(-time.Hour), over)
	o.agree("a reject that is older by both", 0, box)
	o.attest(o.qa, "qa", journal.DecisionReject, after(time.Hour), over)
	o.agree("rejected later, over an older log", 3, box)
	o.attest(o.qa, "qa", journal.DecisionApprove)
	o.agree("an approval that is newer by its log alone", 3, box)
	o.attest(o.qa, "qa", journal.DecisionWithdraw, after(2*time.Hour), over)
	o.agree("lifted, and the approval stands", 0, box)
	o.attest(o.qa, "qa", journal.DecisionWithdraw)
	o.agree("withdrawn", 3, box)
}
