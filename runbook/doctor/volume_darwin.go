package doctor

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// volume is the file system of a directory.
type volume struct {
	free, inodes uint64 // for us, in bytes and in files
	counted      bool   // it has a fixed number of files
	noexec       bool   // programs are not executed from it
}

func volumeOf(dir string) (volume, error) {
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		return volume{}, &os.PathError{Op: "statfs", Path: dir, Err: err}
	}
	return volume{free: fs.Bavail * uint64(fs.Bsize), inodes: fs.Ffree, counted: true, noexec: fs.Flags&unix.MNT_NOEXEC != 0}, nil
}

// nameless answers errors.ErrUnsupported: here every file has a name.
func nameless(string) (*os.File, error) { return nil, errors.ErrUnsupported }
