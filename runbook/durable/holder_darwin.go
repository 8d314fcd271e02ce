package durable

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// bootID names this boot of the machine; empty if it can't be told.
func bootID() string {
	id, err := unix.Sysctl("kern.bootsessionuuid")
	if err != nil {
		return ""
	}
	return id
}

// zombie is a process that has ended, in the states of sys/proc.h.
const zombie = 5

// startOf reads when a process began, unless it has ended.
func startOf(pid int) (string, bool) {
	k, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
	if err != nil || int(k.Proc.P_pid) != pid || k.Proc.P_stat == zombie {
		return "", false
	}
	return fmt.Sprintf("%d.%06d", k.Proc.P_starttime.Sec, k.Proc.P_starttime.Usec), true
}

// Evict ends nobody here: between a look at a process and a signal to its pid
// another may have got that pid.
func Evict(_ string, h Holder) error {
	return fmt.Errorf("end pid %d: this system has no signal that can reach only that process: end it yourself (kill %d)", h.PID, h.PID)
}
