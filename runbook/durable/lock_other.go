//go:build !linux

package durable

import (
	"errors"
	"os"
	"syscall"
)

func tryLock(f *os.File) error {
	if err := localOnly(f); err != nil {
		return err
	}
	return flock(f)
}

func flock(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return ErrLocked
	}
	return os.NewSyscallError("flock", err)
}

func unlock(f *os.File) error {
	return os.NewSyscallError("flock", syscall.Flock(int(f.Fd()), syscall.LOCK_UN))
}

// locked has to try: this system has no way to ask. Closing f gives it back.
func locked(f *os.File) (bool, error) {
	err := flock(f)
	return errors.Is(err, ErrLocked), ignoreLocked(err)
}

func ignoreLocked(err error) error {
	if errors.Is(err, ErrLocked) {
		return nil
	}
	return err
}

// lockedUnread can't tell here.
func lockedUnread(path string) (bool, error) {
	return false, &os.PathError{Op: "open", Path: path, Err: os.ErrPermission}
}
