package plain

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestTailFlood prints a flood in order, with a line in it that is longer than
// what is kept in memory.
func TestTailFlood(t *testing.T) {
	t.Parallel()
	var flood strings.Builder
	for i := range 50_000 {
		fmt.Fprintf(&flood, "line %d of a flood\n", i)
	}
	long := strings.Repeat("0123456789abcdef", 4<<20/16)
	flood.WriteString(long + "\n\nlast, without an end")
	path := filepath.Join(t.TempDir(), "out.red")
	if err := os.WriteFile(path, []byte(flood.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	var seen strings.Builder
	out := &tail{path: path}
	out.print = func(format string, args ...any) {
		line := fmt.Sprintf(format, args...)
		if len(line) > 2*chunk {
			t.Fatalf("a line of %d bytes", len(line))
		}
		seen.WriteString(strings.TrimPrefix(line, "| ") + "\n")
	}
	for out.more() {
		if len(out.partial) > chunk {
			t.Fatalf("%d bytes are kept", len(out.partial))
		}
	}
	out.rest()
	before, after, _ := strings.Cut(flood.String(), long)
	got, found := strings.CutPrefix(seen.String(), before)
	got, foundEnd := strings.CutSuffix(got, after+"\n")
	if !found || !foundEnd || strings.ReplaceAll(got, "\n", "") != long {
		t.Errorf("printed %d bytes, not the %d of the flood in their order", seen.Len(), flood.Len())
	}
}
