package durable

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// ErrLocked says that somebody else holds the lock.
var ErrLocked = errors.New("locked")

// Lock is a held lock file. It goes with the process, however that ends; the
// file stays, since a name that comes and goes can be locked twice.
type Lock struct{ f *os.File }

// TryLock makes the file at path if need be (0600) and takes its write lock,
// without waiting. Errors: ErrLocked if another open of it has the lock, also
// within this process; a network file system is refused, where locks may not
// hold.
func TryLock(path string) (*Lock, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	if err := tryLock(f); err != nil {
		return nil, errors.Join(&os.PathError{Op: "lock", Path: path, Err: err}, f.Close())
	}
	return &Lock{f: f}, nil
}

// LockFile takes the write lock of an open file, without waiting, for as long
// as anybody has this opening of it: also a process that inherited it. Errors
// are those of TryLock.
func LockFile(f *os.File) error { return tryLock(f) }

func onNetwork(kind string) error {
	return fmt.Errorf("on a network file system (%s), where locks may not hold: use a local directory (RUNBOOK_HOME)", kind)
}

// Unlock clears the description and gives the lock back. Closing alone would
// leave it with a child that another goroutine is just starting: between fork
// and exec that child has the file too.
func (l *Lock) Unlock() error {
	return errors.Join(l.clear(), unlock(l.f), l.f.Close())
}

// Locked reports whether somebody holds the lock at path. It creates nothing,
// and on Linux takes nothing, so it can't make another's TryLock fail; there it
// also tells who may not read the file. A missing file is not locked.
func Locked(path string) (bool, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW, 0)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return false, nil
	case errors.Is(err, os.ErrPermission):
		return lockedUnread(path)
	case err != nil:
		return false, err
	}
	held, err := locked(f)
	return held, errors.Join(err, f.Close())
}
