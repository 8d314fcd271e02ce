package durable

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"
)

// maxHolder is the length of a holder's line, in bytes with its line feed. It
// is always written whole and in place: a disk that is full by then still
// takes it.
const maxHolder = 512

// maxWho caps what a holder says about itself for people, in bytes.
const maxWho = 128

// Process is a process that can be recognised: a pid is used again, a pid with
// its start time and boot is not.
type Process struct {
	PID   int    `json:"pid"`
	Start string `json:"start"` // in the system's own terms
	Boot  string `json:"boot"`  // of the machine
}

// Self is this process.
func Self() Process {
	start, _ := startOf(os.Getpid())
	return Process{PID: os.Getpid(), Start: start, Boot: bootID()}
}

// Alive reports whether exactly this process still executes.
func (p Process) Alive() bool {
	if p.PID <= 1 || p.Start == "" || p.Boot == "" || p.Boot != bootID() {
		return false
	}
	start, ok := startOf(p.PID)
	return ok && start == p.Start
}

// Holder is who holds a lock, as it says itself: outside text.
type Holder struct {
	Process
	Since time.Time `json:"since"`
	Who   string    `json:"who"` // for people
}

// Describe tells others who holds the lock: this process, since now, and who
// that is in one short line for people.
func (l *Lock) Describe(who string) error {
	who = strings.Join(strings.Fields(who), " ")
	if len(who) > maxWho {
		who = strings.ToValidUTF8(who[:maxWho], "")
	}
	line, err := json.Marshal(Holder{Process: Self(), Since: time.Now().UTC().Truncate(time.Second), Who: who})
	if err != nil {
		return err
	}
	return l.write(line)
}

// write replaces the line in place.
func (l *Lock) write(line []byte) error {
	if len(line) >= maxHolder {
		return fmt.Errorf("describe the holder of %s: %d bytes, the limit is %d", l.f.Name(), len(line), maxHolder-1)
	}
	padded := append(line, bytes.Repeat([]byte(" "), maxHolder-1-len(line))...)
	_, err := l.f.WriteAt(append(padded, '\n'), 0)
	return err
}

// clear takes back what Describe said, if it said anything.
func (l *Lock) clear() error {
	if info, err := l.f.Stat(); err != nil || info.Size() == 0 {
		return err
	}
	return l.write(nil)
}

// HolderOf reads what the holder of the lock at path says about itself. A
// holder that died leaves its line behind; one that has just locked has not
// written it yet. Without a line the error is os.ErrNotExist.
func HolderOf(path string) (h Holder, err error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return h, err
	}
	buf := make([]byte, maxHolder)
	n, _ := f.ReadAt(buf, 0) // a short file ends in io.EOF
	if err := f.Close(); err != nil {
		return h, err
	}
	line, _, _ := bytes.Cut(buf[:n], []byte("\n"))
	if line = bytes.TrimSpace(line); len(line) == 0 {
		return h, &os.PathError{Op: "read the holder of", Path: path, Err: os.ErrNotExist}
	}
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.DisallowUnknownFields()
	err = decoder.Decode(&h)
	if err != nil || decoder.More() || h.PID <= 1 || h.Start == "" || h.Boot == "" {
		return Holder{}, fmt.Errorf("%s does not say who holds it: its line is no holder's", path)
	}
	return h, nil
}
