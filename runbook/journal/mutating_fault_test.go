//go:build fault

package journal

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// slow tests are left out: that a check is gone is seen without them.
const slow = `^(TestFault|TestEveryBitFlip|TestNoPrefix|TestTornImages|TestKilledWriter|TestAgentHangs|TestConcurrent|TestKeygenVerifies|TestNoAck|TestFailedSync|TestDisk|TestReserved|TestFindIdentity|TestPermissions|TestOneOfMany|TestDamagedKRL|TestNumbersHaveOneForm)`

// edit puts text in the place of the bytes from from to to.
type edit struct {
	from, to int
	text     string
}

// without names the mutant that a program with all of them is to be.
const without = "JOURNAL_TEST_WITHOUT"

// mutable says which mutant a program is, 0 for none.
const mutable = `package journal

import "os"

func gone(mutant string) bool { return os.Getenv("` + without + `") == mutant }

func either[T any](mutant string, instead, usual T) T {
	if gone(mutant) {
		return instead
	}
	return usual
}
`

// TestFaultMutants removes each check of the verifier in turn: some test has to
// fail each time. A mutant that survives is a check that nobody tests.
func TestFaultMutants(t *testing.T) {
	program := mutableTests(t)
	if out, err := run(t, program, "none"); err != nil {
		t.Fatalf("the tests fail with every check in its place: %v\n%s", err, out)
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	caught, next := 0, make(chan int)
	for range 2 {
		wg.Go(func() {
			for i := range next {
				out, err := run(t, program, fmt.Sprint(i))
				mu.Lock()
				switch {
				case err == nil:
					t.Errorf("%s without %s: no test fails", mutants[i].file, mutants[i].check)
				case !strings.Contains(out, "--- FAIL") && !strings.Contains(out, "panic: "):
					t.Errorf("%s without %s: %v\n%s", mutants[i].file, mutants[i].check, err, out)
				default:
					caught++
				}
				mu.Unlock()
			}
		})
	}
	for i := range mutants {
		next <- i
	}
	close(next)
	wg.Wait()
	t.Logf("tried %d, caught %d", len(mutants), caught)
}

// mutableTests builds the tests of this package with all mutants in them, of
// which a run has one.
func mutableTests(t *testing.T) (program string) {
	t.Helper()
	dir := t.TempDir()
	edits := map[string][]edit{}
	for i, m := range mutants {
		before, check, behind := "", m.check, ""
		if strings.Contains(check, "«") {
			before, check, _ = strings.Cut(check, "«")
			check, behind, _ = strings.Cut(check, "»")
		}
		text := string(get(t, m.file))
		if n := strings.Count(text, before+check+behind); n != 1 {
			t.Fatalf("%s: %s stands there %d times", m.file, m.check, n)
		}
		instead := fmt.Sprintf(`(!gone("%d") && (%s))`, i, check)
		if m.instead != "" {
			instead = fmt.Sprintf(`either("%d", %s, %s)`, i, m.instead, check)
		}
		at := strings.Index(text, before+check+behind) + len(before)
		edits[m.file] = append(edits[m.file], edit{at, at + len(check), instead})
	}
	texts := map[string]string{"mutable.go": mutable}
	for file, all := range edits {
		text := get(t, file)
		slices.SortFunc(all, func(a, b edit) int { return b.from - a.from })
		for i, e := range all {
			if i > 0 && e.to > all[i-1].from {
				t.Fatalf("%s: two mutants change %s", file, text[e.from:e.to])
			}
			text = slices.Concat(text[:e.from], []byte(e.text), text[e.to:])
		}
		texts[file] = string(text)
	}
	overlay := struct{ Replace map[string]string }{map[string]string{}}
	for file, text := range texts {
		path, err := filepath.Abs(file)
		if err != nil {
			t.Fatal(err)
		}
		overlay.Replace[path] = filepath.Join(dir, file)
		put(t, overlay.Replace[path], []byte(text))
	}
	list, err := json.Marshal(overlay)
	if err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(dir, "overlay"), list)
	program = filepath.Join(dir, "mutable.test")
	command(t, nil, nil, "go", "test", "-c", "-overlay", filepath.Join(dir, "overlay"), "-o", program, ".")
	return program
}

// run has one mutant tested, on a file system without a disk where there is one.
func run(t *testing.T, program, which string) (out string, err error) {
	t.Helper()
	rounds := []string{"."}
	if i, err := strconv.Atoi(which); err == nil {
		rounds = []string{near[mutants[i].file], "."}
	}
	memory, err := os.MkdirTemp("/dev/shm", "mutant-")
	if err != nil {
		memory = t.TempDir()
	}
	defer func() { _ = os.RemoveAll(memory) }() // what a mutant that was killed leaves
	for _, tests := range rounds {
		cmd := exec.CommandContext(t.Context(), program, "-test.run="+tests, "-test.skip="+slow, "-test.failfast", "-test.timeout=4m")
		cmd.Env = append(os.Environ(), without+"="+which, "TMPDIR="+memory)
		all, err := cmd.CombinedOutput()
		if err != nil {
			return string(all), err
		}
	}
	return "", nil
}
