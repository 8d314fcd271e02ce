package durable

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// Open file description locks: unlike flock they can be asked about without
// being taken, and unlike process locks closing another descriptor of the file
// does not drop them.
func wholeFile(kind int16) *unix.Flock_t {
	return &unix.Flock_t{Type: kind, Whence: io.SeekStart}
}

func tryLock(f *os.File) error {
	if err := localOnly(f); err != nil {
		return err
	}
	err := unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, wholeFile(unix.F_WRLCK))
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EACCES) {
		return ErrLocked
	}
	return os.NewSyscallError("fcntl", err)
}

func unlock(f *os.File) error {
	return os.NewSyscallError("fcntl", unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, wholeFile(unix.F_UNLCK)))
}

func locked(f *os.File) (bool, error) {
	lk := wholeFile(unix.F_WRLCK)
	if err := unix.FcntlFlock(f.Fd(), unix.F_OFD_GETLK, lk); err != nil {
		return false, os.NewSyscallError("fcntl", err)
	}
	return lk.Type != unix.F_UNLCK, nil
}

// lockedUnread asks the kernel's list of locks, which everybody may read, about
// a file that this account may not open: whoever can open it could also lock
// it, and keep its holder from it.
func lockedUnread(path string) (bool, error) {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return false, &os.PathError{Op: "lstat", Path: path, Err: err}
	}
	list, err := os.ReadFile("/proc/locks")
	if err != nil {
		return false, err
	}
	return listed(string(list), &st), nil
}

// listed reports whether the list holds a write lock on the file. A file system
// whose device has no major number (btrfs, overlayfs) may give stat another
// device than stands in the list: btrfs one for each subvolume. There the inode
// decides. It may be another file's; but taken for held, a run is left alone,
// and taken for free, two would drive it.
func listed(list string, st *unix.Stat_t) bool {
	for line := range strings.Lines(list) {
		// 1: OFDLCK ADVISORY  WRITE -1 fe:00:9977878 0 EOF; who waits has an arrow behind the number
		f := strings.Fields(line)
		if len(f) != 8 || f[1] != "OFDLCK" || f[3] != "WRITE" {
			continue
		}
		var major, minor uint32
		var inode uint64
		_, err := fmt.Sscanf(f[5], "%x:%x:%d", &major, &minor, &inode)
		if err != nil || inode != st.Ino {
			continue
		}
		if unix.Major(st.Dev) == 0 || major == unix.Major(st.Dev) && minor == unix.Minor(st.Dev) {
			return true
		}
	}
	return false
}
