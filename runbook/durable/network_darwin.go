package durable

import (
	"os"

	"golang.org/x/sys/unix"
)

// localOnly refuses a file on a network file system, where another host may get
// the same lock. What macFUSE mounts counts as local if it was mounted so.
func localOnly(f *os.File) error {
	var fs unix.Statfs_t
	if err := unix.Fstatfs(int(f.Fd()), &fs); err != nil {
		return os.NewSyscallError("fstatfs", err)
	}
	if fs.Flags&unix.MNT_LOCAL == 0 {
		return onNetwork(unix.ByteSliceToString(fs.Fstypename[:]))
	}
	return nil
}
