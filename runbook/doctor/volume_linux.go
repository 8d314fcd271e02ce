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
	return volume{
		free: fs.Bavail * uint64(fs.Bsize), inodes: fs.Ffree, counted: fs.Files > 0, //nolint:gosec // sizes of a file system
		noexec: fs.Flags&unix.ST_NOEXEC != 0,
	}, nil
}

// nameless makes a file without a name; errors.ErrUnsupported where the file
// system has none.
func nameless(dir string) (*os.File, error) {
	f, err := os.OpenFile(dir, unix.O_TMPFILE|os.O_RDWR, 0o600)
	if errors.Is(err, unix.EISDIR) { // a kernel that does not know the flag
		err = errors.ErrUnsupported
	}
	return f, err
}
