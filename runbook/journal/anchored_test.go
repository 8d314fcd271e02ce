package journal

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestStolenKeyBehindTheEnd writes slots by the key on the disk that the
// delegation allows, once the end of the run has committed to others: one more,
// and another in the place of the last.
func TestStolenKeyBehindTheEnd(t *testing.T) {
	t.Parallel()
	id, signers := listed(t, "watch@runbook-log")
	dir := t.TempDir()
	delegating(t, dir, Options{Identity: id})
	slots(t, dir, 1, 2)
	key, err := watchKey(dir)
	if err != nil {
		t.Fatal(err)
	}
	end(t, dir, Options{Identity: id})
	whole := get(t, watchPath(dir))
	first := whole[:bytes.IndexByte(whole, '\n')+1]
	entries, err := ReadWatch(dir)
	if err != nil || len(entries) != 2 {
		t.Fatal(len(entries), err)
	}
	for want, c := range map[string]struct {
		before []byte
		behind Entry
	}{
		"the end of the run is committed to":        {whole, entries[1]},
		"is not the one the log is committed to":    {first, entries[0]},
		"ends at line 1, and the log is committed ": {first, Entry{}},
	} {
		data := c.before
		if c.behind.N > 0 {
			e := c.behind
			e.N, e.Prev, e.Time = e.N+1, e.Head, time.Now().UTC().Truncate(time.Microsecond)
			line, err := sign(&e, key, slotNamespace(Real))
			if err != nil {
				t.Fatal(err)
			}
			data = slices.Concat(data, line)
		}
		put(t, watchPath(dir), data)
		if r := Verify(dir, Policy{Signers: signers}); r.Exit() != 1 || !strings.Contains(r.Integrity.Text, want) {
			t.Errorf("%s: exit %d %q", want, r.Exit(), r.Lines())
		}
	}
	put(t, watchPath(dir), whole)
	if r := Verify(dir, Policy{Signers: signers}); r.Exit() != 0 {
		t.Errorf("as it was: exit %d %q", r.Exit(), r.Lines())
	}
}
