//go:build fault

package runbook

import "testing"

func TestFaultAWeekOfSlots(t *testing.T) {
	t.Parallel()
	slotsOf(t, 7*24)
}
