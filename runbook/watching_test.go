package runbook

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"runbook/steps"
)

// handClock is a clock of waits that a test moves, as a practice world's is
// moved.
type handClock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *handClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *handClock) Wait(context.Context, time.Time) error { return nil }

func (c *handClock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

const watched = `
schema = 1
name = "watched"
[[phase]]
id = "day"
  [[phase.step]]
  id = "alive"
  watch = { every = "1h", for = "10h", failures = 1, check.file = { path = "alive" } }
  [[phase.step]]
  id = "counted"
  watch = { every = "2h", for = "10h", check.command = { sh = "echo x >> count" } }
`

func TestSlotsAreMeasuredOnceAndMissedOnesAreGaps(t *testing.T) {
	t.Parallel()
	f := begin(t, watched)
	clock := &handClock{now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	f.world.Clock = clock
	f.write("alive", "")
	f.do(WatchIt, "")
	if err := f.try(Slots, ""); !errors.Is(err, ErrNotNow) {
		t.Fatalf("a slot before it was due: %v", err)
	}
	var wait *WaitError
	if err := Standing(f.Book(), f.State()); !errors.As(err, &wait) || !wait.Until.Equal(clock.Now().Add(time.Hour)) {
		t.Fatalf("stands %v", err)
	}
	clock.add(time.Hour)
	f.do(Slots, "")
	if err := f.try(Slots, ""); !errors.Is(err, ErrNotNow) {
		t.Errorf("the same slot twice: %v", err)
	}
	clock.add(3 * time.Hour) // 2 and 3 are missed
	f.do(Slots, "")
	st := f.State().Steps["alive"]
	if len(st.Slots) != 4 || !st.Slots[1].Gap || !st.Slots[2].Gap || st.Slots[3].Gap || st.Slots[3].K != 4 {
		t.Errorf("slots %+v", st.Slots)
	}
	f.reopen()
	f.world.Clock = clock
	for range 6 {
		clock.add(time.Hour)
		f.do(Slots, "")
	}
	f.want("alive", Passed)
	f.want("counted", Passed)
	count, err := os.ReadFile(filepath.Join(f.dir, "count"))
	if n := strings.Count(string(count), "x"); err != nil || n != 4 {
		t.Errorf("counted %d looks, want those of 4, 6, 8 and 10 h: %v", n, err)
	}
}

func TestWatchFailsAtOnce(t *testing.T) {
	t.Parallel()
	f := begin(t, watched)
	clock := &handClock{now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	f.world.Clock = clock
	f.do(WatchIt, "")
	for range 2 {
		clock.add(time.Hour)
		f.do(Slots, "")
	}
	f.want("alive", Failed)
	if err := Standing(f.Book(), f.State()); !errors.Is(err, ErrPerson) {
		t.Errorf("stands %v", err)
	}
	f.do(Accept, "alive", "known: rotated on Thursday")
	f.want("alive", Accepted)
	clock.add(time.Hour)
	_ = f.try(Slots, "")
	f.want("alive", Accepted)
	if got := f.State().Steps["counted"]; got.Slots[0].Verdict != steps.Pass {
		t.Errorf("counted %+v", got)
	}
}
