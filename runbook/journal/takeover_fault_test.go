//go:build fault && linux

package journal

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"runbook/runbook/durable"
)

// seriesBudget is how long a series of take-overs goes on; how many there were
// is in the log of the test.
const seriesBudget = 20 * time.Second

// frozen is a writer that was stopped while it wrote.
type frozen struct {
	*child
	t     *testing.T
	dir   string
	h     durable.Holder
	acked chan map[uint64]string // one: all it acknowledged, at its end
}

func (f *frozen) lock() string { return filepath.Join(f.dir, "lock") }

// freezeAt stops a writer at the k-th call of a thread. It answers nil if the
// writer was not stopped, or not while it held the lock.
func freezeAt(t *testing.T, dir, call string, k int) *frozen {
	t.Helper()
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("no strace to stop a writer at a system call")
	}
	trace := filepath.Join(t.TempDir(), "trace")
	// Without -e trace of the same call strace injects nothing.
	c := startChild(t, dir, 6, strace, "-f", "-qq", "-o", trace, "-e", "trace="+call, "-e", fmt.Sprintf("inject=%s:signal=SIGSTOP:when=%d", call, k))
	f := &frozen{child: c, t: t, dir: dir, acked: make(chan map[uint64]string, 1)}
	go func() { acked, _ := c.acks(t, 1_000_000); f.acked <- acked }()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for <-tick.C; ; <-tick.C {
		data, _ := os.ReadFile(trace)
		if bytes.Contains(data, []byte("stopped by SIGSTOP")) {
			break
		}
		if len(f.acked) > 0 { // it came to its end, or died at its first calls
			_ = c.cmd.Wait()
			return nil
		}
	}
	if f.h, err = durable.HolderOf(f.lock()); err == nil {
		return f
	}
	f.signal(tracee(c.cmd.Process.Pid), syscall.SIGKILL)
	<-f.acked
	_ = c.cmd.Wait()
	return nil
}

// tracee is the process that strace has started.
func tracee(strace int) int {
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", strace, strace))
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(children)))
	if err != nil {
		return 0
	}
	return pid
}

// freezeSoon stops a writer at any moment after some acknowledgements.
func freezeSoon(t *testing.T, dir string) *frozen {
	t.Helper()
	c := startChild(t, dir, 1_000_000)
	f := &frozen{child: c, t: t, dir: dir, acked: make(chan map[uint64]string, 1)}
	acked, _ := c.acks(t, 1+rand.IntN(20)) // any moment will do
	f.signal(c.cmd.Process.Pid, syscall.SIGSTOP)
	for {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", c.cmd.Process.Pid))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(stat, []byte(") T ")) {
			break
		}
	}
	var err error
	if f.h, err = durable.HolderOf(f.lock()); err != nil {
		t.Fatal(err)
	}
	go func() {
		more, _ := c.acks(t, 1_000_000)
		for n, head := range more {
			acked[n] = head
		}
		f.acked <- acked
	}()
	return f
}

func (f *frozen) signal(pid int, sig syscall.Signal) {
	f.t.Helper()
	if err := syscall.Kill(pid, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
		f.t.Fatal(err)
	}
}

// evict takes the lock as a take-over does.
func (f *frozen) evict() {
	f.t.Helper()
	if err := durable.Evict(f.lock(), f.h); err != nil {
		f.t.Fatal(err)
	}
	for held := true; held; {
		var err error
		if held, err = durable.Locked(f.lock()); err != nil {
			f.t.Fatal(err)
		}
	}
}

// outrun takes a lock's place by a newer epoch, and leaves the old driver to
// notice: the control.
func (f *frozen) outrun() {
	f.t.Helper()
	put(f.t, os.Getenv(childEpoch), []byte("2"))
	if err := os.Remove(f.lock()); err != nil {
		f.t.Fatal(err)
	}
}

// takenOver takes the run over, wakes the old driver up, and answers what the
// log says of both. A series wants nil; its control does not.
func (f *frozen) takenOver(take func()) (wrong error) {
	f.t.Helper()
	take()
	l, _, err := Open(f.dir, Options{})
	if errors.Is(err, os.ErrNotExist) { // it was stopped before its first line
		l, err = Create(f.dir, Options{World: Real})
	}
	if err != nil {
		f.t.Fatal(err)
	}
	old := f.segments(l.seg)
	add(f.t, l, "note", nil)
	acked := f.wake()
	add(f.t, l, KindRunEnd, nil)
	closeLog(f.t, l)
	if !bytes.Equal(f.segments(l.seg), old) {
		wrong = errors.New("the old driver wrote behind the cut")
	}
	if r := Verify(f.dir, Policy{}); r.Integrity.Word != OK || r.Completeness.Word != OK {
		return errors.Join(wrong, fmt.Errorf("%q", r.Lines()))
	}
	entries, err := Read(f.dir)
	if err != nil {
		return errors.Join(wrong, err)
	}
	for n, head := range acked {
		if n > uint64(len(entries)) || entries[n-1].Head != head {
			return errors.Join(wrong, fmt.Errorf("entry %d was acknowledged and is not in the log", n))
		}
	}
	return wrong
}

// wake lets the old driver go on to its end, if it still can, as often as a
// thread of it is stopped.
func (f *frozen) wake() (acked map[uint64]string) {
	f.t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		f.signal(f.h.PID, syscall.SIGCONT)
		select {
		case acked = <-f.acked:
			_ = f.cmd.Wait()
			return acked
		case <-tick.C:
		}
	}
}

// segments is the hash of all segments before one.
func (f *frozen) segments(before uint64) []byte {
	f.t.Helper()
	sum := sha256.New()
	for k := uint64(1); k < before; k++ {
		sum.Write(get(f.t, segmentPath(f.dir, k)))
	}
	return sum.Sum(nil)
}

// calls are those that a writer makes.
var calls = []string{"pwrite64", "fdatasync", "fallocate", "fcntl", "openat", "linkat", "fsync", "close", "write", "fstat", "ftruncate", "unlinkat"}

// series freezes writers at every call and at any moment, and counts the
// rounds, and those in which something was wrong.
func series(t *testing.T, take func(*frozen) func(), calls []string) (rounds, wrong int, last error) {
	t.Helper()
	round := func(freeze func() *frozen) {
		if epoch := os.Getenv(childEpoch); epoch != "" {
			put(t, epoch, []byte("1"))
		}
		f := freeze()
		if f == nil {
			return
		}
		rounds++
		if err := f.takenOver(take(f)); err != nil {
			wrong, last = wrong+1, err
		}
	}
	began := time.Now()
	for k := 1; time.Since(began) < seriesBudget; k++ {
		for _, call := range calls {
			if time.Since(began) < seriesBudget {
				round(func() *frozen { return freezeAt(t, t.TempDir(), call, k%24+1) })
			}
		}
	}
	atCalls := rounds
	for began = time.Now(); time.Since(began) < seriesBudget; {
		round(func() *frozen { return freezeSoon(t, t.TempDir()) })
	}
	t.Logf("%d take-overs of a driver stopped at a system call, %d of one stopped at any moment", atCalls, rounds-atCalls)
	return rounds, wrong, last
}

// TestFaultTakeOver stops drivers in the middle of their work, takes over, and
// wakes them up.
func TestFaultTakeOver(t *testing.T) {
	rounds, wrong, last := series(t, func(f *frozen) func() { return f.evict }, calls)
	if rounds < 50 {
		t.Errorf("only %d take-overs", rounds)
	}
	if wrong > 0 {
		t.Errorf("%d of %d went wrong: %v", wrong, rounds, last)
	}
}

// TestFaultTakeOverByEpoch is the control: a driver that was only told that
// its epoch is over, and is stopped between looking and writing, writes.
func TestFaultTakeOverByEpoch(t *testing.T) {
	epoch := filepath.Join(t.TempDir(), "epoch")
	t.Setenv(childEpoch, epoch)
	rounds, wrong, last := series(t, func(f *frozen) func() {
		return f.outrun
	}, []string{"openat", "close", "pwrite64", "fdatasync"})
	if wrong == 0 {
		t.Errorf("%d drivers that were woken up wrote nothing: the series tests nothing", rounds)
	}
	t.Logf("%d of %d went wrong, as they must: %v", wrong, rounds, last)
}
