// Package supervise owns a command that runs: a supervisor of its own, another
// process behind that, and a directory from which anybody can tell what became
// of it. Nothing that happens to whoever started it reaches the command.
package supervise

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// The words after the program's name that make it a recorder or a supervisor.
const (
	recordWord    = "_record"
	superviseWord = "_supervise"
)

// How a supervisor ends: what its recorder goes by.
const (
	exitRecorded = 0 // the verdict is durable
	exitRefused  = 3 // nothing was forked; not 2, with which a program of ours that crashes ends
)

// Who saw the end of a command.
const (
	sourceSupervisor = "supervisor"
	sourceRecorder   = "recorder"
)

// ready is set by Main: a program that does not call it would start itself
// over and over.
var ready bool

// Main is the first thing that a program does which starts commands: args are
// its arguments. ours reports that the process was a recorder or a supervisor,
// and has ended with code.
func Main(args []string) (code int, ours bool) {
	ready = true
	if len(args) != 1 {
		return 0, false
	}
	switch args[0] {
	case recordWord:
		return serve(), true
	case superviseWord:
		return supervise(), true
	}
	return 0, false
}

// The descriptors that a supervisor inherits.
const (
	fdDir = iota + 3
	fdOrder
	fdLock // locked: the lock is held as long as we or the recorder live
	fdReport
	fdMaster // of the terminal of an interactive command, or the memory for the output of a recovery
	fdSlave
)

// supervise is the process that owns one command.
func supervise() int {
	outlive()
	for fd := fdDir; fd <= fdSlave; fd++ {
		unix.CloseOnExec(fd) // the command gets none of them
	}
	c, err := receive(os.NewFile(fdDir, "directory"), os.NewFile(fdOrder, "order"), sourceSupervisor)
	if err == nil && c.Interactive {
		c.slave = os.NewFile(fdSlave, "terminal")
		c.terminal, err = openTerminal(c.dir, newMaster(fdMaster))
		c.warn(pty.Setsize(c.slave, &pty.Winsize{Rows: cmp.Or(c.Rows, 24), Cols: cmp.Or(c.Cols, 80)}))
	} else if err == nil && c.ask() == askMemory {
		c.raw = os.NewFile(fdMaster, "output")
	}
	report := os.NewFile(fdReport, "report")
	if err == nil {
		err = inherit()
	}
	if err == nil {
		c.who.Supervisor, c.who.Recorder = identify(os.Getpid()), identify(os.Getppid())
		err = c.begin()
	}
	if err != nil {
		refuse(report, err, ErrStarted)
		return exitRefused
	}
	launched := c.launch()
	say(report, answer{PID: c.who.Program.PID})
	if launched != nil {
		err = c.refuse(launched)
	} else {
		go reapOrphans(c.who.Program.PID)
		err = c.attend()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "verdict not written:", err)
		return 1
	}
	c.dir.removeEmpty(logFile, os.Stderr)
	say(report, answer{})
	c.hangUp()
	return exitRecorded
}

// receive takes the sealed order.
func receive(dir, order *os.File, source string) (*command, error) {
	if err := Guard(); err != nil {
		return nil, err
	}
	p, sum, err := unseal(order)
	if err != nil {
		return nil, fmt.Errorf("take the order: %w", err)
	}
	return newCommand(folder{dir}, p, sum, source), nil
}

// outlive catches what a terminal or a login sends, and a limit of the size of
// files: a write then fails. Caught, not ignored, also what we were started to
// ignore, as under nohup: a command would inherit that and could not be
// cancelled. Of all other signals Go catches what it is started to ignore.
func outlive() {
	signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM, syscall.SIGQUIT,
		syscall.SIGPIPE, syscall.SIGXFSZ, syscall.SIGTSTP, syscall.SIGTTIN, syscall.SIGTTOU, syscall.SIGCONT)
}

// refuse tells the driver that nothing was forked; started is the error that
// says that somebody else has.
func refuse(report *os.File, err, started error) {
	var errno syscall.Errno
	errors.As(err, &errno)
	say(report, answer{Err: err.Error(), Errno: int(errno), Started: errors.Is(err, started)})
}

// say answers a driver, which may be gone.
func say(report *os.File, a answer) {
	data, err := json.Marshal(a)
	if err == nil {
		_, _ = report.Write(append(data, '\n'))
	}
}
