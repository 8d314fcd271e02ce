package journal

import (
	"errors"
	"os"
	"testing"
)

// more wants exactly these kinds from the reader.
func more(t *testing.T, r *Reader, wantAnew bool, kinds ...string) []Entry {
	t.Helper()
	entries, anew, err := r.More()
	if err != nil {
		t.Fatal(err)
	}
	got := make([]string, len(entries))
	for i, e := range entries {
		got[i] = e.Kind
	}
	if len(got) != len(kinds) || anew != wantAnew {
		t.Fatalf("read %v, anew %v; want %v, %v", got, anew, kinds, wantAnew)
	}
	for i := range kinds {
		if got[i] != kinds[i] {
			t.Fatalf("read %v, want %v", got, kinds)
		}
	}
	return entries
}

func TestReader(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := NewReader(dir)
	if _, _, err := r.More(); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("no log: %v", err)
	}
	l := create(t, dir, Options{})
	more(t, r, false, KindSession)
	more(t, r, false)
	add(t, l, "note", map[string]any{"a": 1})
	add(t, l, "check", nil)
	more(t, r, false, "note", "check")
	closeLog(t, l)
	more(t, r, false)
	l, _ = reopen(t, dir, Options{})
	add(t, l, "note", nil)
	entries := more(t, r, false, KindSession, "note")
	if _, head := l.Head(); entries[1].Head != head || entries[1].Seg != 2 {
		t.Errorf("the last entry is %+v", entries[1])
	}
	add(t, l, KindRunEnd, nil)
	closeLog(t, l)
	more(t, r, false, KindRunEnd)
}

// TestReaderOfALineOnItsWay writes a line in two pieces, as a reader may see
// a write.
func TestReaderOfALineOnItsWay(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := create(t, dir, Options{})
	r := NewReader(dir)
	more(t, r, false, KindSession)
	add(t, l, "note", nil)
	closeLog(t, l)
	whole := get(t, segmentPath(dir, 1))
	put(t, segmentPath(dir, 1), whole[:len(whole)-20])
	more(t, r, false)
	put(t, segmentPath(dir, 1), whole)
	more(t, r, false, "note")
}

// TestReaderOfALineTakenBack shows a reader a line that its driver takes back,
// since the disk did not take it: the next line has its number.
func TestReaderOfALineTakenBack(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := create(t, dir, Options{})
	r := NewReader(dir)
	more(t, r, false, KindSession)
	was := l.off
	e := l.entry("note", l.n+1, l.head)
	e.Body = []byte(`{"text":"never acknowledged"}`)
	line, err := l.sign(&e)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.f.WriteAt(line, l.off); err != nil {
		t.Fatal(err)
	}
	more(t, r, false, "note")
	if err := l.f.Truncate(was); err != nil {
		t.Fatal(err)
	}
	add(t, l, "check", nil)
	add(t, l, "check", nil)
	more(t, r, true, KindSession, "check", "check")
	closeLog(t, l)
}

func TestReaderOfATamperedLog(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := create(t, dir, Options{})
	r := NewReader(dir)
	more(t, r, false, KindSession)
	add(t, l, "note", nil)
	closeLog(t, l)
	bytes := get(t, segmentPath(dir, 1))
	bytes[len(bytes)-30] ^= 1
	put(t, segmentPath(dir, 1), bytes)
	if entries, _, err := r.More(); !errors.Is(err, ErrTampered) || len(entries) != 0 {
		t.Errorf("%d entries, %v", len(entries), err)
	}
}
