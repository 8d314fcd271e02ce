package supervise

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// Process is a command that runs, or ran, as its driver sees it. It holds
// nothing that the command needs.
type Process struct {
	files, key string
	began      time.Time
	done       chan struct{}
	end        Status

	mu   sync.Mutex
	sent int       // signals that this driver knows an orphan got
	last time.Time // when it sent the last
}

// attachPace is how often a command that somebody else started is looked for.
const attachPace = 100 * time.Millisecond

// Attach follows a command that another driver started, to its end.
func Attach(files, key string) *Process {
	p := &Process{files: files, key: key, began: time.Now(), done: make(chan struct{})}
	if info, err := os.Stat(filepath.Join(files, startedFile)); err == nil {
		p.began = info.ModTime()
	}
	go func() {
		defer close(p.done)
		tick := time.NewTicker(attachPace)
		defer tick.Stop()
		for {
			if p.end = p.look(); !p.end.Class.Alive() && p.end.Err == nil {
				return
			}
			<-tick.C
		}
	}()
	return p
}

// Done is closed when the command has ended and its verdict is durable, or
// when nobody is left who could give one.
func (p *Process) Done() <-chan struct{} { return p.done }

// look looks, and goes on with the cancel of an orphan: nobody else does.
func (p *Process) look() Status {
	s := Classify(p.files, p.key)
	if s.Class == Orphan && s.Err == nil {
		_ = p.escalate() // it is tried again at the next look
	}
	return s
}

// End is how it ended; it waits for Done.
func (p *Process) End() Status {
	<-p.done
	return p.end
}

// Status is how it is now.
func (p *Process) Status() Status {
	select {
	case <-p.done:
		return p.end
	default:
		return Classify(p.files, p.key)
	}
}

// LastOutput is when the command last wrote something, or when it began.
func (p *Process) LastOutput() time.Time {
	for _, name := range []string{rawFile, OutputFile} {
		if info, err := os.Lstat(filepath.Join(p.files, name)); err == nil && info.Size() > 0 {
			return info.ModTime()
		}
	}
	return p.began
}

// Cancel asks the command to end: SIGINT to its group, after the grace period
// SIGTERM, after another SIGKILL; asked again, the next signal goes at once.
// When the program is gone, what is left of its group and below it is killed
// and named. Cancel does not wait; Done tells. Where nobody supervises any
// more this process sends the signals, as long as it lives, and nothing is named.
func (p *Process) Cancel() error {
	for {
		s := p.Status()
		switch s.Class {
		case Running:
			err := p.request(s)
			if errors.Is(err, fs.ErrNotExist) && p.Status().Class != Running {
				continue // it ended, or lost its supervisor, since we looked
			}
			return err
		case Orphan:
			p.mu.Lock()
			defer p.mu.Unlock()
			sent, _ := p.requested()
			return p.signal(sent)
		case Unknown, NeverStarted, Exited:
		}
		return nil
	}
}

// request leaves a byte for the supervisor, and wakes it if it was stopped.
func (p *Process) request(s Status) error {
	f, err := os.OpenFile(filepath.Join(p.files, cancelFile), os.O_WRONLY|os.O_APPEND|syscall.O_NOFOLLOW, 0)
	if err == nil {
		_, err = f.Write([]byte("c"))
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		return fmt.Errorf("cancel the command: %w; its process group is %d", err, s.PID)
	}
	if s.Stopped == "supervisor" {
		return cont(readIdentities(p.files).guard())
	}
	return nil
}

// orphanSignals is what an orphan gets, one after the other.
var orphanSignals = []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGKILL}

// requested is how often the end of an orphan was asked for, and when last. It
// lies in the file of requests, so that another driver goes on there; where
// that can't be written we know it ourselves. The caller holds p.mu.
func (p *Process) requested() (times int, last time.Time) {
	times, last = p.sent, p.last
	if info, err := os.Lstat(filepath.Join(p.files, cancelFile)); err == nil && int(info.Size()) >= times {
		times, last = int(info.Size()), info.ModTime()
	}
	return times, last
}

// escalate sends an orphan whose end was asked for the next signal, when its
// grace is over. A supervisor that is dead now may have sent the first.
func (p *Process) escalate() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	times, last := p.requested()
	if times == 0 || time.Since(last) < graceOf(p.files) {
		return nil
	}
	return p.signal(times)
}

// signal signals the group of an orphan, of which so many signals were sent.
// The caller holds p.mu.
func (p *Process) signal(sent int) error {
	id := readIdentities(p.files).Program
	if !id.alive() {
		return nil
	}
	if err := syscall.Kill(-id.PID, orphanSignals[min(sent, len(orphanSignals)-1)]); err != nil {
		return fmt.Errorf("cancel the command: signal process group %d: %w", id.PID, err)
	}
	_ = syscall.Kill(-id.PID, syscall.SIGCONT) // one that is stopped would not hear it
	p.sent, p.last = sent+1, time.Now()
	f, err := os.OpenFile(filepath.Join(p.files, cancelFile), os.O_WRONLY|os.O_APPEND|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil //nolint:nilerr // the signal is sent
	}
	_, err = f.Write([]byte("c"))
	return errors.Join(err, f.Close())
}

// cont lets a stopped process go on.
func cont(id identity) error {
	if !id.alive() {
		return nil
	}
	return os.NewSyscallError("kill", syscall.Kill(id.PID, syscall.SIGCONT))
}
