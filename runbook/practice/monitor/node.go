package monitor

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// memory is what the world's machine has, in bytes.
const memory = 8 << 30

// Node gives the figures of the world's machine as its exporter would: its
// processors, each alike, and its memory are used by this process alone, so that
// a busy computer does not fail a rehearsal. dir lies on the file system that
// counts.
func Node(dir string) Source {
	began := time.Now()
	userAtFirst, systemAtFirst := used()
	// A counter never goes back: what fell would be taken for a restart.
	idle := 0.0
	return func(_ context.Context, at time.Time) (string, error) {
		var b strings.Builder
		line := func(format string, args ...any) { _, _ = fmt.Fprintf(&b, format+"\n", args...) }
		var fs syscall.Statfs_t
		if err := syscall.Statfs(dir, &fs); err != nil {
			return "", err
		}
		// Without what is kept for root, as df counts: what nobody here can fill is
		// not full.
		line(`node_filesystem_size_bytes{mountpoint="/"} %d`, (fs.Blocks-fs.Bfree+fs.Bavail)*uint64(fs.Bsize)) // #nosec G115 -- positive
		line(`node_filesystem_avail_bytes{mountpoint="/"} %d`, fs.Bavail*uint64(fs.Bsize))                     // #nosec G115 -- positive
		line(`node_filesystem_files{mountpoint="/"} %d`, fs.Files)
		line(`node_filesystem_files_free{mountpoint="/"} %d`, fs.Ffree)
		line("node_memory_MemTotal_bytes %d\nnode_memory_MemAvailable_bytes %d", int64(memory), memory-resident())
		user, system := used()
		each := float64(runtime.NumCPU())
		user, system = (user-userAtFirst)/each, (system-systemAtFirst)/each
		idle = max(idle, at.Sub(began).Seconds()-user-system)
		for cpu := range runtime.NumCPU() {
			line(`node_cpu_seconds_total{cpu="%d",mode="user"} %g`, cpu, user)
			line(`node_cpu_seconds_total{cpu="%d",mode="system"} %g`, cpu, system)
			line(`node_cpu_seconds_total{cpu="%d",mode="idle"} %g`, cpu, idle)
		}
		return b.String(), nil
	}
}

// used is the time that this process took of the processors, in seconds.
func used() (user, system float64) {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0, 0 // it does not fail for oneself
	}
	return time.Duration(u.Utime.Nano()).Seconds(), time.Duration(u.Stime.Nano()).Seconds()
}

// resident is the memory of this process in bytes, 0 where nothing tells.
func resident() int64 {
	if f := strings.Fields(read("/proc/self/statm")); len(f) > 1 {
		if pages, err := strconv.ParseInt(f[1], 10, 40); err == nil {
			return pages * int64(os.Getpagesize())
		}
	}
	return 0
}

func read(file string) string {
	text, err := os.ReadFile(file) // #nosec G304 -- of /proc
	if err != nil {
		return ""
	}
	return string(text)
}
