package supervise

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"time"

	"runbook/runbook/durable"
	"runbook/steps"
	"runbook/steps/safetext"
)

const (
	pollEvery = 20 * time.Millisecond  // while output comes
	pollIdle  = 160 * time.Millisecond // while none does
	chunk     = 256 << 10
	overlap   = 4 << 10
)

// follower copies raw output into the file readers open, without the secrets,
// beside the process and never in its way.
type follower struct {
	raw  *os.File
	red  *os.File
	hide []steps.Secret
	sink *safetext.Redactor
	hash hash.Hash
	at   int64 // read of raw
	size int64 // written to red
	room       // where the disk has none
	err  error
	cut  bool      // what stood in raw was removed before its end
	tail []byte    // the last that was read
	when time.Time // raw was written to when it was last looked at
	buf  []byte

	also io.Writer       // of an interactive command: its screens
	grew <-chan struct{} // and when to look at once
}

// newFollower writes red from its start: the output of a redactor depends on
// its input alone, so what another has written already is written again.
func newFollower(raw, red *os.File, secrets []steps.Secret) *follower {
	f := &follower{raw: raw, red: red, hide: secrets, hash: sha256.New(), buf: make([]byte, overlap+chunk)}
	f.restart()
	return f
}

// restart reads raw from its start.
func (f *follower) restart() {
	f.at, f.tail, f.freed, f.until = 0, nil, 0, 0
	f.sink = safetext.NewRedactor(counted{f}, f.hide...)
}

// counted is the way into out.red: what was written is also hashed.
type counted struct{ *follower }

func (c counted) Write(p []byte) (int, error) {
	if c.at <= c.until {
		return len(p), nil // read once more: another has written it
	}
	c.keep(p)
	if c.also != nil {
		_, _ = c.also.Write(p) // who does not take it is let go
	}
	return len(p), nil
}

// follow copies until exited is closed, and then what was written until then:
// a process that outlived the command can't keep it open.
func (f *follower) follow(exited <-chan struct{}) {
	pace, told := pollEvery, int64(0)
	tick := time.NewTimer(pace)
	defer tick.Stop()
	for {
		if f.copy() {
			pace = pollEvery
		} else {
			pace = min(2*pace, pollIdle)
		}
		if short := f.lost + int64(len(f.owed)); short != told {
			told = short
			f.lose(told)
		}
		tick.Reset(pace)
		select {
		case <-exited:
			f.full = f.full || f.onDisk && noRoom(f.raw)
			f.copy()
			f.fail(f.sink.Close())
			return
		case <-f.grew:
		case <-tick.C:
		}
	}
}

// copy copies what stands in the raw output now, and reports whether there was
// any. It does not go on to the end of a file that grows faster than it reads.
func (f *follower) copy() (grew bool) {
	info, err := f.raw.Stat()
	if err != nil {
		f.fail(err)
		return false
	}
	if info.Size() == f.at && info.ModTime().Equal(f.when) {
		return false
	}
	f.when = info.ModTime()
	for again := true; again; again = f.at < info.Size() {
		n, err := f.read(max(0, info.Size()-f.at))
		grew = grew || n > 0
		if err != nil {
			if !errors.Is(err, io.EOF) {
				f.fail(err)
			}
			break
		}
	}
	return grew
}

// read reads at most size bytes on, and with them the last it had read: where
// that is not there any more the command opened its output anew, as a shell
// does for > /dev/stderr. It then stands there from its start, and what follows
// might be the end of a secret.
func (f *follower) read(size int64) (fresh int, err error) {
	known := len(f.tail)
	if f.at < f.until {
		size = min(size, f.until-f.at)
	}
	n, err := f.raw.ReadAt(f.buf[:known+int(min(size, chunk))], f.at-int64(known))
	if n < known || !bytes.Equal(f.buf[:known], f.tail) {
		f.cut = true
		f.restart()
		return 0, nil
	}
	fresh = n - known
	f.at += int64(fresh)
	if fresh > 0 {
		_, werr := f.sink.Write(f.buf[known:n])
		f.fail(werr)
	}
	f.tail = append(f.tail[:0], f.buf[max(0, n-overlap):n]...)
	if !f.onDisk && f.at-f.freed > maxMemory {
		f.free(f.at - keepRead)
	}
	return fresh, err
}

// fail keeps the first error.
func (f *follower) fail(err error) {
	if f.err == nil && err != nil {
		f.err = fmt.Errorf("output: %w", err)
	}
}

// errCut says that a command opened its own output anew.
var errCut = errors.New("output: the command emptied it while it ran, as > /dev/stderr does and >&2 does not")

// close makes out.red durable. What a supervisor had written there of a raw
// output that has become shorter since stays.
func (f *follower) close() error {
	f.payUp()
	err := errors.Join(f.err, f.missing())
	if info, statErr := f.red.Stat(); statErr == nil && info.Size() > f.size {
		_, readErr := io.Copy(f.hash, io.NewSectionReader(f.red, f.size, info.Size()-f.size))
		err, f.size, f.cut = errors.Join(err, readErr), info.Size(), true
	}
	if f.cut {
		err = errors.Join(err, errCut)
	}
	if f.size > 0 {
		err = errors.Join(err, durable.SyncData(f.red))
	}
	return errors.Join(err, f.red.Close(), f.raw.Close())
}
