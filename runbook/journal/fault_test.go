//go:build fault && linux

package journal

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
)

// TestFaultSeries lets each of the system calls of a writer fail, or kills the
// writer at it, at its 1st to 10th time in a thread.
func TestFaultSeries(t *testing.T) {
	t.Parallel()
	calls := []string{"pwrite64", "fdatasync", "fsync", "linkat", "unlinkat", "openat", "fallocate", "ftruncate", "renameat", "close", "fcntl", "write"}
	s := faults{kills: map[string]int{}, refused: map[string]int{}}
	t.Run("each", func(t *testing.T) {
		for _, call := range calls {
			t.Run(call, func(t *testing.T) {
				t.Parallel()
				s.at(t, call)
			})
		}
	})
	// What a writer does without a fault has to have been hit; the rest is what it
	// does after one.
	for _, call := range []string{"pwrite64", "fdatasync", "fsync", "linkat", "unlinkat", "openat", "fallocate", "close", "fcntl", "write"} {
		if s.kills[call] == 0 || s.refused[call] == 0 && call != "write" {
			t.Errorf("%s: %d kills, %d faults: it was not tested", call, s.kills[call], s.refused[call])
		}
	}
	if s.resumed < 50 {
		t.Errorf("only %d runs resumed", s.resumed)
	}
	t.Logf("kills %v, faults %v, %d runs resumed", s.kills, s.refused, s.resumed)
}

// faults counts what happened to writers, by system call.
type faults struct {
	mu             sync.Mutex
	kills, refused map[string]int
	resumed        int
}

func (s *faults) count(call string, killed, resumed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if killed {
		s.kills[call]++
	} else {
		s.refused[call]++
	}
	if resumed {
		s.resumed++
	}
}

// at makes one system call fail.
func (s *faults) at(t *testing.T, call string) {
	t.Helper()
	for _, what := range []string{"error=EIO", "error=ENOSPC", "error=EDQUOT", "signal=SIGKILL"} {
		if call == "write" && what != "signal=SIGKILL" {
			continue // that is how the child tells us
		}
		for k := 1; k <= 10; k++ {
			dir := t.TempDir()
			trace, acked, _ := injected(t, dir, fmt.Sprintf("%s:%s:when=%d", call, what, k), 4)
			killed := bytes.Contains(trace, []byte("killed by SIGKILL"))
			if !killed && !bytes.Contains(trace, []byte("(INJECTED)")) {
				continue
			}
			_, err := os.Lstat(segmentPath(dir, 1))
			begun := !errors.Is(err, os.ErrNotExist) || len(acked) > 0
			s.count(call, killed, begun)
			if !begun {
				continue
			}
			holds(t, dir, acked)
			l, _ := reopen(t, dir, Options{})
			add(t, l, KindRunEnd, nil)
			closeLog(t, l)
			if r := Verify(dir, Policy{}); r.Integrity.Word != OK || r.Completeness.Word != OK {
				t.Errorf("%s %s %d: %q", call, what, k, r.Lines())
			}
		}
	}
}
