package supervise_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"runbook/steps"
	"runbook/steps/supervise"
)

// undoing notes its progress and prints much more than its disk takes. It ends
// at the first write that fails.
const undoing = `for i in {1..20}; do head -c 200000 /dev/zero | tr '\0' x; echo; echo "row $i s3cret-Canary"; echo "undo $i" >>done; done; echo $$ >pid; read -r _ <gate; echo "row 21 s3cret-Canary"; echo >&2 "undo 21" ; exit 42`

// recovery is an order of it on a disk of a MiB, and the key to its gate.
func recovery(t *testing.T, sh string) (o supervise.Order, open func()) {
	t.Helper()
	o = script(t, sh)
	o.Recovery, o.Secrets = true, []steps.Secret{steps.NewSecret("s3cret-Canary")}
	o.Files = filepath.Join(disk(t, "tmpfs", "size=1m"), "x.1")
	return o, gate(t, o)
}

func TestFullDiskDoesNotFailARecovery(t *testing.T) {
	t.Parallel()
	for name, killed := range map[string]func(crew) []int{
		"supervised":                   func(crew) []int { return nil },
		"supervisor killed":            func(c crew) []int { return []int{c.Supervisor.PID} },
		"recorder killed":              func(c crew) []int { return []int{c.Recorder.PID} },
		"supervisor and recorder gone": func(c crew) []int { return []int{c.Recorder.PID, c.Supervisor.PID} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, open := recovery(t, undoing)
			p := start(t, o)
			program := pidOf(t, o, "pid")
			await(t, "what is lost to be told", func() bool { return classify(o).Lost > 2_900_000 })
			for _, pid := range killed(crewOf(t, o)) {
				shoot(t, pid, syscall.SIGKILL)
			}
			open()
			await(t, "its end", func() bool { return gone(program) })
			if data, err := os.ReadFile(filepath.Join(o.Dir, "done")); err != nil || strings.Count(string(data), "undo") != 20 {
				t.Errorf("it came to %q, %v", data, err)
			}
			end := p.End()
			if len(killed(crewOf(t, o))) == 2 {
				if end.Class != supervise.Unknown {
					t.Errorf("%+v", end)
				}
				return
			}
			if got := end.Outcome; got.Exit != 42 || got.Full || got.Lost < 2_900_000 || !strings.Contains(got.Warn, fmt.Sprintf("%d bytes of output are lost", got.Lost)) {
				t.Errorf("%+v", got)
			}
			if out := output(t, o); int64(len(out)) != end.Outcome.Bytes || !strings.Contains(out, "row 4 [redacted]\n") || strings.Contains(out, "Canary") {
				t.Errorf("%d bytes of output, recorded %d", len(out), end.Outcome.Bytes)
			}
		})
	}
}

// TestOutputGoesOnWhereThereIsRoomAgain keeps the newest of what waited.
func TestOutputGoesOnWhereThereIsRoomAgain(t *testing.T) {
	t.Parallel()
	o, open := recovery(t, undoing)
	p := start(t, o)
	pidOf(t, o, "pid")
	await(t, "what is lost to be told", func() bool { return classify(o).Lost > 2_900_000 })
	if err := syscall.Mount("", filepath.Dir(o.Files), "", syscall.MS_REMOUNT, "size=8m"); err != nil {
		t.Fatal(err)
	}
	open()
	got := p.End().Outcome
	out := output(t, o)
	if !strings.HasSuffix(out, "row 20 [redacted]\nrow 21 [redacted]\nundo 21\n") || !strings.Contains(out, fmt.Sprintf("\n[%d bytes of output are missing here: the disk was full]\n", got.Lost)) {
		t.Errorf("%d bytes, at its end %q", len(out), out[max(0, len(out)-300):])
	}
	if got.Exit != 42 || got.Lost == 0 || got.Bytes != int64(len(out)) {
		t.Errorf("%+v", got)
	}
}

// TestMemoryOfARecoveryIsBounded prints more than is kept in memory, and loses
// its supervisor then.
func TestMemoryOfARecoveryIsBounded(t *testing.T) {
	t.Parallel()
	o, open := recovery(t, `head -c 40000000 /dev/zero | tr '\0' x; echo; for i in {1..9}; do echo "row $i s3cret-Canary"; done; echo $$ >pid; read -r _ <gate; echo "row 21 s3cret-Canary"; exit 42`)
	o.Files = filepath.Join(quickDir(t), "x.1")
	p := start(t, o)
	pid := pidOf(t, o, "pid")
	await(t, "its output", func() bool { return strings.Contains(output(t, o), "row 9 [redacted]\n") })
	var st syscall.Stat_t
	if err := syscall.Stat(fmt.Sprintf("/proc/%d/fd/1", pid), &st); err != nil || st.Size < 40_000_000 || st.Blocks*512 > 20<<20 {
		t.Errorf("%d bytes in %d blocks, %v", st.Size, st.Blocks, err)
	}
	shoot(t, crewOf(t, o).Supervisor.PID, syscall.SIGKILL)
	open()
	got := p.End().Outcome
	out := output(t, o)
	if !strings.HasSuffix(out, "row 9 [redacted]\nrow 21 [redacted]\n") || strings.Count(out, "row 9") != 1 || strings.ContainsRune(out, 0) {
		t.Errorf("%d bytes, at its end %q", len(out), out[max(0, len(out)-300):])
	}
	if got.Exit != 42 || got.Source != "recorder" || got.Warn != "" || len(out) != 40_000_001+9*len("row 1 [redacted]\n")+len("row 21 [redacted]\n") || got.Bytes != int64(len(out)) {
		t.Errorf("%+v", got)
	}
}

// TestOutputTakesItsRoomOnce has all that fits onto the disk, in the file that
// is read, and says why the command failed.
func TestOutputTakesItsRoomOnce(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"tmpfs", "ext4"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			o := script(t, `echo "to s3cret-Canary"; for i in {1..400000}; do echo "row $i"; done`)
			o.Secrets = []steps.Secret{steps.NewSecret("s3cret-Canary")}
			dir := disk(t, kind, map[string]string{"tmpfs": "size=1m", "ext4": "2048"}[kind])
			o.Files = filepath.Join(dir, "x.1")
			got := finish(t, o)
			out := output(t, o)
			if !got.Full || got.Exit != 1 || !strings.Contains(got.Warn, "was full") && got.Lost == 0 {
				t.Errorf("%+v", got)
			}
			if len(out) < 500_000 || !strings.HasPrefix(out, "to [redacted]\nrow 1\n") || !strings.Contains(out, "row 40000\n") || strings.ContainsRune(out, 0) {
				t.Errorf("%d bytes are kept: %.40q", len(out), out)
			}
		})
	}
}
