package supervise

import (
	"errors"
	"os"
	"syscall"
	"time"
)

// callOffTakes is how long the program may take to end after what calls it off
// has done so, and that after the program; no longer than its grace.
const callOffTakes = 5 * time.Second

// callOff executes what ends the command where it really runs, once more for
// each further request, and reports whether it has ended by that.
func (c *command) callOff() bool {
	over, going := make(chan struct{}), 0
	begin := func() {
		going++
		go func() {
			c.warn(c.call(c.CallOff))
			select {
			case over <- struct{}{}:
			case <-c.exited:
			}
		}()
	}
	for begin(); going > 0; {
		select {
		case <-c.exited:
			return true
		case <-c.again:
			begin()
		case <-over:
			going--
		}
	}
	last := time.NewTimer(min(callOffTakes, c.Grace))
	defer last.Stop()
	select {
	case <-c.exited:
		return true
	case <-c.again:
	case <-last.C:
	}
	return false
}

// call executes an order of which nothing is kept, and waits for its end. How
// it ended says nothing: what it is there for shows. It is a child of ours that
// is none of the command's processes.
func (c *command) call(p *parcel) error {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer func() { _ = null.Close() }() // nothing to lose
	input, err := sealedFile(p.Stdin)
	if err == nil {
		_, err = input.Seek(0, 0)
	}
	if err != nil {
		return err
	}
	defer func() { _ = input.Close() }() // read only
	c.mu.Lock()
	child, err := os.StartProcess(p.Path, toStrings(p.Argv), &os.ProcAttr{
		Dir: p.Dir, Env: toStrings(p.Env), Files: []*os.File{input, null, null}, Sys: &syscall.SysProcAttr{Setsid: true},
	})
	if err == nil {
		c.callers[child.Pid] = true
	}
	c.mu.Unlock()
	if err != nil {
		return err
	}
	if _, err = child.Wait(); errors.Is(err, syscall.ECHILD) {
		err = nil // reaped as an orphan is
	}
	c.mu.Lock()
	delete(c.callers, child.Pid)
	c.mu.Unlock()
	return err
}

// hangUp waits for what called off a command that has ended, and ends what
// does not end by itself.
func (c *command) hangUp() {
	last := time.Now().Add(min(callOffTakes, c.Grace))
	for calling := true; calling; {
		late := time.Now().After(last)
		c.mu.Lock()
		for pid := range c.callers {
			if late {
				_ = syscall.Kill(-pid, syscall.SIGKILL) // it ended just now
			}
		}
		calling = len(c.callers) > 0 && !late
		c.mu.Unlock()
		if calling {
			time.Sleep(cancelPace)
		}
	}
}
