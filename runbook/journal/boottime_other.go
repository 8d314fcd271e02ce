//go:build !linux

package journal

import "time"

// boottime is time since the program began, for want of a better clock.
func boottime() time.Duration { return time.Since(processStart) }

// countsSuspended: boottime goes on while the machine sleeps, as the wall clock does.
const countsSuspended = false
