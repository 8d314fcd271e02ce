package supervise

import (
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
)

// follower copies raw output into the file readers open, without the secrets,
// beside the process and never in its way.
type follower struct {
	raw  *os.File
	red  *os.File
	sink *safetext.Redactor
	hash hash.Hash
	size int64
	err  error
	buf  []byte

	also io.Writer       // of an interactive command: its screens
	grew <-chan struct{} // and when to look at once
}

// newFollower writes red from its start: the output of a redactor depends on
// its input alone, so what another has written already is written again.
func newFollower(raw, red *os.File, secrets []steps.Secret) *follower {
	f := &follower{raw: raw, red: red, hash: sha256.New(), buf: make([]byte, chunk)}
	f.sink = safetext.NewRedactor(counted{f}, secrets...)
	return f
}

// counted is the way into out.red: what was written is also hashed.
type counted struct{ *follower }

func (c counted) Write(p []byte) (int, error) {
	n, err := c.red.Write(p)
	c.size += int64(n)
	c.hash.Write(p[:n])
	if c.also != nil {
		_, _ = c.also.Write(p) // who does not take it is let go
	}
	return n, err
}

// follow copies until exited is closed, and then what was written until then:
// a process that outlived the command can't keep it open.
func (f *follower) follow(exited <-chan struct{}) {
	pace := pollEvery
	tick := time.NewTimer(pace)
	defer tick.Stop()
	for {
		if f.copy(-1) {
			pace = pollEvery
		} else {
			pace = min(2*pace, pollIdle)
		}
		tick.Reset(pace)
		select {
		case <-exited:
			f.drain()
			return
		case <-f.grew:
		case <-tick.C:
		}
	}
}

func (f *follower) drain() {
	at, err := f.raw.Seek(0, io.SeekCurrent)
	info, statErr := f.raw.Stat()
	if err = errors.Join(err, statErr); err != nil {
		f.fail(err)
		return
	}
	f.copy(info.Size() - at)
	f.fail(f.sink.Close())
}

// copy reads up to limit bytes, all there are if it is negative, and reports
// whether there were any.
func (f *follower) copy(limit int64) (grew bool) {
	for limit != 0 {
		buf := f.buf
		if limit > 0 && limit < int64(len(buf)) {
			buf = buf[:limit]
		}
		n, err := f.raw.Read(buf)
		if n > 0 {
			grew = true
			if f.err == nil {
				_, werr := f.sink.Write(buf[:n])
				f.fail(werr)
			}
			if limit > 0 {
				limit -= int64(n)
			}
		}
		if err != nil {
			if !errors.Is(err, io.EOF) {
				f.fail(err)
			}
			return grew
		}
	}
	return grew
}

// fail keeps the first error.
func (f *follower) fail(err error) {
	if f.err == nil && err != nil {
		f.err = fmt.Errorf("output not recorded in full: %w", err)
	}
}

// close makes out.red durable.
func (f *follower) close() error {
	err := f.err
	if f.size > 0 {
		err = errors.Join(err, durable.SyncData(f.red))
	}
	return errors.Join(err, f.red.Close(), f.raw.Close())
}
