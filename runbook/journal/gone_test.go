//go:build fault && linux

package journal

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestFaultDiskGone takes the disk away from under a writer: from the first
// refusal on nothing is acknowledged, and every caller is told.
func TestFaultDiskGone(t *testing.T) {
	t.Parallel()
	image := filepath.Join(t.TempDir(), "image")
	mount := mountImage(t, image)
	const count = 200
	c := startChild(t, filepath.Join(mount, "run"), count)
	before, failed := c.acks(t, 20)
	if len(before) != 20 || failed > 0 {
		t.Fatalf("%d acknowledged, %d failed", len(before), failed)
	}
	device, _, _ := strings.Cut(command(t, nil, nil, "losetup", "-j", image), ":")
	if err := os.Truncate(image, 4096); err != nil {
		t.Fatal(err)
	}
	command(t, nil, nil, "losetup", "--set-capacity", device) // all that lies behind its new end is EIO
	acked, refused, late := len(before), 0, 0
	for c.out.Scan() {
		switch line := c.out.Text(); {
		case strings.HasPrefix(line, "fail NOT RECORDED"):
			refused++
		case !strings.HasPrefix(line, "ack "):
			t.Fatal(line)
		case refused > 3: // the other writers may have been told good news before, and say it now
			late++
			fallthrough
		default:
			acked++
		}
	}
	_ = c.cmd.Wait() // the disk of what it closes is gone, too
	if late > 0 || refused == 0 || acked+refused != 3*count+1 {
		t.Errorf("%d acknowledged, %d refused, %d acknowledged after that", acked, refused, late)
	}
	t.Logf("%d acknowledged, then %d refused", acked, refused)
}
