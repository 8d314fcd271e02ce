package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"

	"github.com/creack/pty"
)

const (
	sessions = 9
	keys     = 20
	idle     = 5 * time.Second
	quiet    = 120 * time.Millisecond // so long without a byte, a key's answer is over
	patience = 10 * time.Second
)

// screen measures the session on a terminal of 120×40: how soon its first
// frame stands, and what it sends for a cursor key and while nothing happens.
func (b *bench) screen(ctx context.Context) ([]row, error) {
	var first []float64
	for range sessions {
		t, took, err := b.open(ctx)
		if err != nil {
			return nil, err
		}
		first = append(first, milliseconds(took))
		if err := t.close(); err != nil {
			return nil, err
		}
	}
	rows := []row{{what: "first frame", got: median(first), aim: "≤ 30 ms", limit: 30, unit: "ms"}}
	t, _, err := b.open(ctx)
	if err != nil {
		return rows, err
	}
	moves, perSecond, err := t.traffic()
	if err != nil {
		return rows, errors.Join(err, t.close())
	}
	rows = append(rows,
		row{what: "a cursor key", got: moves, aim: "≤ 150 B", limit: 150, unit: "B"},
		row{what: "idle, clock running", got: perSecond, aim: "≤ 40 B/s", limit: 40, unit: "B/s"})
	return rows, t.close()
}

// terminal is the far end of a session: it reads what the screen sends and
// answers its cursor reports, as every terminal does.
type terminal struct {
	cmd  *exec.Cmd
	tty  *os.File
	read chan []byte // closed when the session is over
}

// open starts a session and returns when its first frame shows a step.
func (b *bench) open(ctx context.Context) (*terminal, time.Duration, error) {
	cmd := b.runbook(ctx, "deploy", b.book, "-t", b.target, "--new")
	began := time.Now()
	tty, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 40, Cols: 120})
	if err != nil {
		return nil, 0, fmt.Errorf("start %s in a terminal: %w", cmd, err)
	}
	t := &terminal{cmd: cmd, tty: tty, read: make(chan []byte, 64)}
	go t.listen()
	var seen []byte
	late := time.After(patience)
	for {
		select {
		case data, ok := <-t.read:
			seen = append(seen, data...)
			if bytes.Contains(seen, []byte("look-00")) {
				return t, time.Since(began), nil
			}
			if !ok {
				return nil, 0, fmt.Errorf("%s ended before its first frame:\n%s", cmd, seen)
			}
		case <-late:
			return nil, 0, errors.Join(fmt.Errorf("no frame within %s; the terminal got %q", patience, seen), t.close())
		}
	}
}

func (t *terminal) listen() {
	defer close(t.read)
	buf := make([]byte, 64<<10)
	for {
		n, err := t.tty.Read(buf)
		for range bytes.Count(buf[:n], []byte("\x1b[6n")) {
			if _, err := t.tty.WriteString("\x1b[1;1R"); err != nil {
				return
			}
		}
		if n > 0 {
			t.read <- bytes.Clone(buf[:n])
		}
		if err != nil { // EIO: the other end is closed
			return
		}
	}
}

// traffic is the median of bytes for a cursor key, and bytes a second while
// nobody does anything.
func (t *terminal) traffic() (key, perSecond float64, err error) {
	t.during(time.Second, true) // until the checks of the first seconds are drawn
	var sizes []float64
	for n := range keys {
		move := "\x1b[B"
		if n >= keys/2 {
			move = "\x1b[A"
		}
		if _, err := t.tty.WriteString(move); err != nil {
			return 0, 0, fmt.Errorf("press a key: %w", err)
		}
		sizes = append(sizes, float64(t.during(quiet, true)))
	}
	key = median(sizes)
	if key == 0 {
		return 0, 0, errors.New("the cursor keys moved nothing: there is nothing to measure")
	}
	return key, float64(t.during(idle, false)) / idle.Seconds(), nil
}

// during counts what the screen sends for d; with restart, until it has been
// quiet for d or a second is over.
func (t *terminal) during(d time.Duration, restart bool) int {
	total := 0
	over, end := time.NewTimer(d), time.After(max(d, time.Second))
	defer over.Stop()
	for {
		select {
		case data, ok := <-t.read:
			total += len(data)
			if !ok {
				return total
			}
			if restart {
				over.Reset(d)
			}
		case <-over.C:
			return total
		case <-end:
			if restart {
				return total
			}
			end = nil
		}
	}
}

// close detaches, and reads on until the session has ended.
func (t *terminal) close() error {
	stop := time.AfterFunc(patience, func() { _ = t.cmd.Process.Kill() })
	defer stop.Stop()
	_, err := t.tty.WriteString("q")
	if err != nil {
		err = fmt.Errorf("press q: %w", err)
	}
	for range t.read { // until the far end closes
	}
	var exit *exec.ExitError
	if wait := t.cmd.Wait(); wait != nil && (!errors.As(wait, &exit) || exit.ExitCode() != 5) {
		err = errors.Join(err, fmt.Errorf("the session did not detach: %w", wait))
	}
	return errors.Join(err, t.tty.Close())
}
