package tui

import (
	"fmt"
	"strings"
	"testing"

	"runbook/runbook"
	"runbook/runbook/journal"
	"runbook/steps"
)

// along is a second screen, which reads the run of b along.
func (b *bench) along(w, h int) *bench {
	b.t.Helper()
	s, err := runbook.Follow(b.session.State().Dir, steps.SystemClock{})
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = s.Close() })
	c := &bench{t: b.t, dir: b.dir}
	c.open(s, Options{}, w, h)
	c.ready()
	return c
}

func TestScreenThatReadsAlong(t *testing.T) {
	t.Parallel()
	for _, size := range [][2]int{{80, 24}, {40, 20}} {
		b := begin(t, small, 80, 24)
		b.ready()
		c := b.along(size[0], size[1])
		c.golden(fmt.Sprintf("%dx%d-follow", size[0], size[1]))
		entries := b.session.State().Entries
		for _, k := range []string{"g", "y", "n", "r", "a", "h", "s", "t", "m", "x", "R", "c"} {
			c.press(k)
			if !strings.Contains(strings.Join(strings.Fields(c.screen()), " "), "you only read along: ana drives") || len(c.layers) > 1 {
				t.Errorf("%s is answered with:\n%s", k, c.screen())
			}
		}
		c.press("enter", "a")
		c.shows("you only read along")
		c.press("esc", "?")
		if now, _, _ := strings.Cut(c.screen(), "AT OTHER TIMES"); !strings.Contains(now, "NOW") || strings.Contains(now, "memo") || strings.Contains(now, "end the run") {
			t.Errorf("who reads along is offered what changes the run:\n%s", c.screen())
		}
		c.press("esc")
		if got := b.session.State().Entries; got != entries {
			t.Errorf("who reads along wrote %d entries", got-entries)
		}
		mend(t, b)
		c.until("what the driver did", func() bool { return c.state("jwt") == runbook.Passed && c.state("dump") == runbook.Passed })
		if err := b.session.Close(); err != nil {
			t.Fatal(err)
		}
		c.until("that nobody drives", func() bool { return strings.Contains(c.screen(), "nobody drives, you follow") })
	}
}

// TestScreenThatIsTakenOver is in the middle of a question.
func TestScreenThatIsTakenOver(t *testing.T) {
	t.Parallel()
	bob := map[string]string{"user": "bob", "tty": "pts/5"}
	for _, size := range [][2]int{{80, 24}, {40, 20}} {
		b := begin(t, small, size[0], size[1])
		b.press("enter", "a")
		b.shows("reason")
		dir, world := b.session.State().Dir, b.session.World()
		taken := make(chan error, 1)
		var other *runbook.Session
		go func() {
			_, err := runbook.TakeOver(t.Context(), dir, runbook.Taker{Claims: bob})
			if err == nil {
				other, err = runbook.Resume(t.Context(), dir, world, journal.Options{NoIdentity: "a test", Claims: bob}, false)
			}
			taken <- err
		}()
		b.until("the handover", func() bool { return b.reads() })
		if err := <-taken; err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = other.Close() })
		b.until("who drives now", func() bool { return strings.Contains(b.screen(), "bob drives, you follow") })
		b.golden(fmt.Sprintf("%dx%d-taken", size[0], size[1]))
		b.press("a")
		b.shows("you only read along: bob on pts/5")
		if err := other.Do(t.Context(), runbook.Intent{Kind: runbook.Memo, Text: "mine now"}); err != nil {
			t.Fatal(err)
		}
		b.until("the new driver's memo", func() bool { return len(b.snap.run.Notes) == 1 })
	}
}
