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

	firstFrame = "BEFORE IT BEGINS"
)

// screen measures the session on a terminal of 120×40: how soon its first
// frame stands, and what it sends for a cursor key and while nothing happens.
func (b *bench) screen(ctx context.Context) ([]row, error) {
	var first, empty []float64
	for range sessions {
		least, err := b.emptyOnTerminal(ctx)
		if err != nil {
			return nil, err
		}
		empty = append(empty, milliseconds(least))
		t, took, err := b.open(ctx, b.book)
		if err != nil {
			return nil, err
		}
		first = append(first, milliseconds(took))
		if err := t.close(); err != nil {
			return nil, err
		}
	}
	rows := []row{{
		what: "first frame", got: median(first), aim: "≤ 30 ms", limit: 30, unit: "ms",
		floors: []floor{{"an empty Go program on a terminal", median(empty)}},
	}}
	t, _, err := b.open(ctx, b.book)
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

// open starts a session of a book and returns when its first frame stands.
func (b *bench) open(ctx context.Context, book string) (*terminal, time.Duration, error) {
	cmd := b.runbook(ctx, "deploy", book, "-t", b.target, "--new")
	began := time.Now()
	tty, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 40, Cols: 120})
	if err != nil {
		return nil, 0, fmt.Errorf("start %s in a terminal: %w", cmd, err)
	}
	t := &terminal{cmd: cmd, tty: tty, read: make(chan []byte, 64)}
	go t.listen()
	if err := t.until(firstFrame); err != nil {
		return nil, 0, errors.Join(err, t.close())
	}
	return t, time.Since(began), nil
}

// emptyOnTerminal is the whole life of a program that does nothing.
func (b *bench) emptyOnTerminal(ctx context.Context) (time.Duration, error) {
	cmd := exec.CommandContext(ctx, b.self, noop)
	began := time.Now()
	tty, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 40, Cols: 120})
	if err != nil {
		return 0, fmt.Errorf("start %s in a terminal: %w", cmd, err)
	}
	err = cmd.Wait()
	return time.Since(began), errors.Join(err, tty.Close())
}

// until reads on until the terminal shows the words.
func (t *terminal) until(words string) error {
	var seen []byte
	late := time.After(patience)
	for {
		select {
		case data, ok := <-t.read:
			seen = append(seen, data...)
			if bytes.Contains(seen, []byte(words)) {
				return nil
			}
			if !ok {
				return fmt.Errorf("the session ended before it showed %q:\n%s", words, seen)
			}
		case <-late:
			return fmt.Errorf("no %q within %s; the terminal got %q", words, patience, seen)
		}
	}
}

func (t *terminal) listen() {
	defer close(t.read)
	buf := make([]byte, 64<<10)
	for {
		n, err := t.tty.Read(buf)
		for range bytes.Count(buf[:n], []byte("\x1b[6n")) {
			if _, err := t.tty.WriteString("\x1b[40;1R"); err != nil {
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
	t.during(quiet, true) // keys that come before the question is on the screen are dropped
	if _, err := t.tty.WriteString("\r"); err != nil {
		return 0, 0, fmt.Errorf("begin the run: %w", err)
	}
	if err := t.until("look-11"); err != nil {
		return 0, 0, err
	}
	t.during(quiet, true)
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
