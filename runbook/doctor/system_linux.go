package doctor

import (
	"os"

	"golang.org/x/sys/unix"

	"runbook/steps"
)

// system looks at what Linux has since 5.3: a hold on a process that no other
// process can slip into.
func system(what, release string) []Finding {
	fd, err := unix.PidfdOpen(os.Getpid(), 0)
	if err == nil {
		err = unix.Close(fd)
	}
	if err != nil {
		return one(steps.Warn, what, release+": a frozen driver can't be ended safely: pidfd_open: "+err.Error(), "5.3 or newer",
			"update the kernel, or allow pidfd_open in the container's seccomp profile")
	}
	return one(steps.Pass, what, release, "5.3 or newer", "")
}

// synchronised asks the kernel what keeps the clock.
func synchronised(what, now string) []Finding {
	var t unix.Timex
	state, err := unix.Adjtimex(&t)
	switch {
	case err != nil:
		return one(steps.Unknown, what, now+"; whether something keeps it right: adjtimex: "+err.Error(), "", "")
	case state == unix.TIME_ERROR || t.Status&unix.STA_UNSYNC != 0:
		return one(steps.Warn, what, now+", and nothing keeps it right", "", "timedatectl set-ntp true, or start chronyd")
	}
	return pass(what, now+", synchronised, at most "+milliseconds(t.Maxerror)+" off")
}
