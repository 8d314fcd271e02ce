package cluster

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// EndOrphan ends the server of a directory whose owner died: the process
// postmaster.pid names, if it still holds that data directory. Nothing to end
// is no error.
func EndOrphan(dir string) error {
	data := filepath.Join(dir, "data")
	raw, err := os.ReadFile(filepath.Join(data, "postmaster.pid"))
	if err != nil {
		return nil //nolint:nilerr // it removed its own file, or never started
	}
	lines := strings.Split(string(raw), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(lines[0]))
	if err != nil || pid <= 1 || len(lines) < 2 || lines[1] != data || !serves(pid, data) {
		return nil //nolint:nilerr // a pid that is somebody else's is left alone
	}
	for _, sig := range []syscall.Signal{syscall.SIGQUIT, syscall.SIGKILL} {
		if err := syscall.Kill(pid, sig); err != nil {
			return nil //nolint:nilerr // it is gone
		}
		for range 200 {
			if !serves(pid, data) {
				return nil
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
	return fmt.Errorf("end the orphaned PostgreSQL %d of %s: it does not die", pid, dir)
}

// serves reports whether pid runs on that data directory: a postmaster's
// working directory is its data. Where that can't be seen, the command line
// has to name it.
func serves(pid int, data string) bool {
	proc := filepath.Join("/proc", strconv.Itoa(pid))
	if cwd, err := os.Readlink(filepath.Join(proc, "cwd")); err == nil {
		return strings.TrimSuffix(cwd, " (deleted)") == data
	}
	line, err := os.ReadFile(filepath.Join(proc, "cmdline"))
	return err == nil && strings.Contains(string(line), "\x00"+data+"\x00")
}
