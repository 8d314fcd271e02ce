package supervise

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// room is what a follower does where the disk takes no more. The raw output
// that it has read makes room for the redacted one, which is kept in its place.
// What finds none all the same waits in memory, the newest of it; the rest is
// lost, and counted.
type room struct {
	onDisk bool   // the raw output takes room there too
	full   bool   // the disk took no more
	owed   []byte // redacted, not written
	lost   int64  // bytes of what was redacted
	gap    int64  // of those, what is missing before owed
	why    error  // the first write that failed
	freed  int64  // of raw
	until  int64  // of raw: what another has written is read once more, and not written

	lose func(n int64) // is told how much found no room until now
	mark func(place)   // and where another may take over
}

const (
	maxOwed   = 1 << 20  // waits for room, in bytes
	keepRead  = 64 << 10 // of raw output stays when what was read makes room: whoever takes over looks for secrets from there
	maxMemory = 16 << 20 // raw output that was read lies in memory, in bytes
)

// keep writes to out.red what is owed and p.
func (f *follower) keep(p []byte) {
	if len(f.owed) == 0 && f.gap == 0 {
		p = p[f.write(p):]
		if len(p) == 0 {
			return
		}
	}
	f.owed = append(f.owed, p...)
	f.pay()
	if more := len(f.owed) - maxOwed; more > 0 {
		f.owed = append(f.owed[:0], f.owed[more:]...)
		f.lost, f.gap = f.lost+int64(more), f.gap+int64(more)
	}
}

// pay writes what is owed, and before it what is missing there.
func (f *follower) pay() {
	if f.onDisk {
		f.free(f.at - keepRead)
	}
	if f.gap > 0 {
		note := fmt.Appendf(nil, "\n[%d bytes of output are missing here: the disk was full]\n", f.gap)
		if f.write(note) < len(note) { // a piece of it may stand there: the next begins a line
			return
		}
		f.gap = 0
	}
	f.owed = append(f.owed[:0], f.owed[f.write(f.owed):]...)
}

// payUp is the last try: nobody needs the raw output any more.
func (f *follower) payUp() {
	if f.gap > 0 || len(f.owed) > 0 {
		if f.onDisk {
			f.free(f.at)
		}
		f.pay()
	}
	f.lost += int64(len(f.owed))
	f.owed = nil
}

// write writes to out.red, and answers how much.
func (f *follower) write(p []byte) int {
	n, err := f.red.Write(p)
	f.size += int64(n)
	f.hash.Write(p[:n])
	if err != nil {
		f.full = f.full || noSpace(err)
		f.why = orNil(f.why, err)
	}
	return n
}

// free gives the disk back what of the raw output was read.
func (f *follower) free(until int64) {
	until &^= 1<<12 - 1 // a page: no system gives back less
	if until <= f.freed {
		return
	}
	f.mark(place{Freed: until, Raw: f.at, Red: f.size}) // before it is gone
	_ = punch(f.raw, f.freed, until-f.freed)            // a file system that can't keeps it
	f.freed = until
}

// place is how far a follower had come when it last gave room back: what it
// had read until raw stands in out.red, as far as red. What takes over reads
// from freed on, since a secret may begin before raw.
type place struct {
	Freed int64 `json:"freed,omitempty"`
	Raw   int64 `json:"raw,omitempty"`
	Red   int64 `json:"red,omitempty"`
}

// goOn takes over at a place that another follower left.
func (f *follower) goOn(from place, lost int64) error {
	if from.Freed == 0 {
		return nil
	}
	f.at, f.freed, f.until, f.lost, f.why = from.Freed, from.Freed, from.Raw, lost, unix.ENOSPC
	if err := f.red.Truncate(from.Red); err != nil {
		return err
	}
	var err error
	f.size, err = io.Copy(f.hash, f.red)
	return err
}

// missing says how much is lost and why.
func (f *follower) missing() error {
	switch {
	case f.lost > 0:
		return fmt.Errorf("%d bytes of output are lost: %w", f.lost, f.why)
	case f.full && f.onDisk:
		return errFull
	}
	return nil
}

// errFull says that a write of the command itself may have failed.
var errFull = errors.New("the disk that keeps its output was full: what it printed may have been refused, and may have ended it")

func noSpace(err error) bool { return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) }

// noRoom reports whether nothing fits onto a file's disk any more.
func noRoom(f *os.File) bool {
	var st unix.Statfs_t
	if unix.Fstatfs(int(f.Fd()), &st) != nil {
		return false
	}
	if os.Geteuid() == 0 {
		return st.Blocks > 0 && st.Bfree == 0 // some of it is kept for root
	}
	return st.Blocks > 0 && st.Bavail == 0
}
