package durable

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// lockedChild is a process that holds the lock at path.
func lockedChild(t *testing.T, path string) *exec.Cmd {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), childLock+"="+path)
	if _, err := child.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	return child
}

// TestHolderIsOutsideText puts what nobody would write into the lock's line.
func TestHolderIsOutsideText(t *testing.T) {
	t.Parallel()
	good := `{"pid":4711,"start":"1","boot":"b","since":"2026-11-22T14:02:00Z","who":"ana"}`
	for _, line := range []string{
		"pid 4711", "{}", `{"pid":1,"start":"1","boot":"b","since":"2026-11-22T14:02:00Z","who":"init"}`,
		`{"pid":-1,"start":"1","boot":"b","since":"2026-11-22T14:02:00Z","who":"all"}`, good + good, good[:40],
		strings.Replace(good, `"who"`, `"also":1,"who"`, 1), strings.Replace(good, `"1"`, `""`, 1), "\x00\x00",
	} {
		path := filepath.Join(t.TempDir(), "lock")
		if err := os.WriteFile(path, []byte(line+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if h, err := HolderOf(path); err == nil {
			t.Errorf("%q is taken for %+v", line, h)
		}
	}
}

func TestEvict(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("no pidfd here")
	}
	path := filepath.Join(t.TempDir(), "lock")
	child := lockedChild(t, path)
	h, err := HolderOf(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Process.Signal(syscall.SIGSTOP); err != nil { // it can't leave by itself
		t.Fatal(err)
	}
	if err := Evict(path, h); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait()
	if status, ok := child.ProcessState.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGKILL {
		t.Errorf("the holder ended with %v", child.ProcessState)
	}
	l, err := TryLock(path)
	if err != nil {
		t.Fatalf("the lock went with its holder: %v", err)
	}
	if err := Evict(path, h); err == nil || h.Alive() {
		t.Errorf("ended a process that is no more: %v", err)
	}
	if err := l.Unlock(); err != nil {
		t.Fatal(err)
	}
}

// TestEvictSparesOthers hands Evict a process that lives and is not the one.
func TestEvictSparesOthers(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("no pidfd here")
	}
	dir := t.TempDir()
	path, other := filepath.Join(dir, "lock"), filepath.Join(dir, "other")
	holder, bystander := lockedChild(t, path), lockedChild(t, other)
	h, err := HolderOf(path)
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := HolderOf(other)
	if err != nil {
		t.Fatal(err)
	}
	line, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	says := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	otherStart, otherBoot := h, h
	otherStart.Start, otherBoot.Boot = "1", "another"
	for name, wrong := range map[string]Holder{"start time": otherStart, "boot": otherBoot, "process": stranger} {
		if err := Evict(path, wrong); err == nil {
			t.Errorf("ended a process of another %s", name)
		}
	}
	// The line names a process that lives, and does not hold the lock.
	strangers, err := os.ReadFile(other)
	if err != nil {
		t.Fatal(err)
	}
	says(string(strangers))
	if err := Evict(path, stranger); err == nil || !strings.Contains(err.Error(), "does not hold") {
		t.Errorf("ended a bystander that the line names: %v", err)
	}
	says(string(line))
	for _, child := range []*exec.Cmd{holder, bystander} {
		if err := child.Process.Signal(syscall.Signal(0)); err != nil {
			t.Errorf("somebody was hit: %v", err)
		}
	}
	// A lock that nobody holds any more evicts nobody.
	if err := holder.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = holder.Wait()
	if err := Evict(other, h); err == nil {
		t.Error("ended somebody for a lock that is not theirs")
	}
}
