package runbook

import (
	"path/filepath"
	"strings"
	"testing"

	"runbook/runbook/journal"
)

// TestRememberNeverGoesDown also where two verify at once, the one an older copy.
func TestRememberNeverGoesDown(t *testing.T) {
	t.Parallel()
	h := Home{Seen: filepath.Join(t.TempDir(), "seen")}
	report := journal.Report{Integrity: journal.Verdict{Word: journal.OK}, World: journal.Real, Run: strings.Repeat("7f", 16)}
	for _, n := range []int{2, 5, 3, 5, 4} {
		report.Entries, report.Head = n, sha(string(rune('0'+n)))
		if err := h.Remember(report); err != nil {
			t.Fatal(err)
		}
	}
	if seen, err := h.LastSeen(report.Run); err != nil || len(seen) != 1 || seen[0].N != 5 || seen[0].Head != sha("5") {
		t.Errorf("remembered is %+v, %v", seen, err)
	}
}
