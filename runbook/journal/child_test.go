package journal

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// childDir names the run that the test binary writes when it is started as a
// child, to be killed or to run out of disk.
const childDir, childCount = "JOURNAL_TEST_DIR", "JOURNAL_TEST_COUNT"

// childEpoch names a file that the child holds to be its right to write, as
// long as it says 1: a way to take over that does not work.
const childEpoch = "JOURNAL_TEST_EPOCH"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childSlots); dir != "" {
		os.Exit(slotsUntil(dir))
	}
	if dir := os.Getenv(childDir); dir != "" {
		os.Exit(writeUntil(dir))
	}
	os.Exit(m.Run())
}

// writeUntil goes on with the run in dir and prints "ack N HEAD" for each
// acknowledged entry, "fail" for each that was not recorded. Three writers, so
// that batches form.
func writeUntil(dir string) int {
	count, err := strconv.Atoi(os.Getenv(childCount))
	if err != nil {
		return 2
	}
	l, _, err := Open(dir, Options{})
	if errors.Is(err, os.ErrNotExist) {
		l, err = Create(dir, Options{World: Real})
	}
	if err != nil {
		fmt.Println("refused", strings.ReplaceAll(err.Error(), "\n", " "))
		return 1
	}
	n, head := l.Head()
	fmt.Println("ack", n, head)
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for i := range count {
				if epoch := os.Getenv(childEpoch); epoch != "" && !says(epoch, "1") {
					return
				}
				e, err := l.Append(context.Background(), "note", map[string]any{"i": i, "x": strings.Repeat("x", i%700)})
				if err != nil {
					fmt.Println("fail", strings.ReplaceAll(err.Error(), "\n", " "))
					continue
				}
				// One write, not mixed up with another's, and wide: a full pipe holds the
				// child back when nobody reads.
				fmt.Printf("ack %d %s%1000s\n", e.N, e.Head, "")
			}
		})
	}
	wg.Wait()
	if err := l.Close(); err != nil {
		return 1
	}
	return 0
}

func says(path, text string) bool {
	data, err := os.ReadFile(path)
	return err == nil && string(data) == text
}

// child is a writer in a process of its own.
type child struct {
	cmd *exec.Cmd
	out *bufio.Scanner
}

func startChild(t *testing.T, dir string, count int, wrap ...string) *child {
	t.Helper()
	argv := slices.Concat(wrap, os.Args[:1])
	cmd := exec.CommandContext(t.Context(), argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), childDir+"="+dir, childCount+"="+strconv.Itoa(count), "GOMAXPROCS=2")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = io.Discard
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return &child{cmd: cmd, out: bufio.NewScanner(out)}
}

// acks reads at most limit acknowledgements: heads by entry number.
func (c *child) acks(t *testing.T, limit int) (acked map[uint64]string, failed int) {
	t.Helper()
	acked = map[uint64]string{}
	for len(acked) < limit && c.out.Scan() {
		fields := strings.Fields(c.out.Text())
		if len(fields) != 3 || fields[0] != "ack" {
			failed++
			continue
		}
		n, err := strconv.ParseUint(fields[1], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		acked[n] = fields[2]
	}
	return acked, failed
}

// holds checks that everything acknowledged is in the log.
func holds(t *testing.T, dir string, acked map[uint64]string) []Entry {
	t.Helper()
	entries, err := Read(dir)
	if err != nil && !errors.Is(err, ErrTorn) {
		t.Fatal(err)
	}
	for n, head := range acked {
		if n > uint64(len(entries)) || entries[n-1].Head != head {
			t.Fatalf("entry %d was acknowledged and is not in a log of %d", n, len(entries))
		}
	}
	return entries
}

func TestKilledWriter(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const kills = 12
	for round := range kills {
		c := startChild(t, dir, 1_000_000)
		acked, failed := c.acks(t, 5+7*round)
		if err := c.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		more, alsoFailed := c.acks(t, 1_000_000) // what it said before it died
		for n, head := range more {
			acked[n] = head
		}
		err := c.cmd.Wait()
		status, ok := c.cmd.ProcessState.Sys().(syscall.WaitStatus)
		if !ok || !status.Signaled() || status.Signal() != syscall.SIGKILL || failed+alsoFailed > 0 {
			t.Fatalf("the writer was not killed: %v, %d failures", err, failed+alsoFailed)
		}
		holds(t, dir, acked)
	}
	l, entries := reopen(t, dir, Options{})
	add(t, l, KindRunEnd, nil)
	closeLog(t, l)
	if r := Verify(dir, Policy{}); r.Integrity.Word != OK || r.Completeness.Word != OK || r.Segments != kills+1 {
		t.Errorf("%q", r.Lines())
	}
	if last := entries[len(entries)-1]; last.Seg != kills {
		t.Errorf("last entry in segment %d", last.Seg)
	}
}
