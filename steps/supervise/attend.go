package supervise

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// attend sees a launched command to its end: it follows the output, takes
// requests to cancel, and makes output and verdict durable, in this order.
func (c *command) attend() error {
	go c.listen()
	go c.wait()
	if c.terminal == nil {
		return c.record(c.exited)
	}
	defer c.terminal.close()
	return c.record(c.carry())
}

// carry moves the output of an interactive command from its terminal into the
// raw output. The channel is closed when the command has ended and all of it
// is there.
func (c *command) carry() <-chan struct{} {
	c.follower.also, c.follower.grew = c.terminal, c.terminal.grew
	carried := make(chan struct{})
	go func() {
		defer close(carried)
		c.warn(c.terminal.pump(c.raw))
		<-c.exited
	}()
	go func() {
		<-c.exited
		// What outlives it may keep the terminal open; what it printed itself
		// is there to be read.
		_ = c.terminal.master.SetReadDeadline(time.Now().Add(drainFor))
	}()
	return carried
}

// drainFor is how long the terminal of a command that ended is still read.
const drainFor = 100 * time.Millisecond

// refuse records a program that could not be executed.
func (c *command) refuse(err error) error {
	c.outcome.Err = "program not executed: " + err.Error()
	c.over = true
	close(c.exited)
	return c.record(c.exited)
}

// wait sees the program end. It is not reaped before its verdict is durable:
// if we die in between, whoever inherits it can still read how it ended.
func (c *command) wait() {
	defer close(c.exited)
	end, err := await(c.who.Program.PID)
	c.mu.Lock()
	c.over = true
	c.mu.Unlock()
	c.outcome.Took = time.Since(c.began)
	if !alone(c.who.Program.PID) {
		c.outcome.Leftovers = c.leftovers()
	}
	if len(c.Stdin) > 0 && c.input != nil { // the place in it is the program's too
		at, err := c.input.Seek(0, io.SeekCurrent)
		c.outcome.Unread = err == nil && at == 0
	}
	switch {
	case err != nil:
		c.outcome.Unseen = "its end was not seen: " + err.Error()
	case c.onlyForked():
		c.outcome.Unseen = "its supervisor was killed while it executed it"
	case end.signal != 0:
		c.outcome.Signal, c.outcome.Core = signalName(end.signal), end.core
	default:
		c.outcome.Exit = end.code
	}
}

// signalName is SIGTERM, or of one that has no name "signal 34".
func signalName(sig syscall.Signal) string {
	if name := unix.SignalName(sig); name != "" {
		return name
	}
	return fmt.Sprintf("signal %d", sig)
}

// onlyForked reports whether what ended still had our own name: forked by a
// supervisor that was killed, it never came to execute the program, and its
// exit code is nobody's.
func (c *command) onlyForked() bool {
	us, _ := look(os.Getpid())
	p, ok := look(c.who.Program.PID)
	return c.outcome.Source == sourceRecorder && ok && p.comm == us.comm
}

// listen takes requests to cancel, and the order's own limit.
func (c *command) listen() {
	tick := time.NewTicker(cancelPace)
	defer tick.Stop()
	limit := make(<-chan time.Time)
	if c.KillAfter > 0 {
		timer := time.NewTimer(time.Until(c.began.Add(c.KillAfter)))
		defer timer.Stop()
		limit = timer.C
	}
	seen := int64(0)
	for {
		select {
		case <-c.exited:
			return
		case <-limit:
			c.end()
		case <-tick.C:
			info, err := c.cancel.Stat()
			for ; err == nil && seen < info.Size(); seen++ {
				c.end()
			}
		}
	}
}

// cancelPace is how often somebody who asks for the end is looked for.
const cancelPace = 50 * time.Millisecond

// record follows the output to its end, and then writes it all down.
func (c *command) record(ended <-chan struct{}) error {
	f := c.follower
	f.follow(ended)
	c.warn(f.close())
	c.mu.Lock()
	defer c.mu.Unlock()
	c.outcome.Bytes, c.outcome.SHA256 = f.size, hex.EncodeToString(f.hash.Sum(nil))
	c.outcome.Lost, c.outcome.Full = f.lost, f.full && f.onDisk
	c.outcome.Began, c.outcome.Cancelled, c.outcome.Sent = c.began.UTC(), c.cancelled, c.sent
	if c.warnings != nil {
		c.outcome.Warn = c.warnings.Error()
	}
	err := writeVerdict(c.verdict, c.outcome, c.key())
	if err != nil {
		if noSpace(err) {
			// Nothing was reserved, or that was not enough: the raw output makes
			// room, or the verdict is lost.
			err = errors.Join(err, c.raw.Truncate(0))
		}
		c.outcome.Warn = errors.Join(c.warnings, err).Error()
		err = writeVerdict(c.verdict, c.outcome, c.key())
	}
	if err != nil {
		return err
	}
	c.tidy()
	return nil
}

// tidy takes away what nobody needs beside a verdict, and lets go of it: an open
// file keeps its room on the disk. What can't be removed stays withheld; the
// verdict stands.
func (c *command) tidy() {
	_ = errors.Join(c.raw.Close(), c.cancel.Close(), c.dir.remove(rawFile), c.dir.remove(cancelFile), c.dir.remove(socketFile))
}
