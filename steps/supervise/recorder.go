package supervise

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"runbook/runbook/durable"
)

// Recorder starts commands. It is a process of its own, made when it is first
// needed, and the parent of every supervisor: a supervisor that is killed
// leaves its command to it, and the recorder sees its end. It lives until its
// driver is gone and the last command has ended. The zero value is ready.
type Recorder struct {
	mu     sync.Mutex
	socket *os.File
}

// answer is what comes back of a request to start: once, and an empty one when
// the verdict is durable.
type answer struct {
	PID     int    `json:"pid,omitempty"`
	Err     string `json:"err,omitempty"`
	Errno   int    `json:"errno,omitempty"`
	Started bool   `json:"started,omitempty"` // the error is ErrStarted
}

// Start executes a sealed order in its directory. Before the fork its intent
// is durable; an error means that nothing was forked, and after ErrStarted
// that somebody else did or died trying: Classify tells. A program that can't
// be executed is no error but an outcome with Err. The order may be started
// again elsewhere after an error, and is closed by the caller.
func (r *Recorder) Start(s *Sealed) (*Process, error) {
	if !filepath.IsAbs(s.Files) {
		return nil, fmt.Errorf("start command: its directory of files %q is not absolute", s.Files)
	}
	if err := durable.MkdirAll(s.Files, durable.DirMode(filepath.Dir(s.Files))); err != nil {
		return nil, fmt.Errorf("start command: %w", err)
	}
	dir, err := os.Open(s.Files)
	if err != nil {
		return nil, fmt.Errorf("start command: %w", err)
	}
	defer func() { _ = dir.Close() }() // read only: nothing to lose
	for range tries {
		p, goneErr := r.request(s, dir)
		if !errors.Is(goneErr, errGone) {
			return p, goneErr
		}
		// The recorder was killed, and perhaps the supervisor with it. Where
		// there is no intent, nothing was forked, and another may try.
		if _, err := os.Lstat(filepath.Join(s.Files, startedFile)); !errors.Is(err, fs.ErrNotExist) {
			return Attach(s.Files, s.Key), nil
		}
		err = goneErr
	}
	return nil, fmt.Errorf("start command: %w, %d times: look for what ends processes here, as limits or a lack of memory do", err, tries)
}

// tries is how often a command is started whose recorder dies: one that can't
// live here must not be started for ever.
const tries = 3

// refusedError is what a supervisor said before it forked anything.
type refusedError struct{ answer }

func (e *refusedError) Error() string { return "start command: " + e.Err }

func (e *refusedError) Unwrap() error {
	if e.Errno == 0 {
		return nil
	}
	return syscall.Errno(e.Errno)
}

// errGone says that nobody answered a request.
var errGone = errors.New("its supervisor is gone")

func (r *Recorder) request(s *Sealed, dir *os.File) (*Process, error) {
	in, out, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	err = r.send(s.ask, dir, s.file, out)
	if err = errors.Join(err, out.Close()); err != nil {
		return nil, errors.Join(err, in.Close())
	}
	p := &Process{files: s.Files, key: s.Key, began: time.Now(), done: make(chan struct{})}
	lines := bufio.NewReader(in)
	line, err := lines.ReadBytes('\n')
	var a answer
	if err != nil || json.Unmarshal(line, &a) != nil {
		r.forget()
		return nil, errors.Join(errGone, in.Close())
	}
	if a.Err != "" {
		_, _ = io.Copy(io.Discard, lines) // to its end: then the lock is free, and it may be tried again
	}
	switch {
	case a.Started:
		return nil, errors.Join(fmt.Errorf("%w: %s", ErrStarted, s.Files), in.Close())
	case a.Err != "":
		return nil, errors.Join(&refusedError{a}, in.Close())
	}
	go p.follow(lines, in)
	return p, nil
}

// follow waits until the verdict is there, or until everybody who supervises
// has let go of the pipe.
func (p *Process) follow(lines *bufio.Reader, in *os.File) {
	defer close(p.done)
	for more := true; more; { // a recorder that takes over says so once more
		var a answer
		line, err := lines.ReadBytes('\n')
		more = err == nil && json.Unmarshal(line, &a) == nil && a != answer{}
	}
	_ = in.Close() // read only: nothing to lose
	// Killed both, they leave an orphan, whose end can still be seen coming.
	for p.end = p.look(); p.end.Class.Alive() || p.end.Err != nil; p.end = p.look() {
		time.Sleep(attachPace)
	}
}

// What a request asks for: a command whose output goes to a file, to a
// terminal, or to memory.
const (
	askPlain    = 'p'
	askTerminal = 't'
	askMemory   = 'm'
)

// send hands the recorder what a supervisor needs.
func (r *Recorder) send(ask byte, files ...*os.File) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	fds := make([]int, len(files))
	for i, f := range files {
		fds[i] = int(f.Fd())
	}
	for range 2 {
		if err := r.spawn(); err != nil {
			return err
		}
		err := error(unix.EINTR)
		for errors.Is(err, unix.EINTR) {
			err = unix.Sendmsg(int(r.socket.Fd()), []byte{ask}, unix.UnixRights(fds...), nil, noSignal)
		}
		if !errors.Is(err, unix.EPIPE) && !errors.Is(err, unix.ECONNRESET) {
			return os.NewSyscallError("sendmsg", err)
		}
		_ = r.drop() // it was killed since it was last asked
	}
	return errGone
}

// spawn starts the recorder's process, if there is none.
func (r *Recorder) spawn() error {
	if r.socket != nil {
		return nil
	}
	if !ready {
		return errors.New("start the recorder: this program does not call supervise.Main")
	}
	syscall.ForkLock.RLock() // a child forked in between would keep its end open, and the recorder alive
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err == nil {
		unix.CloseOnExec(pair[0])
		unix.CloseOnExec(pair[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return os.NewSyscallError("socketpair", err)
	}
	ours, theirs := os.NewFile(uintptr(pair[0]), "recorder"), os.NewFile(uintptr(pair[1]), "driver")
	child, err := spawn(recordWord, nil, theirs)
	if err = errors.Join(err, theirs.Close()); err != nil {
		return errors.Join(fmt.Errorf("start the recorder: %w", err), ours.Close())
	}
	r.socket = ours
	go func() { _, _ = child.Wait() }() // how it ends its commands tell
	return nil
}

// Close lets the recorder go: it ends after its last command.
func (r *Recorder) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.drop()
}

func (r *Recorder) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	_ = r.drop() // it is gone already
}

func (r *Recorder) drop() error {
	if r.socket == nil {
		return nil
	}
	err := r.socket.Close()
	r.socket = nil
	return err
}

// spawn starts this program once more, in a session of its own, without our
// environment, and with files from descriptor 3 on. What it has to say of
// itself goes to log, if there is one.
func spawn(word string, log *os.File, files ...*os.File) (*os.Process, error) {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = null.Close() }() // nothing to lose
	if log == nil {
		log = null
	}
	name, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return os.StartProcess(self(name), []string{name, word}, &os.ProcAttr{
		Dir: "/", Env: []string{}, Files: append([]*os.File{null, null, log}, files...),
		Sys: &syscall.SysProcAttr{Setsid: true},
	})
}
