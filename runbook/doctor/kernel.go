package doctor

import (
	"context"

	"golang.org/x/sys/unix"

	"runbook/steps"
	"runbook/steps/supervise"
)

// kernel looks at what a command's supervision asks of the system, by trying
// it: a container may forbid what the kernel knows.
func kernel(context.Context) []Finding {
	const what = "kernel"
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return one(steps.Unknown, what, "uname: "+err.Error(), "", "")
	}
	release := unix.ByteSliceToString(name.Sysname[:]) + " " + unix.ByteSliceToString(name.Release[:])
	sealed, err := supervise.Seal(supervise.Order{Argv: []string{"true"}, Path: "/bin/true", Dir: "/"})
	if err == nil {
		err = sealed.Close()
	}
	if err != nil {
		return one(steps.Fail, what, release+" lets nobody start a command: "+err.Error(), "a sealed memfd",
			"allow memfd_create: sysctl vm.memfd_noexec below 2, or the container's seccomp profile")
	}
	return system(what, release)
}
