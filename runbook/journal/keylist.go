package journal

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
)

// maxKeyList caps what is read of a list of keys, in bytes.
const maxKeyList = 16 << 20

// readKeyList reads a file of keys that count, or count no more: a regular one,
// also behind a link, or /dev/null. A FIFO may never answer, a device never end.
func readKeyList(file string) (b []byte, err error) {
	f, err := os.OpenFile(file, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if none, err := os.Stat(os.DevNull); !info.Mode().IsRegular() && (err != nil || !os.SameFile(info, none)) {
		return nil, fmt.Errorf("%s: neither a regular file nor %s", file, os.DevNull)
	}
	if b, err = io.ReadAll(io.LimitReader(f, maxKeyList+1)); err == nil && len(b) > maxKeyList {
		err = fmt.Errorf("%s: more than %d MiB", file, maxKeyList>>20)
	}
	return b, err
}
