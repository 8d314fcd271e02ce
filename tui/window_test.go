package tui

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"runbook/steps/supervise"
)

// outputFile is a file of output with that text.
func outputFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), supervise.OutputFile)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// bare are lines without the column of signs.
func bare(lines []string) []string {
	var all []string
	for _, l := range lines {
		all = append(all, l[1:])
	}
	return all
}

// TestLook walks an output line by line, both ways and at its ends; the lines
// are those of a page on which all of it is wrapped.
func TestLook(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	for i := range 300 {
		fmt.Fprintf(&text, "%d %s\n", i, strings.Repeat("ab", i%60))
	}
	path := outputFile(t, text.String())
	const w, h = 40, 10
	var all []string
	for line := range strings.SplitSeq(strings.TrimSuffix(text.String(), "\n"), "\n") {
		all = append(all, wrap(line, w-1)...)
	}
	at := len(all) - h
	a := aim{path: path, end: true, w: w, h: h, hit: nowhere}
	for step := 0; ; step++ {
		s := look(a)
		if s.err != nil || !slices.Equal(bare(s.lines), all[at:at+h]) {
			t.Fatalf("step %d, line %d: %v\n%s\nwant\n%s", step, at, s.err, strings.Join(s.lines, "\n"), strings.Join(all[at:at+h], "\n"))
		}
		if s.end != (at == len(all)-h) || s.size != int64(text.Len()) || s.count != 300 || !s.counted {
			t.Fatalf("step %d, line %d: end %v, %d bytes, %d lines", step, at, s.end, s.size, s.count)
		}
		by := []int{-1, -h, -3, -h, 2}[step%5]
		a.end, a.top, a.by = false, s.top, by
		if at == 0 {
			break
		}
		at = max(0, at+by)
	}
	for step := 0; at < len(all)-h; step++ {
		by := []int{1, h, 5, -2}[step%4]
		a.by = by
		s := look(a)
		a.top = s.top
		if at = min(max(0, at+by), len(all)-h); !slices.Equal(bare(s.lines), all[at:at+h]) {
			t.Fatalf("down by %d: line %d\n%s\nwant\n%s", by, at, strings.Join(s.lines, "\n"), strings.Join(all[at:at+h], "\n"))
		}
	}
}

// TestLookWithLittle shows what there is of a short output, and nothing of an
// empty one.
func TestLookWithLittle(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{"": 0, "one": 1, "a\nb\n": 2} {
		a := aim{path: outputFile(t, text), end: true, w: 40, h: 10, hit: nowhere}
		for _, a.by = range []int{0, -5, 5} {
			if s := look(a); s.err != nil || len(s.lines) != want || s.end != (want > 0) {
				t.Errorf("%q by %d: %d lines, %v", text, a.by, len(s.lines), s.err)
			}
			a.end = false
		}
	}
}

// TestLookElsewhere keeps its place in an output that was written anew and is
// longer, and finds the end of one that is shorter.
func TestLookElsewhere(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&text, "line %d\n", i)
	}
	path := outputFile(t, text.String()[:20_000])
	a := aim{path: path, top: place{row: int64(strings.Index(text.String(), "line 1000\n"))}, w: 40, h: 10, hit: nowhere}
	before := look(a)
	again := path + ".new"
	if err := os.WriteFile(again, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(again, path); err != nil {
		t.Fatal(err)
	}
	after := look(a)
	if before.err != nil || after.err != nil || !slices.Equal(before.lines, after.lines) || after.size <= before.size {
		t.Errorf("before\n%s\nafter\n%s", before.lines, after.lines)
	}
	if err := os.Truncate(path, 100); err != nil {
		t.Fatal(err)
	}
	if s := look(a); s.err != nil || !s.end || len(s.lines) != 10 {
		t.Errorf("of a shorter one: %d lines, end %v, %v", len(s.lines), s.end, s.err)
	}
}

// TestLookLongLine shows any part of a line of 8 MiB, and a match that is cut
// in two.
func TestLookLongLine(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("x", 4<<20-3) + "needle" + strings.Repeat("y", 4<<20)
	a := aim{path: outputFile(t, text), end: true, w: 80, h: 20, hit: nowhere}
	end := look(a)
	if end.err != nil || len(end.lines) != 20 || !strings.HasSuffix(end.lines[19], "yyy") {
		t.Fatalf("%v: the end is %q", end.err, end.lines)
	}
	a.end, a.top, a.by = false, end.top, -1000
	if s := look(a); s.err != nil || len(s.lines) != 20 || s.next >= end.next {
		t.Fatalf("%v: 1000 lines up: %d lines, up to %d", s.err, len(s.lines), s.next)
	}
	find := supervise.NewSearch("needle")
	h := &hunt{path: a.path, find: find, from: supervise.Match{}, size: int64(len(text))}
	var hit supervise.Match
	for over := false; !over; {
		var found bool
		var err error
		if hit, found, over, err = h.step(); err != nil || over && !found {
			t.Fatalf("needle was not found: %v", err)
		}
	}
	a.find, a.hit, a.show, a.by = &find, hit, true, 0
	s := look(a)
	if i := slices.IndexFunc(s.lines, func(l string) bool { return strings.HasPrefix(l, ">") }); i < 0 || !strings.Contains(s.lines[i], pens[current]) {
		t.Errorf("the match is not marked:\n%s", strings.Join(s.lines, "\n"))
	}
}
