//go:build linux

package supervise_test

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"runbook/steps/supervise"
)

func TestVerdictSurvivesAFullDisk(t *testing.T) {
	t.Parallel()
	disk := t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("mount a small disk: %v", err)
	}
	t.Cleanup(func() {
		// A fork of a test beside this one may hold the disk for a moment.
		if err := syscall.Unmount(disk, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	o := script(t, `head -c 4000000 /dev/zero || exit 5`)
	o.Files = filepath.Join(disk, "x.1")
	got := finish(t, o)
	if class := classify(o).Class; class != supervise.Exited || got.Exit != 5 || !strings.Contains(got.Warn, "not recorded in full") {
		t.Errorf("class %v, %+v", class, got)
	}
}
