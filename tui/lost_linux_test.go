package tui

import (
	"testing"

	"runbook/runbook"
)

func TestOutputSaysThatNothingIsThere(t *testing.T) {
	t.Parallel()
	b, _ := printed(t, 80, 24, "")
	b.shows("it printed nothing")
}

// TestOutputSaysWhatIsLost is of a command that printed more than there was
// room for.
func TestOutputSaysWhatIsLost(t *testing.T) {
	t.Parallel()
	b, o := printed(t, 80, 24, "one\n")
	result := b.snap.run.Steps["migrate"].Result
	result.Saw(runbook.NotKept, "4096 bytes of output are lost: no space left on device", "", "")
	if text := o.lost(b.model); text != "not recorded in full 4096 bytes of output are lost: no space left on device" {
		t.Errorf("%q", text)
	}
	b.shows("not recorded in full 4096 bytes")
}
