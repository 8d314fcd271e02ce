package web

import (
	"bytes"
	"os"
	"runtime"
	"strconv"
	"syscall"
	"time"
)

// CPUSeconds is what this process has used, of its user and the system.
func CPUSeconds() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return (time.Duration(u.Utime.Nano()) + time.Duration(u.Stime.Nano())).Seconds()
}

// ResidentBytes is the second field of /proc/self/statm; where there is no
// such file, what the runtime holds.
func ResidentBytes() uint64 {
	if raw, err := os.ReadFile("/proc/self/statm"); err == nil {
		if fields := bytes.Fields(raw); len(fields) > 1 {
			if pages, err := strconv.ParseUint(string(fields[1]), 10, 64); err == nil {
				return pages * uint64(os.Getpagesize()) // #nosec G115 -- a page size is positive
			}
		}
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.Sys
}

// MachineBytes is all memory of the machine; 8 GiB where that can't be seen.
func MachineBytes() uint64 {
	raw, err := os.ReadFile("/proc/meminfo")
	fields := bytes.Fields(raw)
	if err != nil || len(fields) < 2 {
		return 8 << 30
	}
	kib, err := strconv.ParseUint(string(fields[1]), 10, 54)
	if err != nil {
		return 8 << 30
	}
	return kib << 10
}
