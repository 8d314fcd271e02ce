package supervise

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	noSignal    = unix.MSG_NOSIGNAL
	cmsgCloexec = unix.MSG_CMSG_CLOEXEC
)

// within is a short way into an open directory: the path of a socket holds 107
// bytes.
func within(dir *os.File) string { return "/proc/self/fd/" + strconv.Itoa(int(dir.Fd())) }

// listenIn listens in an open directory, without going there: who else works
// in this process would be moved, too. A socket is made with the mode that its
// descriptor has: at no time is it anybody else's.
func listenIn(dir *os.File, name string) (*net.UnixListener, error) {
	private := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var err error
		failed := c.Control(func(fd uintptr) { err = unix.Fchmod(int(fd), 0o600) })
		return errors.Join(failed, os.NewSyscallError("fchmod", err))
	}}
	listen, err := private.Listen(context.Background(), "unix", filepath.Join(within(dir), name)) // it answers at once
	unixListen, _ := listen.(*net.UnixListener)                                                   // of this network it is one
	return unixListen, err
}

// self is this very program, also after its file was replaced or removed.
func self(string) string { return "/proc/self/exe" }

// unblockSignals lets all signals through to this thread.
func unblockSignals() error {
	return os.NewSyscallError("sigmask", unix.PthreadSigmask(unix.SIG_SETMASK, &unix.Sigset_t{}, nil))
}
