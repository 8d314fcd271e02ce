//go:build fault && linux

package journal

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"testing"
)

// TestFaultSeries lets each of the system calls of a writer fail, or kills the
// writer at it, at its 1st to 10th time in a thread.
func TestFaultSeries(t *testing.T) {
	t.Parallel()
	calls := []string{"pwrite64", "fdatasync", "fsync", "linkat", "unlinkat", "openat", "fallocate", "ftruncate", "renameat", "close", "fcntl", "write"}
	kills, faults, resumed := map[string]int{}, map[string]int{}, 0
	for _, call := range calls {
		for _, what := range []string{"error=EIO", "error=ENOSPC", "error=EDQUOT", "signal=SIGKILL"} {
			if call == "write" && what != "signal=SIGKILL" {
				continue // that is how the child tells us
			}
			for k := 1; k <= 10; k++ {
				dir := t.TempDir()
				trace, acked, _ := injected(t, dir, fmt.Sprintf("%s:%s:when=%d", call, what, k), 4)
				switch {
				case bytes.Contains(trace, []byte("killed by SIGKILL")):
					kills[call]++
				case bytes.Contains(trace, []byte("(INJECTED)")):
					faults[call]++
				default:
					continue
				}
				if _, err := os.Lstat(segmentPath(dir, 1)); errors.Is(err, os.ErrNotExist) && len(acked) == 0 {
					continue
				}
				holds(t, dir, acked)
				l, _ := reopen(t, dir, Options{})
				add(t, l, KindRunEnd, nil)
				closeLog(t, l)
				if r := Verify(dir, Policy{}); r.Integrity.Word != OK || r.Completeness.Word != OK {
					t.Errorf("%s %s %d: %q", call, what, k, r.Lines())
				}
				resumed++
			}
		}
	}
	// What a writer does without a fault has to have been hit; the rest is what it
	// does after one.
	for _, call := range []string{"pwrite64", "fdatasync", "fsync", "linkat", "unlinkat", "openat", "fallocate", "close", "fcntl", "write"} {
		if kills[call] == 0 || faults[call] == 0 && call != "write" {
			t.Errorf("%s: %d kills, %d faults: it was not tested", call, kills[call], faults[call])
		}
	}
	if resumed < 50 {
		t.Errorf("only %d runs resumed", resumed)
	}
	t.Logf("kills %v, faults %v, %d runs resumed", kills, faults, resumed)
}
