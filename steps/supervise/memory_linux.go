package supervise

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// memory is a file that takes a command's output where no disk is: no write to
// it fails, and it goes with the last who has it open.
func memory() (*os.File, error) {
	fd, err := unix.MemfdCreate("runbook-output", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("memfd_create", err)
	}
	f := os.NewFile(uintptr(fd), "output")
	if _, err := unix.FcntlInt(f.Fd(), unix.F_SETFL, unix.O_RDWR|unix.O_APPEND); err != nil {
		return nil, errors.Join(os.NewSyscallError("fcntl", err), f.Close())
	}
	return f, nil
}

// punch gives back the room of a piece of a file. Its size stays.
func punch(f *os.File, off, n int64) error {
	return unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, off, n)
}
