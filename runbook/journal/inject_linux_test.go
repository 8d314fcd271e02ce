package journal

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"testing"
)

// injected runs a writer under strace, which makes system calls fail or kills
// at them, and returns what strace wrote, what was acknowledged and how many
// entries were not.
func injected(t *testing.T, dir, inject string, count int) (trace []byte, acked map[uint64]string, failed int) {
	t.Helper()
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("no strace to make system calls fail")
	}
	out := filepath.Join(t.TempDir(), "trace")
	// Without -e trace of the same calls strace injects nothing.
	c := startChild(t, dir, count, strace, "-f", "-qq", "-o", out,
		"-e", "trace=pwrite64,write,fdatasync,fsync,linkat,unlinkat,openat,fallocate,ftruncate,renameat,rename,close,fcntl", "-e", "inject="+inject)
	acked, failed = c.acks(t, 1_000_000)
	_ = c.cmd.Wait() // a child that was made to fail or die says so
	return get(t, out), acked, failed
}

// TestFailedSync has every third fdatasync of a thread fail: the segment goes
// on in a new file, and nothing acknowledged is lost.
func TestFailedSync(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	trace, acked, failed := injected(t, dir, "fdatasync:error=EIO:when=3+3", 12)
	hits := bytes.Count(trace, []byte("(INJECTED)"))
	if hits == 0 || !bytes.Contains(trace, []byte("rename")) {
		t.Fatalf("nothing failed, or no new file:\n%s", trace)
	}
	if failed > 0 || len(acked) != 37 {
		t.Errorf("%d acknowledged, %d failed", len(acked), failed)
	}
	if entries := holds(t, dir, acked); len(entries) != 37 {
		t.Errorf("%d entries", len(entries))
	}
}

// TestDiskThatNeverSyncs has all syncs fail from the second on: nothing more is
// acknowledged, every caller is told, and the run can be resumed.
func TestDiskThatNeverSyncs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	closeLog(t, create(t, dir, Options{}))
	trace, acked, failed := injected(t, dir, "fdatasync,fsync:error=EIO:when=4+", 12)
	if !bytes.Contains(trace, []byte("(INJECTED)")) || failed == 0 || failed+len(acked) != 37 {
		t.Fatalf("%d acknowledged, %d failed", len(acked), failed)
	}
	holds(t, dir, acked)
	l, _ := reopen(t, dir, Options{})
	add(t, l, KindRunEnd, nil)
	closeLog(t, l)
	if r := Verify(dir, Policy{}); r.Integrity.Word != OK || r.Completeness.Word != OK {
		t.Errorf("%q", r.Lines())
	}
	t.Logf("%d acknowledged, %d refused", len(acked), failed)
}
