package supervise

import (
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// folder is the directory of one execution, held open: a supervisor is given
// no path, so nobody can put another directory in its place.
type folder struct{ f *os.File }

func (d folder) open(name string, flags int) (*os.File, error) {
	for {
		fd, err := unix.Openat(int(d.f.Fd()), name, flags|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0o600)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return nil, &os.PathError{Op: "open", Path: name, Err: err}
		}
		return os.NewFile(uintptr(fd), name), nil
	}
}

func (d folder) read(name string) ([]byte, error) {
	f, err := d.open(name, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(f)
	return data, errors.Join(err, f.Close())
}

func (d folder) remove(name string) error {
	err := unix.Unlinkat(int(d.f.Fd()), name, 0)
	if err == nil || errors.Is(err, unix.ENOENT) {
		return nil
	}
	return &os.PathError{Op: "remove", Path: name, Err: err}
}

// removeEmpty removes f if nothing is in it: that tells nobody anything.
func (d folder) removeEmpty(name string, f *os.File) {
	if info, err := f.Stat(); err == nil && info.Size() == 0 {
		_ = d.remove(name)
	}
}

// write replaces what is in a file, in one piece if it was as long before. It
// need not survive a power cut.
func (d folder) write(name string, data []byte) error {
	f, err := d.open(name, os.O_CREATE|os.O_WRONLY)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}
