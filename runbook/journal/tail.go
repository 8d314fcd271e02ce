package journal

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"os"
	"path/filepath"
	"syscall"

	"runbook/runbook/durable"
)

// ahead is how much disk space is reserved, so that a full disk can't take the
// last entries of a run: the failure, the end.
const ahead = 256 << 10

// tail is the end of a file of lines, to which one process writes.
type tail struct {
	path string
	f    *os.File
	off  int64     // end of the last acknowledged line
	room int64     // disk space is reserved up to here
	sum  hash.Hash // SHA-256 of the file up to off
	bad  bool      // a sync of f failed: what f holds may be lost
}

// publish makes the file with its first lines. Whoever finds one there already
// gets os.ErrExist.
func (t *tail) publish(path string, lines []byte) error {
	if err := durable.Publish(path, lines, durable.FileMode(filepath.Dir(path))); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrNotRecorded, path, err)
	}
	return t.open(path, lines)
}

// open goes on with a file of which all bytes are known.
func (t *tail) open(path string, whole []byte) (err error) {
	if t.f, err = os.OpenFile(path, os.O_RDWR|syscall.O_NOFOLLOW, 0); err != nil {
		return err
	}
	t.path, t.sum = path, sha256.New()
	t.acknowledge(whole)
	return nil
}

// rewriteTail is how much of a segment is written again before the next goes on
// from it. A page whose write-back failed counts as clean: only writing it
// again brings it to the disk. More than a batch and what it shares pages with.
const rewriteTail = 128 << 10

// rewrite writes the end of valid, which lies at at in a file, and what follows
// it there.
func rewrite(path string, at int64, valid, rest []byte) error {
	f, err := os.OpenFile(path, os.O_RDWR|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	from := max(0, len(valid)-rewriteTail)
	_, err = f.WriteAt(append(valid[from:len(valid):len(valid)], rest...), at+int64(from))
	if err == nil {
		err = durable.SyncData(f)
	}
	return errors.Join(err, f.Close())
}

// write makes lines durable behind what is acknowledged. After an error
// nothing of them counts, and the next write goes to the same place.
func (t *tail) write(lines []byte) error {
	if t.bad {
		return t.renew(lines)
	}
	if end := t.off + int64(len(lines)); end+ahead/2 > t.room {
		// Without room to reserve there may still be room to write.
		if err := durable.Reserve(t.f, t.off, int64(len(lines))+ahead); err == nil {
			t.room = end + ahead
		}
	}
	if _, err := t.f.WriteAt(lines, t.off); err != nil {
		t.takeBack()
		return err
	}
	if err := durable.SyncData(t.f); err != nil {
		t.bad = true
		return t.renew(lines)
	}
	t.acknowledge(lines)
	return nil
}

func (t *tail) acknowledge(lines []byte) {
	t.off += int64(len(lines))
	t.sum.Write(lines)
}

// takeBack cuts off what a failed write left, so that it can't mix with what
// is written there next. Cutting also frees the space reserved behind it.
func (t *tail) takeBack() {
	if err := t.f.Truncate(t.off); err != nil || t.f.Sync() != nil {
		t.bad = true
		return
	}
	t.room = 0
	if err := durable.Reserve(t.f, t.off, ahead); err == nil {
		t.room = t.off + ahead
	}
}

// renew puts the file and lines behind it into a new file in its place.
// After a failed sync the kernel counts the lost pages as written, so neither
// syncing again nor writing on in the same file proves anything.
func (t *tail) renew(lines []byte) error {
	old := make([]byte, t.off, t.off+int64(len(lines)))
	if _, err := t.f.ReadAt(old, 0); err != nil {
		return err
	}
	if sum := sha256.Sum256(old); !bytes.Equal(sum[:], t.sum.Sum(nil)) {
		return errors.New("the disk gives back other lines than were written")
	}
	if err := durable.WriteFile(t.path, append(old, lines...), durable.FileMode(filepath.Dir(t.path))); err != nil {
		return err
	}
	f, err := os.OpenFile(t.path, os.O_RDWR|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	_ = t.f.Close() // its bytes are in the new file; what this says about the old one tells nothing
	t.f, t.bad, t.room = f, false, 0
	t.acknowledge(lines)
	return nil
}
