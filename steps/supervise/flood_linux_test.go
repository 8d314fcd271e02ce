package supervise_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"runbook/steps"
	"runbook/steps/supervise"
)

// peak is the most memory that a process has had, in KiB.
func peak(t *testing.T, pid int) int {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	found := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(data)
	if err != nil || found == nil {
		t.Fatalf("memory of %d: %v", pid, err)
	}
	kib, err := strconv.Atoi(string(found[1]))
	if err != nil {
		t.Fatal(err)
	}
	return kib
}

// flood lets a script print size bytes and returns how it ended, with what its
// supervisor and its recorder took at most.
func flood(t *testing.T, sh string, size int64, secrets ...string) (end supervise.Status, supervisor, recorder int) {
	t.Helper()
	o := script(t, sh+"\nread -r _ <gate")
	if size > 100<<20 {
		o.Files = filepath.Join(t.TempDir(), "x.1") // no room for that in memory
	}
	for _, s := range secrets {
		o.Secrets = append(o.Secrets, steps.NewSecret(s))
	}
	open := gate(t, o)
	p := start(t, o)
	await(t, fmt.Sprintf("%d bytes", size), func() bool {
		info, err := os.Stat(filepath.Join(o.Files, supervise.OutputFile))
		return err == nil && info.Size() >= size-64 // the redactor may hold back the rest
	})
	w := crewOf(t, o)
	supervisor, recorder = peak(t, w.Supervisor.PID), peak(t, w.Recorder.PID)
	open()
	if end = p.End(); end.Class != supervise.Exited || end.Outcome.Exit != 0 || end.Outcome.Warn != "" || end.Outcome.Bytes != size {
		t.Errorf("%+v", end)
	}
	t.Logf("%d KiB of output: supervisor %d KiB, recorder %d KiB", size>>10, supervisor, recorder)
	return end, supervisor, recorder
}

func TestFloodOfOutput(t *testing.T) {
	t.Parallel()
	const size = 32 << 20
	_, supervisor, recorder := flood(t, fmt.Sprintf(`yes 'INFO 2026-11-21 migrated a row of the table users, all is well' | head -c %d || :`, size), size,
		"postgres://app:correct-horse@db/users", "battery-staple")
	if limit := 24<<10 + race; supervisor > limit || recorder > limit {
		t.Errorf("more than %d KiB", limit)
	}
}
