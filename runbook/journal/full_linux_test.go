package journal

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// TestDiskFull fills a real file system, and goes on when there is room again.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	mount := t.TempDir()
	if err := unix.Mount("tmpfs", mount, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("no file system to fill: mount: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(mount, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	ballast := filepath.Join(mount, "ballast")
	put(t, ballast, make([]byte, 512<<10))
	dir := filepath.Join(mount, "run")
	l := create(t, dir, Options{})
	acked := map[uint64]string{}
	body := map[string]string{"x": strings.Repeat("x", 20000)}
	var full error
	for full == nil {
		e, err := l.Append(t.Context(), "note", body)
		if full = err; err == nil {
			acked[e.N] = e.Head
		}
	}
	if !errors.Is(full, ErrNotRecorded) || !errors.Is(full, syscall.ENOSPC) || len(acked) < 15 {
		t.Fatalf("%d entries, then %v", len(acked), full)
	}
	for range 3 {
		if _, err := l.Append(t.Context(), "note", body); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("still full, but %v", err)
		}
	}
	if n, _ := l.Head(); n != uint64(len(acked))+1 {
		t.Errorf("head %d with %d acknowledged", n, len(acked))
	}
	if entries := holds(t, dir, acked); len(entries) != len(acked)+1 {
		t.Errorf("%d entries in the log, %d acknowledged", len(entries), len(acked))
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	e := add(t, l, KindRunEnd, nil)
	acked[e.N] = e.Head
	closeLog(t, l)
	holds(t, dir, acked)
	if r := Verify(dir, Policy{}); r.Integrity.Word != OK || r.Completeness.Word != OK {
		t.Errorf("%q", r.Lines())
	}
}

// TestReservedSpace shows what the space ahead is for: with the disk full
// before it, a run still gets its last entries down.
func TestReservedSpace(t *testing.T) {
	t.Parallel()
	mount := t.TempDir()
	if err := unix.Mount("tmpfs", mount, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("no file system to fill: mount: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(mount, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	dir := filepath.Join(mount, "run")
	l := create(t, dir, Options{})
	add(t, l, "note", nil)
	filler, err := os.Create(filepath.Join(mount, "filler"))
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = filler.Write(make([]byte, 4096))
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	for range 100 {
		add(t, l, "note", map[string]string{"x": strings.Repeat("x", 1000)})
	}
	add(t, l, KindRunEnd, nil)
	if err := filler.Close(); err != nil {
		t.Fatal(err)
	}
	closeLog(t, l)
}
