package doctor

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"runbook/steps"
)

// mount makes a small file system.
func mount(t *testing.T, flags uintptr, options string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", flags, options+",mode=0700"); err != nil {
		t.Skipf("mount a small disk: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func TestFullDisk(t *testing.T) {
	t.Parallel()
	h := host(t)
	h.Dir = mount(t, 0, "size=1m")
	found := h.disks(t.Context())
	want(t, found, "disk of home", steps.Fail, "1 MiB free", "at least 64 MiB")
	want(t, h.home(t.Context()), "home", steps.Pass)
	if err := os.WriteFile(filepath.Join(h.Dir, "big"), make([]byte, 900<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	want(t, h.home(t.Context()), "home", steps.Fail, "reserve 512 KiB", "no space left")
}

func TestLowDisk(t *testing.T) {
	t.Parallel()
	h := host(t)
	h.Dir = mount(t, 0, "size=300m")
	want(t, h.disks(t.Context()), "disk of home", steps.Warn, "300 MiB free", "at least 1.0 GiB")
	h.Temp, h.Dir = h.Dir, h.Temp
	want(t, h.disks(t.Context()), "disk of TMPDIR", steps.Warn, "300 MiB free")
	h.Dir = filepath.Join(h.Temp, "home")
	if found := h.disks(t.Context()); len(found) != 1 {
		t.Errorf("one disk is told twice: %v", found)
	}
	h.Temp = filepath.Join(h.Temp, "none")
	want(t, h.disks(t.Context()), "disk of TMPDIR", steps.Unknown, "no such file")
}

func TestInodes(t *testing.T) {
	t.Parallel()
	h := host(t)
	h.Dir = mount(t, 0, "size=300m,nr_inodes=1000")
	want(t, h.disks(t.Context()), "inodes of home", steps.Warn, "999 free")
	for i := range 900 {
		if err := os.WriteFile(filepath.Join(h.Dir, fmt.Sprint(i)), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want(t, h.disks(t.Context()), "inodes of home", steps.Fail, "99 free", "at least 200")
}

func TestNoexec(t *testing.T) {
	t.Parallel()
	h := host(t)
	h.Temp = mount(t, syscall.MS_NOEXEC, "size=100m")
	found := h.disks(t.Context())
	want(t, found[len(found)-1:], "disk of TMPDIR", steps.Warn, "noexec")
}

func TestReadOnlyHome(t *testing.T) {
	t.Parallel()
	h := host(t)
	h.Dir = mount(t, syscall.MS_RDONLY, "size=1m")
	want(t, h.home(t.Context()), "home", steps.Fail, "read-only file system")
}
