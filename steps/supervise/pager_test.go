package supervise_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"runbook/steps/safetext"
	"runbook/steps/supervise"
)

// longRow is what no row is longer than.
const longRow = 32 << 10

// outputs are files that are awkward to read backwards.
func outputs() map[string][]byte {
	r := rand.New(rand.NewPCG(1, 2))
	mixed := &bytes.Buffer{}
	for mixed.Len() < 300<<10 {
		mixed.WriteString(strings.Repeat("ä\x1b[31mx", r.IntN(1+r.IntN(9000))))
		mixed.WriteString([]string{"\n", "\r\n", "\n\n\n", "\r", "\x00"}[r.IntN(5)])
	}
	noise := make([]byte, 100<<10)
	for i := range noise {
		noise[i] = byte(r.UintN(256))
	}
	return map[string][]byte{
		"empty":    nil,
		"one":      []byte("x"),
		"newline":  []byte("\n"),
		"lines":    []byte(strings.Repeat("a line of a log\n", 3_000)),
		"unended":  []byte("a\nb\nc"),
		"blank":    bytes.Repeat([]byte("\n"), 5_000),
		"long":     []byte(strings.Repeat("0123456789abcde", 20<<10)),
		"umlauts":  []byte("x" + strings.Repeat("äöü€", 20<<10)),
		"progress": []byte(strings.Repeat("\r 42 % done", 20<<10)),
		"edges":    []byte(strings.Repeat(strings.Repeat("x", 16<<10-1)+"\n", 4) + strings.Repeat("y", 16<<10) + "\n" + strings.Repeat("z", 32<<10) + "\nend\n"),
		"mixed":    mixed.Bytes(),
		"noise":    noise,
	}
}

func pagerOf(t *testing.T, data []byte) *supervise.Pager {
	t.Helper()
	path := filepath.Join(t.TempDir(), supervise.OutputFile)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return openPager(t, path)
}

func openPager(t *testing.T, path string) *supervise.Pager {
	t.Helper()
	p, err := supervise.OpenPager(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

// rowsDown are all rows from the first one on.
func rowsDown(t *testing.T, p *supervise.Pager) []supervise.Row {
	t.Helper()
	var rows []supervise.Row
	for at := int64(0); ; {
		row, err := p.Down(at)
		if errors.Is(err, io.EOF) {
			return rows
		}
		if err != nil {
			t.Fatal(err)
		}
		rows, at = append(rows, row), row.Next
	}
}

// TestPagerRows reads awkward outputs both ways: the same rows, no byte twice
// or never, none longer than it may be.
func TestPagerRows(t *testing.T) {
	t.Parallel()
	for name, data := range outputs() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := pagerOf(t, data)
			rows := rowsDown(t, p)
			at := int64(0)
			for _, row := range rows {
				if row.At != at || row.Next <= at || row.Next-at > longRow {
					t.Fatalf("row %d to %d, behind one that ended at %d", row.At, row.Next, at)
				}
				at = row.Next
			}
			if at != int64(len(data)) {
				t.Fatalf("rows end at %d of %d", at, len(data))
			}
			for before, i := p.Size(), len(rows)-1; i >= 0; i-- {
				row, err := p.Up(before)
				if err != nil || row != rows[i] {
					t.Fatalf("upwards from %d: %v, row %d to %d; downwards %d to %d", before, err, row.At, row.Next, rows[i].At, rows[i].Next)
				}
				before = row.At
			}
			if _, err := p.Up(0); !errors.Is(err, io.EOF) {
				t.Errorf("above the first row: %v", err)
			}
			for offset := int64(0); offset < int64(len(data)); offset += 997 {
				i, _ := slices.BinarySearchFunc(rows, offset, func(r supervise.Row, o int64) int {
					if r.Next <= o {
						return -1
					}
					return 1
				})
				if at, err := p.Start(offset); err != nil || at != rows[i].At {
					t.Fatalf("byte %d is in the row at %d, %v, not %d", offset, at, err, rows[i].At)
				}
			}
		})
	}
}

// TestPagerText shows lines as safetext has them, and loses nothing of one that
// is cut, not even a character.
func TestPagerText(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"lines", "unended", "blank", "umlauts", "long", "edges"} {
		data := outputs()[name]
		var lines []string
		line := ""
		for _, row := range rowsDown(t, pagerOf(t, data)) {
			line += row.Text
			if !row.Cut {
				lines, line = append(lines, line), ""
			}
		}
		want := strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
		if !slices.Equal(lines, want) {
			t.Errorf("%s: %d lines, want %d", name, len(lines), len(want))
		}
	}
}

// TestPagerWhileItGrows holds the rows of an output against those it has when
// more was written: all but the last stay.
func TestPagerWhileItGrows(t *testing.T) {
	t.Parallel()
	data := outputs()["mixed"]
	all := rowsDown(t, pagerOf(t, data))
	for size := 1; size < len(data); size += 40_009 {
		rows := rowsDown(t, pagerOf(t, data[:size]))
		for i, row := range rows[:len(rows)-1] {
			if row.At != all[i].At || row.Next != all[i].Next {
				t.Fatalf("with %d bytes row %d is %d to %d, later %d to %d", size, i, row.At, row.Next, all[i].At, all[i].Next)
			}
		}
	}
}

// TestPagerBecomesShorter reads behind the end of a file that was cut.
func TestPagerBecomesShorter(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), supervise.OutputFile)
	if err := os.WriteFile(path, bytes.Repeat([]byte("a line\n"), 100_000), 0o600); err != nil {
		t.Fatal(err)
	}
	p := openPager(t, path)
	if err := os.Truncate(path, 70); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Up(p.Size()); err != nil && !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	if got := rowsDown(t, openPager(t, path)); len(got) != 10 {
		t.Errorf("%d rows of 10", len(got))
	}
}

func TestPagerLines(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{"a\nb\nc": 3, "a\nb\n": 2, "": 0} {
		if n, counted, err := pagerOf(t, []byte(text)).Lines(); n != want || !counted || err != nil {
			t.Errorf("%q has %d lines, counted %v, %v", text, n, counted, err)
		}
	}
	big := pagerOf(t, bytes.Repeat([]byte("thirty-two bytes of a log, all.\n"), 200_000))
	n, counted, err := big.Lines()
	if counted || err != nil || n < 190_000 || n > 210_000 {
		t.Errorf("about %d lines of 200000, counted %v, %v", n, counted, err)
	}
}

// FuzzPager cuts whatever it gets into rows.
func FuzzPager(f *testing.F) {
	for _, data := range outputs() {
		f.Add(data[:min(len(data), 100<<10)])
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p := pagerOf(t, data)
		rows := rowsDown(t, p)
		at := p.Size()
		for i := len(rows) - 1; i >= 0; i-- {
			row, err := p.Up(at)
			if err != nil || row != rows[i] || row.Next-row.At > longRow || row.Next != at {
				t.Fatalf("%v: row %d to %d above %d", err, row.At, row.Next, at)
			}
			at = row.At
			if safe := strings.Join(safetext.Lines([]byte(row.Text), true), ""); safe != row.Text {
				t.Fatalf("%q is not safe: %q", row.Text, safe)
			}
		}
		if at != 0 {
			t.Fatalf("nothing above %d", at)
		}
	})
}
