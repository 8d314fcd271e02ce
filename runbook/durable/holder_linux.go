package durable

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// bootID names this boot of the machine; empty if it can't be told.
func bootID() string {
	data, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(data))
}

// startOf reads when a process began, unless it has ended.
func startOf(pid int) (string, bool) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	f := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:])) // from field 3, the state: a name may hold anything
	if err != nil || len(f) < 20 || f[0] == "Z" || f[0] == "X" {
		return "", false
	}
	return f[19], true
}

// Evict ends the process that holds the lock at path, with SIGKILL: it goes by
// a pidfd, and only to exactly the process that h names, if that runs as this
// account and holds the lock. It does not wait for its end.
func Evict(path string, h Holder) error {
	fd, err := unix.PidfdOpen(h.PID, 0)
	if err != nil {
		return fmt.Errorf("end pid %d: %w", h.PID, os.NewSyscallError("pidfd_open", err))
	}
	defer func() { _ = unix.Close(fd) }() // nothing is lost with it
	if err := evictable(path, h); err != nil {
		return fmt.Errorf("end pid %d: %w", h.PID, err)
	}
	return os.NewSyscallError("pidfd_send_signal", unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0))
}

// evictable holds what a lock's line says against what the system knows. The
// pidfd is open by now: a process that is the right one here is that of the fd.
func evictable(path string, h Holder) error {
	if !h.Alive() || h.PID == os.Getpid() {
		return errors.New("it is no longer the process that took the lock")
	}
	var st unix.Stat_t
	if err := unix.Stat(fmt.Sprintf("/proc/%d/task", h.PID), &st); err != nil {
		return err
	}
	if uid := int(st.Uid); uid != os.Geteuid() && uid != 0 { // of one that may not be dumped it is root's
		return fmt.Errorf("it runs as uid %d, not as you", uid)
	}
	if now, err := HolderOf(path); err != nil || now.Process != h.Process {
		return errors.New("somebody else took the lock since")
	}
	if held, err := Locked(path); err != nil || !held {
		return errors.Join(errors.New("nobody holds the lock"), err)
	}
	if holds, known := holdsLock(h.PID, path); known && !holds {
		return errors.New("it does not hold the lock that it says it holds")
	}
	return nil
}

// holdsLock looks for the lock among a process's open files. A process that
// may not be dumped does not show them.
func holdsLock(pid int, path string) (holds, known bool) {
	var want unix.Stat_t
	fds, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	if err != nil || len(fds) == 0 || unix.Lstat(path, &want) != nil {
		return false, false
	}
	for _, fd := range fds {
		var st unix.Stat_t
		if unix.Stat(fd, &st) != nil || st.Dev != want.Dev || st.Ino != want.Ino {
			continue
		}
		info, err := os.ReadFile(fmt.Sprintf("/proc/%d/fdinfo/%s", pid, filepath.Base(fd)))
		if err == nil && bytes.Contains(info, []byte("OFDLCK")) && bytes.Contains(info, []byte(":"+strconv.FormatUint(want.Ino, 10)+" ")) {
			return true, true
		}
	}
	return false, true
}
