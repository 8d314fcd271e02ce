//go:build !linux

package cluster

import "syscall"

// dieWithParent has no counterpart here: an orphan is found by its
// postmaster.pid.
func dieWithParent(*syscall.SysProcAttr) {}
