package supervise

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

const (
	noSignal    = unix.MSG_NOSIGNAL
	cmsgCloexec = unix.MSG_CMSG_CLOEXEC
)

// within is a short way into an open directory: the path of a socket holds 107
// bytes.
func within(dir *os.File) string { return "/proc/self/fd/" + strconv.Itoa(int(dir.Fd())) }

// self is this very program, also after its file was replaced or removed.
func self(string) string { return "/proc/self/exe" }

// unblockSignals lets all signals through to this thread.
func unblockSignals() error {
	return os.NewSyscallError("sigmask", unix.PthreadSigmask(unix.SIG_SETMASK, &unix.Sigset_t{}, nil))
}
