//go:build fault

package journal

import (
	"slices"
	"strings"
	"testing"
)

// TestFaultSectors leaves each of the last three sectors of a batch that was not
// synced as it was before, as it was to be, or zero. Where only the batch is hurt
// no acknowledged line is lost; where a zero sector takes acknowledged bytes
// too, that is never called whole.
func TestFaultSectors(t *testing.T) {
	t.Parallel()
	const sector = 512
	source := t.TempDir()
	l := create(t, source, Options{})
	for i := range 6 {
		add(t, l, "note", map[string]string{"text": strings.Repeat("x", 40+90*i)})
	}
	closeLog(t, l)
	whole := segmentsOf(t, source)[0]
	all, dir, images := lines(whole), t.TempDir(), 0
	for batch := 1; batch <= 3; batch++ {
		acked := len(all) - batch
		from := len(slices.Concat(all[:acked]...))
		last := (len(whole) - 1) / sector
		for states := range 27 {
			image, lost := slices.Clone(whole), false
			for i, rest := 0, states; i < 3; i, rest = i+1, rest/3 {
				at, end := (last-i)*sector, min(len(whole), (last-i+1)*sector)
				switch rest % 3 {
				case 1: // as it was before
					clear(image[max(at, min(from, end)):end])
				case 2:
					clear(image[at:end])
					lost = lost || at < from
				}
			}
			for size := len(image); size > from; size -= sector {
				images++
				r := judge(t, dir, image[:size])
				switch word := r.Integrity.Word; {
				case lost && (word != OK || r.Entries >= acked):
				case !lost && (word == OK || word == Torn) && r.Entries >= acked:
				default:
					t.Errorf("batch %d, sectors %d, size %d: %d of %d entries, %q", batch, states, size, r.Entries, acked, r.Lines())
				}
			}
		}
	}
	t.Logf("%d images", images)
	if images < 81 {
		t.Errorf("only %d images", images)
	}
}
