package journal

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
)

// Reader reads a log along while its driver writes it, each time only what is
// new. It creates and locks nothing. Its methods are for one caller at a time.
type Reader struct {
	dir string
	c   *chain
	off int64 // behind the last whole line of the last segment
}

// NewReader reads the log in dir from its start.
func NewReader(dir string) *Reader { return &Reader{dir: dir} }

// More returns the entries that have come since the last call. anew says that
// they are the whole log again: what was read last had not been acknowledged,
// and was taken back. Errors are those of Read; a line on its way is none.
func (r *Reader) More() (entries []Entry, anew bool, err error) {
	if r.c == nil {
		return r.whole()
	}
	k := uint64(len(r.c.segs))
	if _, err := os.Lstat(segmentPath(r.dir, k+1)); err == nil {
		return r.whole() // the session in it says where this segment is cut
	}
	info, err := os.Lstat(segmentPath(r.dir, k))
	switch {
	case err != nil:
		return nil, false, fmt.Errorf("%w: %w", ErrTampered, err)
	case info.Size() == r.off:
		return nil, false, nil
	case info.Size() < r.off:
		return r.whole()
	}
	data, err := readFrom(segmentPath(r.dir, k), r.off)
	if err != nil {
		return nil, false, err
	}
	for len(data) > 0 {
		if _, err := firstLine(data); err != nil && len(data) < MaxLine {
			break // on its way
		}
		l := lookAt(data, r.c.segs[k-1].key, EntryNamespace(r.c.world))
		if err := r.c.next(k, &l, false); err != nil {
			return r.whole()
		}
		entries = append(entries, l.entry)
		data, r.off = data[len(l.line):], r.off+int64(len(l.line))
	}
	return entries, false, nil
}

// whole reads everything, and returns what is new in it.
func (r *Reader) whole() (entries []Entry, anew bool, err error) {
	c, err := scan(r.dir, func(e Entry) { entries = append(entries, e) })
	if len(c.segs) == 0 {
		return nil, false, err
	}
	if r.c != nil {
		n := r.c.n
		anew = n > c.n || entries[n-1].Head != r.c.head
		if !anew {
			entries = entries[n:]
		}
	}
	last := &c.segs[len(c.segs)-1]
	r.c, r.off = c, last.size
	last.tail, last.rest = nil, nil
	if errors.Is(err, ErrTorn) {
		err = nil
	}
	return entries, anew, err
}

func readFrom(path string, off int64) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	_, err = f.Seek(off, io.SeekStart)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	data, err := io.ReadAll(f)
	return data, errors.Join(err, f.Close())
}
