package journal

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// call is a system call of a writer, as strace saw it.
type call struct {
	name, args string
	begin, end int // lines of the trace
	worked     bool
}

var (
	callForm    = regexp.MustCompile(`^(\d+) +(?:(\w+)\(|<\.\.\. \w+ resumed>)(.*)$`)
	fdForm      = regexp.MustCompile(`^\d+<([^>]*)>`)
	entryForm   = regexp.MustCompile(`\\"n\\":(\d+),\\"prev\\":`)
	workedForm  = regexp.MustCompile(`\) += \d+$`) // not: -1 and why, 0 (INJECTED)
	ackForm     = regexp.MustCompile(`^1<[^>]*>, "ack (\d+) `)
	namesForm   = regexp.MustCompile(`^AT_FDCWD[^,]*, "([^"]*)", AT_FDCWD[^,]*, "([^"]*)"`)
	segmentForm = regexp.MustCompile(`/\d{4}\.jsonl$`)
)

// readTrace puts the two halves of calls together that others came between.
func readTrace(trace []byte) (calls []*call) {
	open := map[string]*call{}
	for i, line := range strings.Split(string(trace), "\n") {
		m := callForm.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		c := open[m[1]]
		if m[2] != "" {
			c = &call{name: m[2], begin: i}
			calls, open[m[1]] = append(calls, c), c
		}
		if c == nil {
			continue
		}
		text, unfinished := strings.CutSuffix(m[3], " <unfinished ...>")
		c.args += text
		if !unfinished {
			c.end, c.worked = i, workedForm.MatchString(c.args)
		}
	}
	return calls
}

func (c *call) path() string {
	if m := fdForm.FindStringSubmatch(c.args); m != nil {
		return m[1]
	}
	return ""
}

// before returns those of calls that worked, began behind one line and ended
// before another.
func before(calls []*call, from, to int, want func(*call) bool) (found []*call) {
	for _, c := range calls {
		if c.worked && c.begin > from && c.end < to && want(c) {
			found = append(found, c)
		}
	}
	return found
}

func syncs(path string) func(*call) bool {
	return func(c *call) bool { return (c.name == "fdatasync" || c.name == "fsync") && c.path() == path }
}

// unsynced holds every acknowledgement against the calls before it. On the disk
// are bytes that were written and then synced, in a file whose name in its
// directory is, too. It returns the entries acknowledged too early.
func unsynced(calls []*call) (acks int, early []string) {
	for _, ack := range calls {
		m := ackForm.FindStringSubmatch(ack.args)
		if ack.name != "write" || m == nil {
			continue
		}
		acks++
		durable := slices.ContainsFunc(before(calls, -1, ack.begin, func(c *call) bool {
			return (c.name == "pwrite64" || c.name == "write") && slices.ContainsFunc(entryForm.FindAllStringSubmatch(c.args, -1), func(n []string) bool { return n[1] == m[1] })
		}), func(w *call) bool { return onDisk(calls, w, ack.begin) })
		if !durable {
			early = append(early, m[1])
		}
	}
	return acks, early
}

// onDisk reports whether what w wrote outlives a power cut at a line.
func onDisk(calls []*call, w *call, cut int) bool {
	for _, sync := range before(calls, w.end, cut, syncs(w.path())) {
		if segmentForm.MatchString(w.path()) {
			return true
		}
		for _, name := range before(calls, sync.end, cut, func(c *call) bool {
			m := namesForm.FindStringSubmatch(c.args)
			return (c.name == "linkat" || c.name == "renameat") && m != nil && m[1] == w.path() && segmentForm.MatchString(m[2])
		}) {
			if len(before(calls, name.end, cut, syncs(filepath.Dir(w.path())))) > 0 {
				return true
			}
		}
	}
	return false
}

// traced runs a writer under strace, and returns its calls in order.
func traced(t *testing.T, inject ...string) []*call {
	t.Helper()
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("no strace to see the order of system calls")
	}
	out := filepath.Join(t.TempDir(), "trace")
	argv := append([]string{strace, "-f", "-y", "-qq", "-s", strconv.Itoa(2 * MaxLine), "-o", out, "-e", "trace=pwrite64,write,fdatasync,fsync,linkat,renameat"}, inject...)
	c := startChild(t, filepath.Join(t.TempDir(), "run"), 40, argv...)
	acked, failed := c.acks(t, 1_000_000)
	if err := c.cmd.Wait(); err != nil || failed > 0 || len(acked) != 121 {
		t.Fatalf("%d acknowledged, %d failed: %v", len(acked), failed, err)
	}
	return readTrace(get(t, out))
}

// TestNoAckBeforeSync looks at the order of a writer's system calls, and so
// that the look can see: at that of one whose syncs do nothing.
func TestNoAckBeforeSync(t *testing.T) {
	t.Parallel()
	acks, early := unsynced(traced(t))
	if acks != 121 || len(early) > 0 {
		t.Errorf("%d acknowledgements, too early: %v", acks, early)
	}
	// Every third sync fails, so the segment goes on in new files.
	calls := traced(t, "-e", "inject=fdatasync:error=EIO:when=3+3")
	renamed := before(calls, -1, len(calls)*2, func(c *call) bool { return c.name == "renameat" })
	if again, early := unsynced(calls); again != 121 || len(early) > 0 || len(renamed) == 0 {
		t.Errorf("in %d new files: %d acknowledgements, too early: %v", len(renamed), again, early)
	}
	for _, gone := range []string{"fdatasync", "fsync"} {
		acks, early := unsynced(traced(t, "-e", fmt.Sprintf("inject=%s:retval=0", gone)))
		if want := map[string]int{"fdatasync": 100, "fsync": 1}[gone]; len(early) < want {
			t.Errorf("without %s the oracle sees %d of %d acknowledgements too early", gone, len(early), acks)
		}
		t.Logf("without %s: %d of %d acknowledged too early", gone, len(early), acks)
	}
}
