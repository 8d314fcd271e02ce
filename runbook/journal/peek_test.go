package journal

import (
	"errors"
	"os"
	"strings"
	"testing"
)

func TestPeekSeesTheEdges(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	log, err := Create(dir, Options{World: Real})
	if err != nil {
		t.Fatal(err)
	}
	for range 40 { // longer than what an edge reads
		if _, err := log.Append(t.Context(), "note", map[string]string{"text": strings.Repeat("x", 8000)}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := log.Append(t.Context(), "run.end", map[string]string{"outcome": "finished"}); err != nil {
		t.Fatal(err)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	first, last, err := Peek(dir)
	if err != nil || len(first) != 3 || first[0].Kind != "session" || first[1].N != 2 || last.Kind != "run.end" || last.N != 42 {
		t.Errorf("first %d, last %s %d, %v", len(first), last.Kind, last.N, err)
	}
	if _, _, err := Peek(t.TempDir()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("of no log: %v", err)
	}
}

// TestSkimReadsWhatReadReads also over a cut, and where signatures are not looked at.
func TestSkimReadsWhatReadReads(t *testing.T) {
	t.Parallel()
	dir := cutRun(t)
	want, err := Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Skim(dir)
	if err != nil || len(got) != len(want) || got[len(got)-1].Head != want[len(want)-1].Head {
		t.Errorf("%d entries of %d, %v", len(got), len(want), err)
	}
	if _, err := Skim(t.TempDir()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("of no log: %v", err)
	}
}
