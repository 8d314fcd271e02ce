//go:build !linux

package supervise

import "os"

const noSignal, cmsgCloexec = 0, 0

func within(dir *os.File) string { return dir.Name() }

func self(name string) string { return name }

// unblockSignals does nothing: there is no call for it here.
func unblockSignals() error { return nil }
