package supervise

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// socketFile takes what an operator types into an interactive command. Frames
// are a kind, a length of two bytes, big endian, and that many bytes; back
// comes the output as out.red holds it.
const socketFile = "tty"

// The kinds of frame.
const (
	frameInput = 'i'
	frameSize  = 'w' // rows and columns, two bytes each
)

// terminal is the terminal of an interactive command, in the process that
// supervises it. Its screens come and go.
type terminal struct {
	dir    folder
	master *os.File
	listen *net.UnixListener
	grew   chan struct{} // output was written to the raw file

	mu      sync.Mutex
	screens map[net.Conn]bool
	recent  []byte // what was printed last, for a screen that comes later
}

// recentSize is what a screen that attaches is shown at once, in bytes.
const recentSize = 8 << 10

// slowScreen is how long a screen may refuse output before it is let go: no
// frozen connection holds up a command.
const slowScreen = 2 * time.Second

// newMaster makes an inherited master one that can be closed while it is read.
func newMaster(fd uintptr) *os.File {
	_ = unix.SetNonblock(int(fd), true) // a blocked read would only end late
	return os.NewFile(fd, "master")
}

// openTerminal takes over the master of a terminal and listens in the
// directory of the execution.
func openTerminal(dir folder, master *os.File) (*terminal, error) {
	if err := dir.remove(socketFile); err != nil { // of a supervisor that was killed
		return nil, err
	}
	listen, err := listenIn(dir.f, socketFile)
	if err != nil {
		return nil, err
	}
	listen.SetUnlinkOnClose(false) // it would go by a path that leads elsewhere by then
	t := &terminal{dir: dir, master: master, listen: listen, grew: make(chan struct{}, 1), screens: map[net.Conn]bool{}}
	go t.accept()
	return t, nil
}

// pump writes what the command prints to its raw output, until nobody has its
// terminal open any more.
// A disk that takes no more must not hold the command up: the rest is lost.
func (t *terminal) pump(raw *os.File) (lost error) {
	buf := make([]byte, chunk)
	for {
		n, err := t.master.Read(buf)
		if n > 0 && lost == nil {
			_, lost = raw.Write(buf[:n])
			select {
			case t.grew <- struct{}{}:
			default:
			}
		}
		if err != nil {
			return lost // the read ends with EIO when the last who had it open leaves
		}
	}
}

// Write shows output to the screens that are attached.
func (t *terminal) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.recent = append(t.recent, p...)
	t.recent = t.recent[max(0, len(t.recent)-recentSize):]
	for screen := range t.screens {
		t.show(screen, p)
	}
	return len(p), nil
}

// show writes to a screen, and lets go of one that takes nothing. The caller
// holds t.mu.
func (t *terminal) show(screen net.Conn, p []byte) {
	err := screen.SetWriteDeadline(time.Now().Add(slowScreen))
	if err == nil {
		_, err = screen.Write(p)
	}
	if err != nil {
		delete(t.screens, screen)
		_ = screen.Close() // it may attach again
	}
}

func (t *terminal) accept() {
	for {
		screen, err := t.listen.Accept()
		if err != nil {
			return // closed
		}
		t.mu.Lock()
		t.screens[screen] = true
		t.show(screen, t.recent)
		t.mu.Unlock()
		go t.take(screen)
	}
}

// take reads the frames of a screen until it leaves.
func (t *terminal) take(screen net.Conn) {
	in := bufio.NewReader(screen)
	fresh := true
	for {
		kind, data, err := readFrame(in)
		switch {
		case err != nil:
			t.mu.Lock()
			delete(t.screens, screen)
			t.mu.Unlock()
			_ = screen.Close() // it left
			return
		case kind == frameInput:
			_, _ = t.master.Write(data) // the command has ended
		case kind == frameSize && len(data) == 4:
			size := pty.Winsize{Rows: binary.BigEndian.Uint16(data), Cols: binary.BigEndian.Uint16(data[2:])}
			if fresh && t.spoke() { // a program draws anew when its size changes
				_ = pty.Setsize(t.master, &pty.Winsize{Rows: size.Rows, Cols: max(1, size.Cols) - 1})
			}
			fresh = false
			_ = pty.Setsize(t.master, &size) // the command has ended
		}
	}
}

// spoke reports whether the command has drawn anything.
func (t *terminal) spoke() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.recent) > 0
}

// close ends the terminal and lets its screens go.
func (t *terminal) close() {
	_ = errors.Join(t.listen.Close(), t.master.Close(), t.dir.remove(socketFile)) // they only carry
	t.mu.Lock()
	defer t.mu.Unlock()
	for screen := range t.screens {
		_ = screen.Close()
	}
}

func readFrame(in io.Reader) (kind byte, data []byte, err error) {
	var head [3]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return 0, nil, err
	}
	data = make([]byte, binary.BigEndian.Uint16(head[1:]))
	_, err = io.ReadFull(in, data)
	return head[0], data, err
}

func writeFrame(out io.Writer, kind byte, data []byte) error {
	for len(data) > 0 {
		part := data[:min(len(data), 1<<15)]
		data = data[len(part):]
		frame := append([]byte{kind, 0, 0}, part...)
		binary.BigEndian.PutUint16(frame[1:], uint16(len(part))) //nolint:gosec // G115: at most 32 KiB
		if _, err := out.Write(frame); err != nil {
			return err
		}
	}
	return nil
}
