package journal

import (
	"time"

	"golang.org/x/sys/unix"
)

// boottime is time since boot, suspended time included; it never jumps.
func boottime() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		return time.Since(processStart)
	}
	return time.Duration(ts.Nano())
}

// countsSuspended: boottime goes on while the machine sleeps, as the wall clock does.
const countsSuspended = true
