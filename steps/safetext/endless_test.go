package safetext_test

import (
	"bytes"
	"io"
	"runtime"
	"strings"
	"testing"

	"runbook/steps"
	"runbook/steps/safetext"
)

// endless are outputs without a newline, by what they repeat.
var endless = map[string]string{
	"letters":        "0123456789abcdef",
	"no letters":     "… ",
	"colours":        "\x1b[31mx",
	"progress":       "50%\r",
	"NUL":            "\x00",
	"control string": "\x1b]0;title",
	"a beginning":    "hunter-hunter",
	"a secret":       "hunter-2",
	"hidden":         "\u200b",
}

// writeEndless sends size bytes of what is repeated through redactor and
// sanitizer, and returns how much memory they hold then and what arrived.
func writeEndless(t *testing.T, repeated string, size int) (held int64, arrived int) {
	t.Helper()
	piece := bytes.Repeat([]byte(repeated), 256<<10/len(repeated))
	before := heap()
	end := &counter{}
	pane := safetext.NewSanitizer(end, true)
	out := safetext.NewRedactor(io.MultiWriter(pane, end), steps.NewSecret("hunter-2"))
	for written := 0; written < size; written += len(piece) {
		if _, err := out.Write(piece); err != nil {
			t.Fatal(err)
		}
	}
	held = heap() - before
	if n := len(pane.Partial()); n > 65<<10 {
		t.Errorf("a line of %d bytes", n)
	}
	runtime.KeepAlive(out)
	return held, end.n
}

// heap is how much memory is in use.
func heap() int64 {
	var stats runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

type counter struct{ n int }

func (c *counter) Write(p []byte) (int, error) {
	c.n += len(p)
	return len(p), nil
}

// It measures the memory of the process, and so runs alone.
func TestAnEndlessLineTakesNoMemory(t *testing.T) {
	const size = 2 << 20
	for name, repeated := range endless {
		held, arrived := writeEndless(t, repeated, size)
		if held > 1<<20 || arrived < size {
			t.Errorf("%s: %d bytes are held of %d, %d arrived", name, held, size, arrived)
		}
	}
}

func TestAnEndlessLineIsBroken(t *testing.T) {
	t.Parallel()
	lines := safetext.Lines([]byte(strings.Repeat("x", 1<<20)), false)
	if len(lines) != 16 || len(lines[0]) != 64<<10 {
		t.Errorf("%d lines, the first of %d bytes", len(lines), len(lines[0]))
	}
}
