package supervise_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"runbook/steps"
	"runbook/steps/supervise"
)

const driveVar = "RUN_TEST_DRIVES"

// beforeMain is what a process of a test does first.
var beforeMain = func([]string) {}

// TestMain is also the driver that a test kills: it starts the order it is
// given, says so, and waits for its end.
func TestMain(m *testing.M) {
	beforeMain(os.Args[1:])
	if code, ours := supervise.Main(os.Args[1:]); ours {
		syscall.Exit(code) // not os.Exit: the race detector sleeps a second there
	}
	text := os.Getenv(driveVar)
	if text == "" {
		os.Exit(m.Run())
	}
	syscall.Exit(driveOrder(text))
}

func driveOrder(text string) int {
	var d driven
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		panic(err)
	}
	for _, s := range d.Plain {
		d.Secrets = append(d.Secrets, steps.NewSecret(s))
	}
	s, err := supervise.Seal(d.Order)
	if err != nil {
		panic(err)
	}
	fmt.Println("sealed", s.Key)
	p, err := new(supervise.Recorder).Start(s)
	if err != nil {
		fmt.Println("refused", strings.ReplaceAll(err.Error(), "\n", " "))
		return 1
	}
	fmt.Println("started")
	<-p.Done()
	return 0
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
	if line, err := launch(t, cmd, o, secrets...).ReadString('\n'); line != "started\n" {
		t.Fatalf("driver said %q, %v", line, err)
	}
	return cmd
}

// launch starts a driver and returns what it says once it has sealed its order.
func launch(t *testing.T, cmd *exec.Cmd, o supervise.Order, secrets ...string) *bufio.Reader {
	t.Helper()
	o.Secrets = nil
	text, err := json.Marshal(driven{o, secrets})
	if err != nil {
		t.Fatal(err)
	}
	cmd.Env = append(os.Environ(), driveVar+"="+string(text))
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	out := bufio.NewReader(pipe)
	line, err := out.ReadString('\n')
	key, ok := strings.CutPrefix(strings.TrimSpace(line), "sealed ")
	if !ok && err == nil {
		t.Fatalf("driver said %q", line)
	}
	keys.Store(o.Files, key) // none, if it was killed before
	return out
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
	if s := classify(o); s.Class != supervise.Running || gone(pid) {
		t.Errorf("driver killed: %+v, command gone %v", s, gone(pid))
	}
	again, err := supervise.Seal(o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := recorder(t).Start(again); !errors.Is(err, supervise.ErrStarted) {
		t.Errorf("the same intent was started twice: %v", err)
	}
	if err := os.WriteFile(filepath.Join(o.Dir, "go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	await(t, "the command's end", func() bool { return gone(pid) })
	if data, err := os.ReadFile(filepath.Join(o.Dir, "end")); string(data) != "finished\n" {
		t.Errorf("the command did not finish: %q, %v", data, err)
	}
	key, _ := keys.Load(o.Files)
	if end := supervise.Attach(o.Files, key.(string)).End(); end.Class != supervise.Exited || end.Outcome.Exit != 5 {
		t.Errorf("after the end: %+v", end)
	}
}
