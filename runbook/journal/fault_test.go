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
	hits, resumed := 0, 0
	for _, call := range calls {
		for _, what := range []string{"error=EIO", "error=ENOSPC", "error=EDQUOT", "signal=SIGKILL"} {
			if call == "write" && what != "signal=SIGKILL" {
				continue // that is how the child tells us
			}
			for k := 1; k <= 10; k++ {
				dir := t.TempDir()
				trace, acked, _ := injected(t, dir, fmt.Sprintf("%s:%s:when=%d", call, what, k), 4)
				if !bytes.Contains(trace, []byte("(INJECTED)")) && !bytes.Contains(trace, []byte("killed by SIGKILL")) {
					continue
				}
				hits++
				if _, err := os.Lstat(segmentPath(dir, 1)); errors.Is(err, os.ErrNotExist) && len(acked) == 0 {
					continue
				}
				holds(t, dir, acked)
				l, _ := reopen(t, dir, Options{})
				add(t, l, KindRunEnd, nil)
				closeLog(t, l)
				if r := Verify(dir, Signers{}); r.Integrity.Word != OK || r.Completeness.Word != OK {
					t.Errorf("%s %s %d: %q", call, what, k, r.Lines())
				}
				resumed++
			}
		}
	}
	if hits < 100 || resumed < 50 {
		t.Errorf("only %d faults, %d resumed", hits, resumed)
	}
	t.Logf("%d faults, %d runs resumed", hits, resumed)
}
