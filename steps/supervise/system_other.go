//go:build !linux

package supervise

import (
	"errors"
	"net"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

const noSignal, cmsgCloexec = 0, 0

func within(dir *os.File) string { return dir.Name() }

// going is held while the process is in the directory of an execution.
var going sync.Mutex

// listenIn listens in an open directory, from within: there is no other short
// way. For a moment who shares the directory could connect.
func listenIn(dir *os.File, name string) (*net.UnixListener, error) {
	going.Lock()
	defer going.Unlock()
	if err := unix.Fchdir(int(dir.Fd())); err != nil {
		return nil, os.NewSyscallError("fchdir", err)
	}
	listen, err := net.ListenUnix("unix", &net.UnixAddr{Name: name, Net: "unix"})
	if err != nil {
		return nil, err
	}
	if err := errors.Join(os.Chmod(name, 0o600), os.Chdir("/")); err != nil {
		return nil, errors.Join(err, listen.Close())
	}
	return listen, nil
}

func self(name string) string { return name }

// unblockSignals does nothing: there is no call for it here.
func unblockSignals() error { return nil }
