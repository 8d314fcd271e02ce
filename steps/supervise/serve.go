package supervise

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"sync"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"runbook/runbook/durable"
)

// fdDriver is the recorder's end of the socket to its driver.
const fdDriver = 3

// serve is the recorder: it starts a supervisor for each request, and takes
// the place of one that dies.
func serve() int {
	outlive()
	closeInherited()
	unix.CloseOnExec(fdDriver)
	if err := errors.Join(inherit(), Guard()); err != nil {
		return 1
	}
	children := newBrood()
	go children.reapOnSignal()
	var commands sync.WaitGroup
	for {
		ask, files, err := receiveFiles(fdDriver)
		if err != nil {
			commands.Wait()
			return 0
		}
		if len(files) != 3 {
			closeAll(files)
			continue
		}
		commands.Add(1)
		go func() {
			defer commands.Done()
			defer closeAll(files)
			oversee(children, ask, files[0], files[1], files[2])
		}()
	}
}

// closeInherited closes what our driver was started with and did not mean for
// us: a pipe that stays open keeps who reads it waiting as long as we live, and
// a command would get it too. Our own files close on exec, so what does not is
// inherited.
func closeInherited() {
	names, err := os.ReadDir("/dev/fd")
	if err != nil {
		return
	}
	for _, name := range names {
		fd, err := strconv.Atoi(name.Name())
		if err != nil || fd <= fdDriver {
			continue
		}
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil && flags&unix.FD_CLOEXEC == 0 {
			_ = unix.Close(fd) // never ours
		}
	}
}

// receiveFiles takes one request: an error means that the driver is gone.
func receiveFiles(socket int) (ask byte, files []*os.File, err error) {
	one, rights := make([]byte, 1), make([]byte, unix.CmsgSpace(3*4))
	n, size, _, _, err := unix.Recvmsg(socket, one, rights, cmsgCloexec)
	for errors.Is(err, unix.EINTR) {
		n, size, _, _, err = unix.Recvmsg(socket, one, rights, cmsgCloexec)
	}
	if err != nil || n == 0 {
		return 0, nil, errors.Join(err, io.EOF)
	}
	messages, err := unix.ParseSocketControlMessage(rights[:size])
	if err != nil {
		return 0, nil, nil //nolint:nilerr // a request without files is none
	}
	for _, m := range messages {
		fds, err := unix.ParseUnixRights(&m)
		if err != nil {
			continue
		}
		for _, fd := range fds {
			unix.CloseOnExec(fd)
			files = append(files, os.NewFile(uintptr(fd), "received"))
		}
	}
	return one[0], files, nil
}

func closeAll(files []*os.File) {
	for _, f := range files {
		_ = f.Close() // the verdict is synced; the rest is only read
	}
}

// oversee starts a supervisor and stays until its verdict is there.
func oversee(children *brood, ask byte, dir, order, report *os.File) {
	at := folder{dir}
	lock, err := at.open(lockFile, os.O_CREATE|os.O_RDWR)
	if err == nil {
		defer func() { _ = lock.Close() }() // that gives the lock back
		err = durable.LockFile(lock)
	}
	if err != nil {
		refuse(report, err, durable.ErrLocked)
		return
	}
	log, err := at.open(logFile, os.O_CREATE|os.O_WRONLY|os.O_APPEND)
	if err != nil {
		refuse(report, err, durable.ErrLocked)
		return
	}
	defer func() { _ = log.Close() }() // written through
	ways, err := openWays(ask)
	if err != nil {
		refuse(report, fmt.Errorf("make the way of its output: %w", err), durable.ErrLocked)
		return
	}
	defer closeAll(ways) // they only carry
	child, err := children.spawn(log, append([]*os.File{dir, order, lock, report}, ways...))
	if ask == askTerminal {
		_ = ways[1].Close() // the slave is the supervisor's
	}
	if err != nil {
		refuse(report, fmt.Errorf("start its supervisor: %w", err), durable.ErrLocked)
		return
	}
	defer children.release(child.Pid)
	state, err := child.Wait()
	if err != nil || !state.Exited() || state.ExitCode() != exitRecorded && state.ExitCode() != exitRefused {
		takeOver(children, child.Pid, dir, order, report, ways)
	}
	at.removeEmpty(logFile, log)
}

// openWays makes what carries a command's output beside the disk: a terminal,
// or memory. It is ours too: if the supervisor dies, the command must not lose
// it.
func openWays(ask byte) ([]*os.File, error) {
	switch ask {
	case askTerminal:
		master, slave, err := pty.Open()
		return []*os.File{master, slave}, err
	case askMemory:
		f, err := memory()
		return []*os.File{f}, err
	}
	return nil, nil
}

// takeOver is what a recorder does after its supervisor was killed: the
// command is its own child now.
func takeOver(children *brood, supervisor int, dir, order, report *os.File, ways []*os.File) {
	c, err := receive(dir, order, sourceRecorder)
	if err != nil {
		return
	}
	if c.readStarted() != nil {
		return // it never came so far
	}
	if c.ask() == askMemory {
		c.raw = ways[0]
	}
	if data, err := c.dir.read(pidFile); err != nil || json.Unmarshal(data, &c.who) != nil {
		c.who = identities{}
	}
	if c.openFiles() != nil {
		return
	}
	defer c.close()
	if data, err := io.ReadAll(c.verdict); err == nil {
		if _, signed := checkVerdict(data, encodeKey(c.key())); signed == verdictGood {
			c.tidy()
			return
		}
	}
	c.who.Program, c.who.Recorder = children.claim(supervisor, c.who.Program, c.rawInfo), identify(os.Getpid())
	c.warn(c.writeIdentities())
	say(report, answer{PID: c.who.Program.PID}) // its driver may still wait for the start
	if c.who.Program.PID == 0 {
		c.outcome.Unseen = "its supervisor was killed while it started it"
		c.over = true
		close(c.exited)
		_ = c.record(c.exited) // without a verdict it is unknown all the same
		return
	}
	defer children.release(c.who.Program.PID)
	if c.Interactive {
		c.terminal, err = openTerminal(c.dir, ways[0])
		c.warn(err)
	}
	_ = c.attend()
	c.hangUp()
}

// readStarted takes over when the supervisor began. An intent of another order
// is not ours to go on with.
func (c *command) readStarted() error {
	data, err := c.dir.read(startedFile)
	if err != nil {
		return err
	}
	var s started
	if err := json.Unmarshal(data, &s); err != nil || s.Order != c.outcome.Order {
		return errors.Join(ErrStarted, err)
	}
	c.began = s.Began
	return nil
}
