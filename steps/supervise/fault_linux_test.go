//go:build fault

package supervise_test

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"runbook/steps/supervise"
)

func init() { patience = time.Minute }

// calls are system calls, each with how many times a thread makes it at most.
type calls map[string]int

// series runs a test for each time that a thread makes one of some system
// calls, and checks that enough of them hit anything.
func series(t *testing.T, what calls, atLeast int32, one func(t *testing.T, call string, when int) (hit bool)) {
	t.Helper()
	var hits, all atomic.Int32
	t.Run("each", func(t *testing.T) {
		for call, last := range what {
			for when := 1; when <= last; when++ {
				t.Run(fmt.Sprintf("%s-%d", call, when), func(t *testing.T) {
					t.Parallel()
					all.Add(1)
					if one(t, call, when) {
						hits.Add(1)
					}
				})
			}
		}
	})
	if hits.Load() < atLeast {
		t.Errorf("only %d of %d hit", hits.Load(), all.Load())
	}
	t.Logf("%d of %d hit", hits.Load(), all.Load())
}

func TestFaultSupervisorKilledAtEachCall(t *testing.T) {
	t.Parallel()
	series(t, calls{
		"openat": 14, "read": 3, "write": 4, "pwrite64": 2, "fsync": 2, "fdatasync": 1, "fallocate": 1, "close": 6, "fcntl": 2, "unlinkat": 3,
		"clone": 1, "waitid": 1, "setsid": 1, "dup3": 2, "execve": 1, "pread64": 1, "getdents64": 1, "exit_group": 1,
	}, 30, func(t *testing.T, call string, when int) bool {
		r, o := newRig(t), script(t, quick)
		what := fmt.Sprintf("%s:signal=SIGKILL:when=%d", call, when)
		wantTruth(t, what, o, r.settled(t, aSupervisor, what, o))
		return strings.Contains(r.traced(t, aSupervisor), "killed by SIGKILL")
	})
}

func TestFaultRecorderKilledAtEachCall(t *testing.T) {
	t.Parallel()
	series(t, calls{
		"openat": 4, "close": 4, "fcntl": 3, "prctl": 1, "recvmsg": 1, "clone": 1, "pidfd_open": 1, "waitid": 2, "unlinkat": 1, "exit_group": 1,
	}, 12, func(t *testing.T, call string, when int) bool {
		r, o := newRig(t), script(t, quick)
		what := fmt.Sprintf("%s:signal=SIGKILL:when=%d", call, when)
		wantTruth(t, what, o, r.settled(t, aRecorder, what, o))
		return strings.Contains(r.traced(t, aRecorder), "killed by SIGKILL")
	})
}

// TestFaultDriverKilledAtEachCall kills only the driver: what it asked for is
// executed to its end or not at all.
func TestFaultDriverKilledAtEachCall(t *testing.T) {
	t.Parallel()
	series(t, calls{"openat": 3, "write": 2, "close": 4, "sendmsg": 1, "socketpair": 1, "clone": 1, "fsync": 1, "pipe2": 2, "waitid": 1},
		8, func(t *testing.T, call string, when int) bool {
			r, o := newRig(t), script(t, quick)
			what := fmt.Sprintf("%s:signal=SIGKILL:when=%d", call, when)
			cmd := r.inject(t, aDriver, what)
			_, _ = io.Copy(io.Discard, launch(t, cmd, o, "s3cret-Canary"))
			_ = cmd.Wait() // it was killed
			r.idle(t)
			if s, times := classify(o), ran(t, o); times == 0 && s.Class != supervise.NeverStarted {
				t.Errorf("%s: never executed, %+v", what, s)
			}
			wantTruth(t, what, o, "started")
			return strings.Contains(r.traced(t, aDriver), "killed by SIGKILL")
		})
}

// TestFaultSupervisorStoppedAtEachCall stops it, sees what its directory says,
// and lets it go on.
func TestFaultSupervisorStoppedAtEachCall(t *testing.T) {
	t.Parallel()
	series(t, calls{"openat": 7, "write": 1, "pwrite64": 1, "fsync": 1, "fdatasync": 1, "clone": 1, "waitid": 1, "unlinkat": 2},
		8, func(t *testing.T, call string, when int) (hit bool) {
			r, o := newRig(t), script(t, quick)
			what := fmt.Sprintf("%s:signal=SIGSTOP:when=%d", call, when)
			cmd := r.inject(t, aSupervisor, what)
			said := make(chan string, 1)
			go func() { said <- r.drive(t, cmd, o) }()
			handled := 0
			// A thread of its own may be stopped after the driver has left.
			await(t, "the end of all processes", func() bool {
				if strings.Count(r.traced(t, aSupervisor), "stopped by SIGSTOP") > handled {
					handled++
					r.goOn(t, what, o)
				}
				return len(said) == 1 && len(r.processes("")) == 0
			})
			wantTruth(t, what, o, <-said)
			if ran(t, o) != 1 {
				t.Errorf("%s: executed %d times", what, ran(t, o))
			}
			return handled > 0
		})
}

// goOn sees that the directory tells of supervisors that are stopped, and
// continues them.
func (r rig) goOn(t *testing.T, what string, o supervise.Order) {
	t.Helper()
	for _, pid := range r.processes(aSupervisor) {
		var s supervise.Status
		await(t, "the stop to be seen", func() bool {
			s = classify(o)
			who, err := os.ReadFile(filepath.Join(o.Files, "pid"))
			return len(who) == 0 || err != nil || s.Class == supervise.Exited || s.Stopped == "supervisor"
		})
		if s.Class != supervise.Exited && s.Class != supervise.Running && s.Class != supervise.NeverStarted {
			t.Errorf("%s: stopped reads as %+v", what, s)
		}
		_ = syscall.Kill(pid, syscall.SIGCONT) // gone already, if another thread had been stopped before
	}
}

// TestFaultSupervisorRefusedAtEachCall lets system calls of a supervisor fail:
// nothing is executed and the driver told so, or the exit code is known.
func TestFaultSupervisorRefusedAtEachCall(t *testing.T) {
	t.Parallel()
	for e, what := range map[string]calls{
		"EIO":    {"openat": 4, "write": 3, "pwrite64": 1, "fsync": 2, "fallocate": 2, "pread64": 1},
		"ENOSPC": {"write": 2, "pwrite64": 1, "fsync": 2, "fallocate": 2},
		"EMFILE": {"openat": 12},
		"EAGAIN": {"clone": 2, "clone3": 2},
	} {
		t.Run(e, func(t *testing.T) {
			t.Parallel()
			series(t, what, 1, func(t *testing.T, call string, when int) bool {
				r, o := newRig(t), script(t, quick)
				what := fmt.Sprintf("%s:error=%s:when=%d", call, e, when)
				wantTruth(t, what, o, r.settled(t, aSupervisor, what, o))
				return strings.Contains(r.traced(t, aSupervisor), "(INJECTED)")
			})
		})
	}
}

// TestFaultInterruptedCalls lets each call be interrupted: nobody notices.
func TestFaultInterruptedCalls(t *testing.T) {
	t.Parallel()
	for word, what := range map[string]calls{
		aSupervisor: {"openat": 6, "fsync": 1, "fdatasync": 1, "pwrite64": 1, "fallocate": 1, "waitid": 1, "pread64": 1},
		aRecorder:   {"recvmsg": 1, "openat": 2, "waitid": 1},
		aDriver:     {"sendmsg": 1, "fsync": 1},
	} {
		t.Run(word, func(t *testing.T) {
			t.Parallel()
			series(t, what, 2, func(t *testing.T, call string, when int) bool {
				r, o := newRig(t), script(t, quick)
				what := fmt.Sprintf("%s:error=EINTR:when=%d", call, when)
				said := r.settled(t, word, what, o)
				wantTruth(t, what, o, said)
				if s := classify(o); ran(t, o) != 1 || s.Outcome.Warn != "" {
					t.Errorf("%s: driver said %q, %+v", what, said, s)
				}
				return strings.Contains(r.traced(t, word), "(INJECTED)")
			})
		})
	}
}
