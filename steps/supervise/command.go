package supervise

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"runbook/runbook/durable"
)

// ErrStarted says that this intent has forked already, or may have: one
// intent forks at most once.
var ErrStarted = errors.New("already started")

// command is one execution, in the process that supervises it.
type command struct {
	parcel
	dir      folder
	who      identities
	began    time.Time
	input    *os.File // what the program reads
	slave    *os.File // the terminal of an interactive one, ours until it is forked
	terminal *terminal
	raw      *os.File // what it writes to: on the disk, or in memory
	rawInfo  os.FileInfo
	follower *follower
	verdict  *os.File
	cancel   *os.File
	exited   chan struct{} // the program ended
	again    chan struct{} // a cancel was asked for once more

	mu        sync.Mutex
	over      bool // the program ended: signal nobody by its pid
	cancelled bool
	sent      []string
	callers   map[int]bool // what calls it off
	family    map[int]proc // seen below the program while it was cancelled
	warnings  error
	outcome   Outcome
}

// grace is the time between the signals of a cancel, where the order names none.
const grace = 10 * time.Second

func newCommand(dir folder, p parcel, commitment, source string) *command {
	if p.Grace == 0 {
		p.Grace = grace
	}
	return &command{
		parcel: p, dir: dir, began: time.Now(), outcome: Outcome{Exit: -1, Order: commitment, Source: source},
		exited: make(chan struct{}), again: make(chan struct{}, 1), family: map[int]proc{}, callers: map[int]bool{},
	}
}

// started is what the intent of an execution says.
type started struct {
	Began time.Time     `json:"began"`
	Boot  string        `json:"boot"`
	Order string        `json:"order"`
	Grace time.Duration `json:"grace,omitempty"` // between the signals of a cancel
}

// graceOf is what an intent says of the signals of a cancel.
func graceOf(files string) time.Duration {
	var s started
	data, err := os.ReadFile(filepath.Join(files, startedFile))
	if err != nil || json.Unmarshal(data, &s) != nil {
		return grace
	}
	return cmp.Or(s.Grace, grace)
}

// begin makes the intent durable, and with it room for the verdict. After an
// error nothing was forked, and nothing will be.
func (c *command) begin() error {
	intent, err := c.dir.open(startedFile, os.O_CREATE|os.O_EXCL|os.O_WRONLY)
	if errors.Is(err, fs.ErrExist) {
		return ErrStarted
	}
	if err != nil {
		return err
	}
	data, err := json.Marshal(started{Began: c.began.UTC(), Boot: bootID(), Order: c.outcome.Order, Grace: c.Grace})
	if err == nil {
		_, err = intent.Write(append(data, '\n'))
	}
	if err = errors.Join(err, c.openFiles(), c.writeIdentities()); err == nil {
		err = errors.Join(intent.Sync(), c.dir.f.Sync())
	}
	if err = errors.Join(err, intent.Close()); err != nil {
		for _, name := range []string{verdictFile, cancelFile, rawFile, OutputFile, pidFile, startedFile} {
			_ = c.dir.remove(name) // an intent that stays is of a command that may have run
		}
	}
	return err
}

// openFiles opens all that an execution needs, and reserves what it must not
// be refused at its end.
func (c *command) openFiles() (err error) {
	open := func(name string, flags int) *os.File {
		f, openErr := c.dir.open(name, flags)
		err = errors.Join(err, openErr)
		return f
	}
	onDisk := c.raw == nil
	if onDisk {
		c.raw = open(rawFile, os.O_CREATE|os.O_RDWR|os.O_APPEND)
	}
	c.verdict = open(verdictFile, os.O_CREATE|os.O_RDWR)
	c.cancel = open(cancelFile, os.O_CREATE|os.O_RDWR)
	red := open(OutputFile, os.O_CREATE|os.O_RDWR)
	if err != nil {
		return err
	}
	if c.Shared {
		err = red.Chmod(0o640)
	}
	source, dupErr := again(c.raw)
	if err = errors.Join(err, dupErr); err != nil {
		return err
	}
	c.follower = newFollower(source, red, c.secrets())
	c.follower.onDisk = onDisk
	c.follower.lose = func(n int64) { c.who.Lost = n; c.warn(c.writeIdentities()) }
	c.follower.mark = func(p place) { c.who.place = p; c.warn(c.writeIdentities()) }
	c.rawInfo, c.warnings = c.raw.Stat()
	return errors.Join(err, c.follower.goOn(c.who.place, c.who.Lost), durable.Reserve(c.verdict, 0, verdictRoom), durable.Reserve(c.cancel, 0, 1))
}

// again is the same open file once more.
func again(f *os.File) (*os.File, error) {
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("dup", err)
	}
	return os.NewFile(uintptr(fd), f.Name()), nil
}

// close gives back what openFiles opened, in a process that goes on.
func (c *command) close() {
	for _, f := range []*os.File{c.raw, c.verdict, c.cancel, c.follower.raw, c.follower.red} {
		_ = f.Close() // what had to be durable is
	}
}

// launch forks. An error is the program's: it is an outcome, not a failure.
func (c *command) launch() error {
	if err := c.check(); err != nil {
		return err
	}
	var err error
	if c.Interactive {
		return c.fork([]uintptr{c.slave.Fd(), c.slave.Fd(), c.slave.Fd()}, &syscall.SysProcAttr{Setsid: true, Setctty: true})
	}
	if len(c.Stdin) > 0 {
		c.input, err = sealedFile(c.Stdin)
		if err == nil {
			_, err = c.input.Seek(0, 0)
		}
	} else {
		c.input, err = os.Open(os.DevNull)
	}
	if err != nil {
		return err
	}
	return c.fork([]uintptr{c.input.Fd(), c.raw.Fd(), c.raw.Fd()}, &syscall.SysProcAttr{Setsid: true})
}

// fork executes the program. Not by os.StartProcess: it is waited for by its
// pid, and left unreaped.
func (c *command) fork(files []uintptr, sys *syscall.SysProcAttr) error {
	runtime.LockOSThread() // the program inherits the mask of the thread that forks it
	defer runtime.UnlockOSThread()
	if err := unblockSignals(); err != nil {
		return err
	}
	pid, _, err := syscall.StartProcess(c.Path, toStrings(c.Argv), &syscall.ProcAttr{
		Dir: c.Dir, Env: toStrings(c.Env), Files: files, Sys: sys,
	})
	if err != nil {
		return &os.PathError{Op: "execute", Path: c.Path, Err: err}
	}
	c.began = time.Now()
	c.who.Program = identify(pid)
	c.warn(c.writeIdentities())
	if c.slave != nil {
		c.warn(c.slave.Close()) // the program's alone: its end is the terminal's
	}
	return nil
}

// check holds the program against the one that was approved, just before it
// is executed.
func (c *command) check() error {
	if c.ProgramSHA == "" {
		return nil
	}
	if sum, err := FileSHA(c.Path); err != nil || sum != c.ProgramSHA {
		return fmt.Errorf("%s is no longer the program that was approved (sha256 %.12s, now %.12s): look at it and start the step again: %w", c.Path, c.ProgramSHA, sum, orNil(err, errProgram))
	}
	return nil
}

var errProgram = errors.New("program changed")

func orNil(err, fallback error) error {
	if err != nil {
		return err
	}
	return fallback
}

// writeIdentities is not synced: a pid means nothing after a reboot.
func (c *command) writeIdentities() error {
	data, err := json.Marshal(c.who)
	if err != nil {
		return err
	}
	return c.dir.write(pidFile, fmt.Appendf(nil, "%-*s\n", identitiesRoom, data))
}

// identitiesRoom is as long as identities become, in bytes: those of a program
// take the place of those that were there before its fork in one write.
const identitiesRoom = 511

// warn keeps an error that must not stop the command.
func (c *command) warn(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.warnings = errors.Join(c.warnings, err)
}
