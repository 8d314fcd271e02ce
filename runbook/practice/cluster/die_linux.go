package cluster

import (
	"runtime"
	"syscall"
)

// dieWithParent has the kernel send SIGQUIT (an immediate shutdown) when the
// thread that starts the server ends, so the caller's goroutine keeps it.
func dieWithParent(attr *syscall.SysProcAttr) {
	runtime.LockOSThread()
	attr.Pdeathsig = syscall.SIGQUIT
}
