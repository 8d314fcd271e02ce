//go:build fault && linux

package journal

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// mountImage mounts a file as ext4; the file system is made if it is new.
func mountImage(t *testing.T, image string) string {
	t.Helper()
	dir := t.TempDir()
	if _, err := os.Stat(image); errors.Is(err, os.ErrNotExist) {
		put(t, image, nil)
		if err := os.Truncate(image, 32<<20); err != nil {
			t.Fatal(err)
		}
		command(t, nil, nil, "mkfs.ext4", "-q", image)
	}
	if out, err := try(t, nil, nil, "mount", "-o", "loop", image, dir); err != nil {
		t.Skipf("no disk to cut the power of: %s", out)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// cutPower kills a writer at some moment and returns what a disk would hold if
// the power had gone with it: the image as it is while still mounted, without
// what only the memory knows. lost counts acknowledged entries that are missing.
func cutPower(t *testing.T, wrap ...string) (acked, lost int) {
	t.Helper()
	image := filepath.Join(t.TempDir(), "image")
	dir := filepath.Join(mountImage(t, image), "run")
	c := startChild(t, dir, 1_000_000, wrap...)
	heads, failed := c.acks(t, 20+rand.IntN(300))
	if err := c.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Wait(); err == nil || failed > 0 {
		t.Fatalf("the writer was not killed: %v, %d failures", err, failed)
	}
	disk := filepath.Join(t.TempDir(), "disk")
	put(t, disk, get(t, image))
	after := filepath.Join(mountImage(t, disk), "run")
	entries, err := Read(after)
	if err != nil && !errors.Is(err, ErrTorn) && wrap == nil {
		t.Fatal(err)
	}
	for n, head := range heads {
		if n > uint64(len(entries)) || entries[n-1].Head != head {
			lost++
		}
	}
	if wrap == nil {
		l, _ := reopen(t, after, Options{})
		add(t, l, KindRunEnd, nil)
		closeLog(t, l)
		if r := Verify(after, Policy{}); r.Integrity.Word != OK || r.Completeness.Word != OK {
			t.Errorf("%q", r.Lines())
		}
	}
	return len(heads), lost
}

// cuts is how often the power goes, with syncs and without.
const cuts = 12

func TestFaultPowerCut(t *testing.T) {
	t.Parallel()
	acked, lost := 0, 0
	for range cuts {
		n, gone := cutPower(t)
		acked, lost = acked+n, lost+gone
	}
	t.Logf("%d cuts, %d acknowledged, %d lost", cuts, acked, lost)
	if lost > 0 || acked < cuts*20 {
		t.Errorf("%d of %d acknowledged entries are gone", lost, acked)
	}
}

// TestFaultPowerCutControl is the same with an fdatasync that does nothing,
// while the names of files are still synced: it must lose entries, or the test
// above proves nothing. The kernel may have written some by itself.
func TestFaultPowerCutControl(t *testing.T) {
	t.Parallel()
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("no strace to take the syncs away")
	}
	acked, lost, blind := 0, 0, 0
	for range cuts {
		trace := filepath.Join(t.TempDir(), "trace")
		// With -D the process we kill is the writer, and strace follows it.
		n, gone := cutPower(t, strace, "-D", "-f", "-qq", "-o", trace, "-e", "trace=fdatasync", "-e", "inject=fdatasync:retval=0")
		acked, lost = acked+n, lost+gone
		if gone == 0 || !bytes.Contains(get(t, trace), []byte("(INJECTED)")) {
			blind++
		}
	}
	t.Logf("%d cuts, %d acknowledged without a sync, %d lost", cuts, acked, lost)
	if blind > cuts/2 {
		t.Errorf("%d of %d cuts lost nothing of what was never synced", blind, cuts)
	}
}
