package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// childLook makes this test binary take one look at the host as it finds it,
// from where its parent has put it.
const childLook = "RUNBOOK_DOCTOR_TEST_LOOK"

func TestMain(m *testing.M) {
	if what := os.Getenv(childLook); what != "" {
		if err := child(what); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(3)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func child(what string) error {
	h := Host{Root: "/", UID: os.Geteuid(), Getenv: os.Getenv}
	what, without, _ := strings.Cut(what, " without ")
	if call, ok := map[string]uint32{"memfd_create": unix.SYS_MEMFD_CREATE, "pidfd_open": unix.SYS_PIDFD_OPEN}[without]; ok {
		if err := forbid(call); err != nil {
			return err
		}
	}
	look := map[string]func(context.Context) []Finding{"limits": h.limits, "/proc": h.proc, "kernel": kernel, "process 1": h.asFirst}[what]
	return json.NewEncoder(os.Stdout).Encode(look(context.Background()))
}

// forbid has every later call of that number fail in this process.
func forbid(call uint32) error {
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS}, // the number
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: call, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	at := uintptr(unsafe.Pointer(&program)) //nolint:gosec // the kernel reads it in this call
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, at)
	runtime.KeepAlive(&program)
	if errno != 0 {
		return errno
	}
	return nil
}

// asFirst looks twice at ourselves as process 1: in between a child leaves us
// an orphan, which ends when its input does.
func (h Host) asFirst(ctx context.Context) []Finding {
	before := h.first(ctx)
	read, write, err := os.Pipe()
	if err != nil {
		return nil
	}
	parent := exec.CommandContext(ctx, "sh", "-c", "cat <&3 >/dev/null 3<&- &")
	parent.ExtraFiles = []*os.File{read}
	if errors.Join(parent.Run(), write.Close()) != nil {
		return nil
	}
	for len(h.ended()) == 0 { // the limit of the whole test ends this
	}
	return append(before, h.first(ctx)...)
}

// lookAs takes a look in a child that argv starts, which ends in our binary.
func lookAs(t *testing.T, what string, argv ...string) []Finding {
	t.Helper()
	argv = append(argv, self(t))
	cmd := exec.CommandContext(t.Context(), argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), childLook+"="+what)
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		t.Fatalf("%v: %v\n%s", argv, err, exit.Stderr)
	}
	if err != nil {
		t.Fatal(err)
	}
	var found []Finding
	if err := json.Unmarshal(out, &found); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return found
}

// self is this test binary, where every account can read it.
func self(t *testing.T) string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "doctor-")
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	copied := filepath.Join(dir, "doctor.test")
	command(t, nil, "cp", exe, copied) // not by us: a child forked meanwhile would hold it open, and it could not start
	command(t, nil, "chmod", "755", copied)
	return copied
}
