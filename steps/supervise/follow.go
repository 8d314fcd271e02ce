package supervise

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"sync/atomic"
	"time"

	"runbook/steps"
	"runbook/steps/safetext"
)

const (
	pollEvery = 20 * time.Millisecond
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
	last atomic.Int64 // when output was last seen, Unix nanoseconds
	err  error
	buf  []byte
}

func newFollower(raw, red string, secrets []steps.Secret) (*follower, error) {
	in, err := os.Open(raw)
	if err != nil {
		return nil, err
	}
	out, err := os.OpenFile(red, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, errors.Join(err, in.Close())
	}
	f := &follower{raw: in, red: out, hash: sha256.New(), buf: make([]byte, chunk)}
	f.sink = safetext.NewRedactor(counted{f}, secrets...)
	return f, nil
}

// counted is the way into out.red: what was written is also hashed.
type counted struct{ *follower }

func (c counted) Write(p []byte) (int, error) {
	n, err := c.red.Write(p)
	c.size += int64(n)
	c.hash.Write(p[:n])
	return n, err
}

// follow copies until exited is closed, and then what was written until then:
// a process that outlived the command can't keep it open.
func (f *follower) follow(exited <-chan struct{}) {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		f.copy(-1)
		select {
		case <-exited:
			f.drain()
			return
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

// copy reads up to limit bytes, all there are if it is negative. After an
// error it only reads, so that the time of the last output stays true.
func (f *follower) copy(limit int64) {
	for limit != 0 {
		buf := f.buf
		if limit > 0 && limit < int64(len(buf)) {
			buf = buf[:limit]
		}
		n, err := f.raw.Read(buf)
		if n > 0 {
			f.last.Store(time.Now().UnixNano())
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
			return
		}
	}
}

// fail keeps the first error.
func (f *follower) fail(err error) {
	if f.err == nil && err != nil {
		f.err = fmt.Errorf("output not recorded in full: %w", err)
	}
}

// close makes out.red durable.
func (f *follower) close() error {
	return errors.Join(f.err, f.red.Sync(), f.red.Close(), f.raw.Close())
}
