package supervise

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
)

// Screen is an operator's end of the terminal of an interactive command. What
// it reads is the output without secrets; it is not sanitized, as a program
// that draws could not work. Closing it leaves the command running.
type Screen struct{ conn net.Conn }

// Screen attaches to the terminal of an interactive command.
func (p *Process) Screen() (*Screen, error) {
	dir, err := os.Open(p.files)
	if err != nil {
		return nil, fmt.Errorf("attach to its terminal: %w", err)
	}
	defer func() { _ = dir.Close() }()                                                                             // read only: nothing to lose
	conn, err := new(net.Dialer).DialContext(context.Background(), "unix", filepath.Join(within(dir), socketFile)) // it answers at once, or nobody is there
	if err != nil {
		return nil, fmt.Errorf("attach to its terminal: %w", err)
	}
	return &Screen{conn}, nil
}

// Read reads output; io.EOF is the command's end, or a screen that took too
// little of it.
func (s *Screen) Read(p []byte) (int, error) { return s.conn.Read(p) }

// Write types.
func (s *Screen) Write(p []byte) (int, error) {
	if err := writeFrame(s.conn, frameInput, p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Resize says how large the operator's terminal is.
func (s *Screen) Resize(rows, cols uint16) error {
	return writeFrame(s.conn, frameSize, binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(nil, rows), cols))
}

// Close leaves.
func (s *Screen) Close() error { return s.conn.Close() }

var _ io.ReadWriteCloser = (*Screen)(nil)
