//go:build linux

package supervise_test

import (
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"runbook/steps/supervise"
)

func TestIgnoredSignalsAreNotInherited(t *testing.T) {
	t.Parallel()
	const show = `grep -E "^Sig(Ign|Blk)" /proc/self/status`
	o := order(t, "grep", "-E", "^Sig(Ign|Blk)", "/proc/self/status")
	sh := exec.CommandContext(t.Context(), "bash", "-c", `trap "" HUP INT; `+show+` >&2; exec "$0"`, self(t))
	var ignoring strings.Builder
	sh.Stderr = &ignoring
	if err := driveWith(t, sh, o).Wait(); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(ignoring.String(), "3\n") {
		t.Fatalf("the shell ignores nothing: %q", ignoring.String())
	}
	for line := range strings.Lines(output(t, o)) {
		_, hex, _ := strings.Cut(strings.TrimSpace(line), ":\t")
		mask, err := strconv.ParseUint(hex, 16, 64)
		if err != nil {
			t.Fatal(err)
		}
		// 32 and 33 are the C library's own; who started us may have left them ignored.
		if mask &^= 1<<31 | 1<<32; mask != 0 {
			t.Errorf("the command has %q", line)
		}
	}
}

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
