package doctor

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"runbook/steps"
)

// apart starts a child in name spaces of its own, or skips.
func apart(t *testing.T, script string) []string {
	t.Helper()
	argv := []string{"unshare", "--fork", "--pid", "--mount", "--mount-proc"}
	if out, err := exec.CommandContext(t.Context(), argv[0], append(argv[1:], "true")...).CombinedOutput(); err != nil {
		t.Skipf("make name spaces: %v %s", err, out)
	}
	return append(argv, "sh", "-c", script+`; exec "$0"`)
}

func TestLimits(t *testing.T) {
	t.Parallel()
	sh := func(limit string) []string { return []string{"sh", "-c", limit + ` && exec "$0"`} }
	want(t, lookAs(t, "limits", sh("ulimit -f 1000")...), "limit of file size", steps.Fail, "500 KiB", "ulimit -f")
	want(t, lookAs(t, "limits", sh("ulimit -f 2000000")...), "limit of file size", steps.Warn, "976 MiB")
	want(t, lookAs(t, "limits", sh("ulimit -Sn 100")...), "limit of open files", steps.Warn, "100 for each command")
	want(t, lookAs(t, "limits", sh("ulimit -t 60")...), "limit of CPU time", steps.Warn, "after 60 s")
}

// TestThreads: the limit is that of an account, and holds for all but root.
func TestThreads(t *testing.T) {
	t.Parallel()
	h := Host{Root: "/", UID: os.Geteuid()}
	var other []string
	if h.UID == 0 {
		// An account of this test's alone: the processes of others come and go.
		h.UID, other = 54322, strings.Fields(strings.ReplaceAll(asOther, "54321", "54322"))
	}
	most := fmt.Sprint(h.running() + noThreads)
	found := lookAs(t, "limits", append([]string{"prlimit", "--nproc=" + most}, other...)...)
	want(t, found, "limit of processes", steps.Fail, "of "+most+", at least 200")
}

// asOther begins a command of an account that nobody has.
const asOther = "setpriv --reuid=54321 --regid=54321 --clear-groups"

func TestHiddenProcesses(t *testing.T) {
	t.Parallel()
	argv := apart(t, "mount -t proc -o hidepid=2 proc /proc")
	want(t, lookAs(t, "/proc", argv...), "/proc", steps.Pass) // root sees them all the same
	argv = append(argv[:len(argv)-1], "mount -t proc -o hidepid=2 proc /proc && exec "+asOther+` "$0"`)
	want(t, lookAs(t, "/proc", argv...), "/proc", steps.Warn, "hidepid=")
}

func TestNoProc(t *testing.T) {
	t.Parallel()
	want(t, lookAs(t, "/proc", apart(t, "mount -t tmpfs none /proc")...), "/proc", steps.Fail, "mount -t proc")
}

// TestForbiddenCalls: a container forbids what the kernel knows.
func TestForbiddenCalls(t *testing.T) {
	t.Parallel()
	want(t, lookAs(t, "kernel without memfd_create"), "kernel", steps.Fail, "lets nobody start a command", "memfd_create: operation not permitted")
	want(t, lookAs(t, "kernel without pidfd_open"), "kernel", steps.Warn, "pidfd_open: operation not permitted")
	want(t, lookAs(t, "kernel"), "kernel", steps.Pass)
}

// TestFirst: process 1 of a container that is no init, before and after it has
// left an orphan unreaped.
func TestFirst(t *testing.T) {
	t.Parallel()
	both := lookAs(t, "process 1", apart(t, ":")...)
	if len(both) != 2 {
		t.Fatalf("%v", both)
	}
	want(t, both[:1], "process 1", steps.Warn, "no init", "--init")
	want(t, both[1:], "process 1", steps.Warn, "unreaped, now 1")
}

func TestProcessOneOfThisMachine(t *testing.T) {
	t.Parallel()
	h := host(t)
	found := h.first(t.Context())
	comm, err := os.ReadFile("/proc/1/comm")
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != 1 || !strings.Contains(found[0].Saw, strings.TrimSpace(string(comm))) {
		t.Errorf("%v does not name %s", found, comm)
	}
}
