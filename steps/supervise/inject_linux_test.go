package supervise_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"runbook/steps/supervise"
)

// The words by which the test binary becomes a recorder or a supervisor; the
// third is the driver's, which is traced from the outside.
const (
	aRecorder   = "_record"
	aSupervisor = "_supervise"
	aDriver     = "driver"
)

func init() { beforeMain = report }

// report lets a rig know that a process of it lives, and has a recorder or a
// supervisor wait for strace, if there is a fifo with its name beside the test
// binary. What a recorder has to say of races goes to a file there.
func report(args []string) {
	self, err := os.Executable()
	if err != nil {
		return
	}
	if fd, err := syscall.Open(self+".lives", syscall.O_WRONLY|syscall.O_NONBLOCK, 0); err == nil && len(args) == 1 {
		syscall.CloseOnExec(fd) // a driver's goes on to its recorder
	}
	if len(args) != 1 || !strings.HasPrefix(args[0], "_") {
		return
	}
	if fifo, err := os.OpenFile(filepath.Join(filepath.Dir(self), args[0]), os.O_WRONLY, 0); err == nil {
		_, _ = fmt.Fprintln(fifo, os.Getpid())
		_ = fifo.Close()
		for traced := false; !traced; time.Sleep(time.Millisecond) {
			status, err := os.ReadFile("/proc/self/status")
			traced = err != nil || !strings.Contains(string(status), "TracerPid:\t0\n")
		}
	}
	if log, err := os.OpenFile(self+".log", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600); err == nil && args[0] == aRecorder {
		_ = syscall.Dup3(int(log.Fd()), 2, 0) // a race is then not told
	}
}

// rig is a copy of the test binary in a directory of its own: its processes
// are found by that name.
type rig struct {
	dir   string
	self  string
	lives *os.File // its processes have the other end
}

func newRig(t *testing.T) rig {
	t.Helper()
	r := rig{dir: t.TempDir()}
	r.self = filepath.Join(r.dir, "driver")
	if err := os.Link(self(t), r.self); err != nil {
		data, readErr := os.ReadFile(self(t))
		if err := errors.Join(readErr, os.WriteFile(r.self, data, 0o700)); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(r.self+".lives", 0o600); err != nil {
		t.Fatal(err)
	}
	var err error
	if r.lives, err = os.OpenFile(r.self+".lives", os.O_RDONLY|syscall.O_NONBLOCK, 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = r.lives.Close()
		for _, pid := range r.processes("") {
			t.Errorf("process %d is left", pid)
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		if data, err := os.ReadFile(r.self + ".log"); err == nil && len(data) > 0 {
			t.Errorf("a recorder said %s", data)
		}
	})
	return r
}

// processes are the pids of the rig with this word, all if it is empty.
func (r rig) processes(word string) (pids []int) {
	all, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, path := range all {
		data, err := os.ReadFile(path)
		argv := strings.Split(strings.TrimSuffix(string(data), "\x00"), "\x00")
		if err != nil || argv[0] != r.self || word != "" && (len(argv) != 2 || argv[1] != word) {
			continue
		}
		if pid, err := strconv.Atoi(strings.Split(path, "/")[2]); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// inject makes strace do something to the processes of a word, at a system
// call: call:what:when=N as strace has it, N counted for each thread. It lets
// go of a process that executes another program.
func (r rig) inject(t *testing.T, word, inject string) (driver *exec.Cmd) {
	t.Helper()
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("no strace to make system calls fail")
	}
	call, _, _ := strings.Cut(inject, ":")
	argv := []string{"-f", "-qq", "-b", "execve", "-A", "-o", r.trace(word), "-e", "trace=" + call, "-e", "inject=" + inject}
	if word == aDriver {
		return exec.CommandContext(t.Context(), strace, append(argv, r.self)...)
	}
	path := filepath.Join(r.dir, word)
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	fifo, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		var tracers sync.WaitGroup
		for pids := bufio.NewScanner(fifo); pids.Scan(); {
			tracer := exec.CommandContext(t.Context(), strace, append(argv, "-p", pids.Text())...)
			tracers.Go(func() { _ = tracer.Run() }) // what it did the trace tells
		}
		tracers.Wait()
	}()
	t.Cleanup(func() {
		_ = fifo.Close()
		<-done
	})
	return exec.CommandContext(t.Context(), r.self)
}

func (r rig) trace(word string) string { return filepath.Join(r.dir, word+".trace") }

// traced is what strace wrote of the processes of a word, once they are gone.
func (r rig) traced(t *testing.T, word string) string {
	t.Helper()
	data, err := os.ReadFile(r.trace(word))
	if err != nil {
		return "" // none came so far
	}
	return string(data)
}

// idle waits until all processes of the rig have ended.
func (r rig) idle(t *testing.T) {
	t.Helper()
	await(t, "the end of all processes", func() bool {
		// A look at all processes takes long: it comes when nobody has the fifo open
		// any more, or not yet.
		_, _ = unix.Poll([]unix.PollFd{{Fd: int32(r.lives.Fd())}}, 50)
		return len(r.processes("")) == 0
	})
}

// quick is a command that says when it is executed, and ends with 42.
const quick = `echo once >>ran; echo "first s3cret-Canary"; echo "last s3cret-Canary"; exit 42`

// ran is how often quick was executed.
func ran(t *testing.T, o supervise.Order) int {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(o.Dir, "ran"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return bytes.Count(data, []byte("\n"))
}

// settled drives quick while strace injects, waits until all is over, and
// returns what the driver said.
func (r rig) settled(t *testing.T, word, inject string, o supervise.Order) (said string) {
	t.Helper()
	cmd := r.inject(t, word, inject)
	said = r.drive(t, cmd, o)
	r.idle(t)
	return said
}

func (r rig) drive(t *testing.T, cmd *exec.Cmd, o supervise.Order) (said string) {
	t.Helper()
	out := launch(t, cmd, o, "s3cret-Canary")
	data, err := io.ReadAll(out)
	if err != nil {
		t.Error(err)
	}
	_ = cmd.Wait() // a driver that was refused says so
	return strings.TrimSpace(string(data))
}

// wantTruth holds what the directory of quick says, all processes being gone,
// against what happened: once it was executed its real exit code is known, and
// all of its output.
func wantTruth(t *testing.T, what string, o supervise.Order, said string) {
	t.Helper()
	s, times := classify(o), ran(t, o)
	real := s.Class == supervise.Exited && s.Outcome.Exit == 42 && s.Outcome.Unseen == "" && s.Outcome.Err == ""
	switch {
	case times > 1:
		t.Errorf("%s: executed %d times", what, times)
	case times == 1 && (!real || said != "started"):
		t.Errorf("%s: executed, driver said %q, %+v", what, said, s)
	case times == 0 && s.Class == supervise.Exited && s.Outcome.Signal == "SIGKILL" && s.Outcome.Source == "supervisor":
		// Killed were not the supervisor but what it had forked, before it executed anything.
	case times == 0 && (s.Class.Alive() || s.Class == supervise.Exited && s.Outcome.Unseen == "" && s.Outcome.Err == ""):
		t.Errorf("%s: never executed, driver said %q, %+v", what, said, s)
	case times == 0 && said != "started" && s.Class != supervise.NeverStarted:
		t.Errorf("%s: refused with %q, %+v", what, said, s)
	case times == 1 && s.Outcome.Warn == "" && output(t, o) != "first [redacted]\nlast [redacted]\n":
		t.Errorf("%s: output %q", what, output(t, o))
	}
	if raw, err := os.Lstat(filepath.Join(o.Files, "out")); err == nil && (real || raw.Size() > 0) {
		t.Errorf("%s: raw output is left", what)
	}
}
