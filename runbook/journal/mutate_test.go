package journal

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
)

// cutRun writes a run of two segments: a crash tore the end of the first.
func cutRun(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	l := create(t, dir, Options{})
	add(t, l, "note", nil)
	closeLog(t, l)
	path := segmentPath(dir, 1)
	put(t, path, append(get(t, path), `{"v":1,"run`...))
	again, _ := reopen(t, dir, Options{})
	add(t, again, KindRunEnd, nil)
	closeLog(t, again)
	if r := Verify(dir, Policy{}); r.Integrity.Word != OK || r.Completeness.Word != OK {
		t.Fatalf("%+v", r)
	}
	return dir
}

func get(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func put(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// segmentsOf reads the segments of a log into memory.
func segmentsOf(t *testing.T, dir string) [][]byte {
	t.Helper()
	count, err := segments(dir)
	if err != nil {
		t.Fatal(err)
	}
	var segs [][]byte
	for k := range count {
		segs = append(segs, get(t, segmentPath(dir, k+1)))
	}
	return segs
}

// judge writes segs as a log of their own and verifies it.
func judge(t *testing.T, dir string, segs ...[]byte) Report {
	t.Helper()
	for k, b := range segs {
		put(t, segmentPath(dir, uint64(k)+1), b)
	}
	return Verify(dir, Policy{})
}

func TestEveryBitFlipIsSeen(t *testing.T) {
	t.Parallel()
	original := segmentsOf(t, cutRun(t))
	var torn, tampered int
	var mu sync.Mutex
	var wg sync.WaitGroup
	workers := runtime.GOMAXPROCS(0)
	for w := range workers {
		dir := t.TempDir()
		judge(t, dir, original...)
		wg.Go(func() {
			var seen [2]int
			for k, b := range original {
				f, err := os.OpenFile(segmentPath(dir, uint64(k)+1), os.O_WRONLY, 0)
				if err != nil {
					t.Error(err)
					return
				}
				for bit := w; bit < 8*len(b); bit += workers * stride {
					at := int64(bit / 8)
					_, flip := f.WriteAt([]byte{b[at] ^ 1<<(bit%8)}, at)
					r := Verify(dir, Policy{})
					_, back := f.WriteAt(b[at:at+1], at)
					if flip != nil || back != nil {
						t.Error(flip, back)
					}
					last := k == 1 && bit/8 == len(b)-1
					switch {
					case r.Integrity.Word == Torn && r.Exit() == 4 && last:
						seen[0]++
					case (r.Integrity.Word == Tampered || r.Integrity.Word == Forked) && r.Exit() == 1:
						seen[1]++
					default:
						t.Errorf("segment %d bit %d: %v exit %d", k+1, bit, r.Lines(), r.Exit())
					}
				}
				if err := f.Close(); err != nil {
					t.Error(err)
				}
			}
			mu.Lock()
			defer mu.Unlock()
			torn, tampered = torn+seen[0], tampered+seen[1]
		})
	}
	wg.Wait()
	if total := 8 * len(slices.Concat(original...)) / stride; torn+tampered < total-8 {
		t.Errorf("%d torn and %d tampered of %d flips", torn, tampered, total)
	}
}

func TestNoPrefixIsComplete(t *testing.T) {
	t.Parallel()
	segs := segmentsOf(t, finished(t, Options{}))
	dir := t.TempDir()
	words := map[Word]int{}
	judge(t, dir, segs[0])
	for size := len(segs[0]) - 1; size >= 0; size -= stride {
		if err := os.Truncate(segmentPath(dir, 1), int64(size)); err != nil {
			t.Fatal(err)
		}
		r := Verify(dir, Policy{})
		words[r.Integrity.Word]++
		if r.Completeness.Word == OK || r.Exit() == 0 {
			t.Fatalf("%d bytes of %d: %v", size, len(segs[0]), r.Lines())
		}
		if atLine := size > 0 && segs[0][size-1] == '\n'; atLine != (r.Integrity.Word == OK) {
			t.Errorf("%d bytes: %v", size, r.Lines())
		}
	}
	if (words[OK] != 4 && stride == 1) || words[Torn] == 0 {
		t.Errorf("%v: want 4 ends of a line", words)
	}
}

func lines(b []byte) [][]byte {
	return slices.Collect(func(yield func([]byte) bool) {
		for line := range bytes.Lines(b) {
			if !yield(line) {
				return
			}
		}
	})
}

func TestLineMutations(t *testing.T) {
	t.Parallel()
	mine, other := lines(segmentsOf(t, finished(t, Options{}))[0]), lines(segmentsOf(t, finished(t, Options{}))[0])
	dir := t.TempDir()
	count := 0
	expect := func(what string, mutated [][]byte) {
		count++
		if r := judge(t, dir, slices.Concat(mutated...)); r.Exit() != 1 {
			t.Errorf("%s: exit %d, %v", what, r.Exit(), r.Lines())
		}
	}
	for i := range mine {
		if i < len(mine)-1 {
			expect(fmt.Sprint("delete ", i), slices.Delete(slices.Clone(mine), i, i+1))
		}
		expect(fmt.Sprint("foreign ", i), slices.Replace(slices.Clone(mine), i, i+1, other[i]))
		if i > 0 {
			expect(fmt.Sprint("splice ", i), slices.Concat(mine[:i], other[i:]))
		}
		for j := range len(mine) + 1 {
			expect(fmt.Sprint("insert ", i, " at ", j), slices.Insert(slices.Clone(mine), j, mine[i]))
		}
		for j := range i {
			swapped := slices.Clone(mine)
			swapped[i], swapped[j] = swapped[j], swapped[i]
			expect(fmt.Sprint("swap ", i, j), swapped)
		}
	}
	if count < 40 {
		t.Errorf("only %d mutations", count)
	}
	if r := judge(t, dir, slices.Concat(mine[:len(mine)-1]...)); r.Integrity.Word != OK || r.Completeness.Word != Unfinished {
		t.Errorf("without its last line: %v", r.Lines())
	}
}

func TestSegmentMutations(t *testing.T) {
	t.Parallel()
	segs := segmentsOf(t, cutRun(t))
	one, two := segs[0], segs[1]
	valid := one[:bytes.LastIndexByte(one, '\n')+1]
	for name, mutated := range map[string][][]byte{
		"swapped":            {two, one},
		"first twice":        {one, one},
		"only the second":    {two},
		"third is second":    {one, two, two},
		"empty third":        {one, two, nil},
		"torn bytes gone":    {valid, two},
		"torn bytes grown":   {append(slices.Clone(one), 'x'), two},
		"torn bytes changed": {append(slices.Clone(one[:len(one)-1]), 'x'), two},
		"acked line cut":     {valid[:len(valid)-1], two},
		"joined":             {slices.Concat(valid, two)},
	} {
		if r := judge(t, t.TempDir(), mutated...); r.Exit() != 1 {
			t.Errorf("%s: exit %d %v", name, r.Exit(), r.Lines())
		}
	}
	gap := t.TempDir()
	put(t, segmentPath(gap, 1), one)
	put(t, segmentPath(gap, 3), two)
	if r := Verify(gap, Policy{}); r.Exit() != 1 {
		t.Errorf("gap: %v", r.Lines())
	}
	if err := os.Remove(segmentPath(gap, 3)); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(segmentPath(gap, 1), segmentPath(gap, 2)); err != nil {
		t.Fatal(err)
	}
	if r := Verify(gap, Policy{}); r.Exit() == 0 || r.Integrity.Word == OK {
		t.Errorf("symlink: %v", r.Lines())
	}
}

// TestForked lets the first driver write on behind the place where the next one
// cut its segment.
func TestForked(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := create(t, dir, Options{})
	add(t, l, "note", nil)
	before := get(t, segmentPath(dir, 1))
	add(t, l, "note", nil)
	closeLog(t, l)
	after := get(t, segmentPath(dir, 1))
	put(t, segmentPath(dir, 1), before)
	again, _ := reopen(t, dir, Options{})
	add(t, again, KindRunEnd, nil)
	closeLog(t, again)
	put(t, segmentPath(dir, 1), after)
	entries, err := Read(dir)
	if r := Verify(dir, Policy{}); !errors.Is(err, ErrForked) || r.Integrity.Word != Forked || r.Exit() != 1 || len(entries) != 3 {
		t.Errorf("%v, %d entries: %v", err, len(entries), r.Lines())
	}
	if _, _, err := Open(dir, Options{}); !errors.Is(err, ErrForked) {
		t.Errorf("open: %v", err)
	}
}

func TestOpenRefusesTampered(t *testing.T) {
	t.Parallel()
	dir := finished(t, Options{})
	b := get(t, segmentPath(dir, 1))
	b[len(b)/2] ^= 1
	put(t, segmentPath(dir, 1), b)
	if _, _, err := Open(dir, Options{}); !errors.Is(err, ErrTampered) {
		t.Error(err)
	}
	if names, err := filepath.Glob(filepath.Join(dir, "0002*")); err != nil || len(names) > 0 {
		t.Errorf("%v %v", names, err)
	}
}

// TestTornImages leaves every subset of the sectors of an unsynced batch, for
// every size in sectors that the file may have got: no acknowledged line is
// lost, and the log goes on.
func TestTornImages(t *testing.T) {
	t.Parallel()
	const sector = 512
	source := t.TempDir()
	l := create(t, source, Options{})
	for range 3 {
		add(t, l, "note", map[string]string{"text": strings.Repeat("x", 600)})
	}
	closeLog(t, l)
	whole := segmentsOf(t, source)[0]
	all := lines(whole)
	images := 0
	for batch := 1; batch <= 3; batch++ {
		acked := len(all) - batch
		from := len(slices.Concat(all[:acked]...))
		first := from / sector
		count := (len(whole)-1)/sector - first + 1
		dir := t.TempDir()
		for kept := 0; kept < 1<<count; kept += stride {
			image := make([]byte, len(whole))
			copy(image, whole[:from])
			for s := range count {
				if at := max(from, (first+s)*sector); kept&(1<<s) != 0 {
					end := min(len(whole), (first+s+1)*sector)
					copy(image[at:end], whole[at:end])
				}
			}
			for size := len(image); size >= from; size -= sector {
				images++
				r := judge(t, dir, image[:size])
				if (r.Integrity.Word != OK && r.Integrity.Word != Torn) || r.Entries < acked {
					t.Fatalf("batch %d sectors %b size %d: %v", batch, kept, size, r.Lines())
				}
			}
		}
	}
	if images < 500/stride {
		t.Errorf("only %d images", images)
	}
}

func TestResumeFromTornImage(t *testing.T) {
	t.Parallel()
	for name, torn := range map[string]string{
		"half a line": `{"v":1,"run"`, "zeros": strings.Repeat("\x00", 4096), "hole": "{\"v\":1\x00\x00\"}\n{\"v\":1,\n",
	} {
		dir := t.TempDir()
		l := create(t, dir, Options{})
		add(t, l, "note", nil)
		closeLog(t, l)
		image := append(get(t, segmentPath(dir, 1)), torn...)
		put(t, segmentPath(dir, 1), image)
		if entries, err := Read(dir); !errors.Is(err, ErrTorn) || len(entries) != 2 {
			t.Errorf("%s: %d entries, %v", name, len(entries), err)
		}
		if r := Verify(dir, Policy{}); r.Integrity.Word != Torn || r.Completeness.Word != Torn {
			t.Errorf("%s: %v", name, r.Lines())
		}
		again, _ := reopen(t, dir, Options{})
		add(t, again, KindRunEnd, nil)
		closeLog(t, again)
		if r := Verify(dir, Policy{}); r.Integrity.Word != OK || r.Completeness.Word != OK || r.Entries != 4 {
			t.Errorf("%s: %v", name, r.Lines())
		}
		if !bytes.Equal(get(t, segmentPath(dir, 1)), image) {
			t.Errorf("%s: resume changed the segment before", name)
		}
	}
	dir := t.TempDir()
	closeLog(t, create(t, dir, Options{}))
	long := make([]byte, MaxLine+1)
	for i := range long {
		long[i] = byte('a' + rand.IntN(26))
	}
	put(t, segmentPath(dir, 1), append(get(t, segmentPath(dir, 1)), long...))
	if _, err := Read(dir); !errors.Is(err, ErrTampered) {
		t.Errorf("more than a batch: %v", err)
	}
}

func TestOtherVersion(t *testing.T) {
	t.Parallel()
	segs := segmentsOf(t, finished(t, Options{}))
	// A log of version 2: the signature of its first line speaks of version 2.
	later := bytes.ReplaceAll(segs[0], []byte(`{"v":1,`), []byte(`{"v":2,`))
	later = bytes.Replace(later, []byte(`"claims"`), []byte(`"claimz"`), 1)
	if r := judge(t, t.TempDir(), later); r.Exit() != 2 || r.Integrity.Word != Unreadable {
		t.Errorf("exit %d %v", r.Exit(), r.Lines())
	}
	altered := bytes.Replace(segs[0], []byte(`{"v":1,`), []byte(`{"v":2,`), 1)
	if r := judge(t, t.TempDir(), altered); r.Exit() != 1 {
		t.Errorf("our line with another version: exit %d %v", r.Exit(), r.Lines())
	}
}

func mkdir(t *testing.T, dir string) {
	t.Helper()
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
}
