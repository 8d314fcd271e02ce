package durable

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"syscall"
)

// ErrLocked says that somebody else holds the lock.
var ErrLocked = errors.New("locked")

// Lock is a held lock file. It goes with the process, however that ends; the
// file stays, since a name that comes and goes can be locked twice.
type Lock struct{ f *os.File }

// maxHolder caps the holder's line, in bytes.
const maxHolder = 512

// TryLock makes the file at path if need be (0600) and takes its write lock,
// without waiting. Errors: ErrLocked if another open of it has the lock, also
// within this process; on Linux a network file system is refused, where locks
// may not hold.
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

// Describe replaces the one line of text that tells others who holds the lock.
func (l *Lock) Describe(text string) error {
	line := strings.Join(strings.Fields(text), " ")
	if len(line) > maxHolder {
		line = strings.ToValidUTF8(line[:maxHolder-2], "")
	}
	if err := l.f.Truncate(0); err != nil {
		return err
	}
	_, err := l.f.WriteAt([]byte(line+"\n"), 0)
	return err
}

// Unlock clears the description and gives the lock back. Closing alone would
// leave it with a child that another goroutine is just starting: between fork
// and exec that child has the file too.
func (l *Lock) Unlock() error {
	return errors.Join(l.f.Truncate(0), unlock(l.f), l.f.Close())
}

// Locked reports whether somebody holds the lock at path. It creates nothing,
// and on Linux takes nothing, so it can't make another's TryLock fail. A
// missing file is not locked.
func Locked(path string) (bool, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW, 0)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	held, err := locked(f)
	return held, errors.Join(err, f.Close())
}

// Holder returns what the holder of the lock at path says about itself, empty
// if nothing. It is outside text: a holder may write what it likes.
func Holder(path string) string {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return ""
	}
	buf := make([]byte, maxHolder)
	n, _ := f.ReadAt(buf, 0) // a short file ends in io.EOF
	if err := f.Close(); err != nil {
		return ""
	}
	line, _, _ := bytes.Cut(buf[:n], []byte("\n"))
	return string(line)
}
