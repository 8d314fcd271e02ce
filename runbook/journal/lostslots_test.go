package journal

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

// TestLostSlotsStopNoLog: slots to which the log is committed are gone, or
// others in their place. The run goes on, and what goes on is read again.
func TestLostSlotsStopNoLog(t *testing.T) {
	t.Parallel()
	id, signers := listed(t, "watch@runbook-log")
	lines := func(t *testing.T, dir string) [][]byte {
		t.Helper()
		return slices.Collect(bytes.Lines(get(t, watchPath(dir))))
	}
	for name, left := range map[string]func(t *testing.T, dir string) []byte{
		"fewer": func(t *testing.T, dir string) []byte { return bytes.Join(lines(t, dir)[:3], nil) },
		"others": func(t *testing.T, dir string) []byte {
			all := get(t, watchPath(dir))
			put(t, watchPath(dir), bytes.Join(lines(t, dir)[:3], nil))
			slots(t, dir, 4, 5)
			others := get(t, watchPath(dir))
			put(t, watchPath(dir), all)
			return others
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			delegating(t, dir, Options{Identity: id})
			slots(t, dir, 1, 5)
			others := left(t, dir)
			l, _ := reopen(t, dir, Options{Identity: id})
			if _, written, err := l.AnchorWatch(t.Context()); err != nil || !written {
				t.Fatalf("committed: %t, %v", written, err)
			}
			closeLog(t, l)
			put(t, watchPath(dir), others)
			for range 2 {
				l, _ := reopen(t, dir, Options{Identity: id})
				if _, written, err := l.AnchorWatch(t.Context()); err != nil || written {
					t.Errorf("committed to what is left: %t, %v", written, err)
				}
				add(t, l, "note", nil)
				closeLog(t, l)
			}
			if _, err := Read(dir); err != nil {
				t.Errorf("the log itself: %v", err)
			}
			if r := Verify(dir, Policy{Signers: signers}); r.Exit() != 1 || !strings.Contains(r.Integrity.Text, "watch.jsonl") {
				t.Errorf("%d %q", r.Exit(), r.Lines())
			}
		})
	}
}
