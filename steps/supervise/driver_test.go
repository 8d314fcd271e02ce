package supervise_test

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"runbook/steps"
	"runbook/steps/supervise"
)

const driveVar = "RUN_TEST_DRIVES"

// TestMain is also the driver that a test kills: it starts the order it is
// given and waits for its end.
func TestMain(m *testing.M) {
	text := os.Getenv(driveVar)
	if text == "" {
		os.Exit(m.Run())
	}
	var d driven
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		panic(err)
	}
	for _, s := range d.Plain {
		d.Secrets = append(d.Secrets, steps.NewSecret(s))
	}
	p, err := supervise.Start(d.Order)
	if err != nil {
		panic(err)
	}
	if _, err := os.Stdout.WriteString("started\n"); err != nil {
		panic(err)
	}
	<-p.Done()
}

// driven is an order on its way into another process.
type driven struct {
	supervise.Order
	Plain []string // secrets, which do not travel as such
}

// drive starts the order in a process of its own and returns it once the
// command runs.
func drive(t *testing.T, o supervise.Order, secrets ...string) *exec.Cmd {
	t.Helper()
	return driveWith(t, exec.CommandContext(t.Context(), self(t)), o, secrets...)
}

// self is this test binary.
func self(t *testing.T) string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// driveWith is drive with a command that executes this test binary.
func driveWith(t *testing.T, cmd *exec.Cmd, o supervise.Order, secrets ...string) *exec.Cmd {
	t.Helper()
	text, err := json.Marshal(driven{o, secrets})
	if err != nil {
		t.Fatal(err)
	}
	cmd.Env = append(os.Environ(), driveVar+"="+string(text))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "started\n" {
		t.Fatalf("driver said %q, %v", line, err)
	}
	return cmd
}

// untilGo writes its pid and then lives until the file go is there.
const untilGo = `echo $$ >pid; until [ -e go ]; do sleep 0.01; done; echo finished >end; exit 5`

func TestKilledDriverLeavesTheCommandRunning(t *testing.T) {
	t.Parallel()
	o := script(t, untilGo)
	cmd := drive(t, o)
	pid := pidOf(t, o, "pid")
	for _, sig := range []syscall.Signal{syscall.SIGHUP, syscall.SIGKILL} {
		_ = syscall.Kill(-cmd.Process.Pid, sig) // SIGHUP may have ended the driver already
	}
	if err := cmd.Wait(); err == nil {
		t.Fatal("the driver was not killed")
	}
	if class, _ := supervise.Classify(o.Files); class != supervise.StillRunning || gone(pid) {
		t.Errorf("driver killed: class %v, command gone %v", class, gone(pid))
	}
	if _, err := supervise.Start(o); err == nil {
		t.Error("the same intent forked twice")
	}
	if err := os.WriteFile(filepath.Join(o.Dir, "go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	await(t, "the command's end", func() bool { return gone(pid) })
	if data, err := os.ReadFile(filepath.Join(o.Dir, "end")); string(data) != "finished\n" {
		t.Errorf("the command did not finish: %q, %v", data, err)
	}
	if class, _ := supervise.Classify(o.Files); class != supervise.Unknown {
		t.Errorf("after the end: class %v", class)
	}
}

func TestForgedIdentityIsUnknown(t *testing.T) {
	t.Parallel()
	o := script(t, untilGo)
	p := start(t, o)
	pidOf(t, o, "pid")
	if class, _ := supervise.Classify(o.Files); class != supervise.StillRunning {
		t.Fatalf("class %v", class)
	}
	path := filepath.Join(o.Files, "pid")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var id map[string]any
	if err := json.Unmarshal(data, &id); err != nil {
		t.Fatal(err)
	}
	for field, forged := range map[string]any{"start": "1", "boot": "another", "pid": os.Getpid()} {
		other := map[string]any{"start": id["start"], "boot": id["boot"], "pid": id["pid"]}
		other[field] = forged
		text, err := json.Marshal(other)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if class, _ := supervise.Classify(o.Files); class != supervise.Unknown {
			t.Errorf("forged %s: class %v", field, class)
		}
	}
	for _, torn := range []string{"", `{"pid":1,"st`} {
		if err := os.WriteFile(path, []byte(torn), 0o600); err != nil {
			t.Fatal(err)
		}
		if class, _ := supervise.Classify(o.Files); class != supervise.Unknown {
			t.Errorf("torn to %q: class %v", torn, class)
		}
	}
	p.Cancel()
	p.Cancel()
	p.Cancel()
	p.Outcome()
}

func TestFloodOfOutput(t *testing.T) {
	t.Parallel()
	const size = 64 << 20
	o := script(t, `yes 'INFO 2026-11-21 migrated a row of the table users, all is well' | head -c 67108864`)
	cmd := drive(t, o, "postgres://app:correct-horse@db/users", "battery-staple")
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	class, got := supervise.Classify(o.Files)
	if class != supervise.Exited || got.Bytes != size || got.Warn != "" {
		t.Errorf("class %v, %+v", class, got)
	}
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok || usage.Maxrss > 64<<10 {
		t.Errorf("the driver took %d KiB for %d KiB of output", usage.Maxrss, size>>10)
	}
	t.Logf("driver's peak memory %d KiB, command took %v", usage.Maxrss, got.Took)
}
