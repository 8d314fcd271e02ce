package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"time"

	"runbook/runbook/book"
	"runbook/steps/supervise"
)

const (
	attaches  = 101
	tailBytes = 64 << 10

	presses    = 300
	streamRate = 100e6 // bytes a second
	streamTick = 10 * time.Millisecond
	streamText = `schema = 1
name = "stream"
[[phase]]
id = "go"
style = "read-do"
  [[phase.step]]
  id = "stream"
  effect = "none"
  run.command = { argv = [%q, %q, %q] }
`
)

// streams is the argument with which bench starts itself, as a command that
// prints 100 MB/s until a file is there.
const streams = "_stream"

// attach holds the first look at 1 GiB of output, its last 64 KiB made safe,
// against reading them.
func (b *bench) attach(context.Context) (rows []row, err error) {
	text := filepath.Join(b.dir, "text")
	if err := writeLog(text); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.Remove(text)) }()
	var looks, reads []float64
	for range attaches {
		began := time.Now()
		if err := readEnd(text); err != nil {
			return nil, err
		}
		reads = append(reads, milliseconds(time.Since(began)))
		began = time.Now()
		if err := lookAtEnd(text); err != nil {
			return nil, err
		}
		looks = append(looks, milliseconds(time.Since(began)))
	}
	return []row{{
		what: "attach to 1 GiB of output", got: median(looks), aim: "≤ 5 ms", limit: 5, unit: "ms",
		floors: []floor{{"open it and read 64 KiB", median(reads)}},
	}}, nil
}

func readEnd(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	_, err = f.ReadAt(make([]byte, tailBytes), gibibyte-tailBytes)
	return errors.Join(err, f.Close())
}

func lookAtEnd(path string) error {
	p, err := supervise.OpenPager(path)
	if err != nil {
		return err
	}
	for at := p.Size(); err == nil && at > gibibyte-tailBytes; {
		var r supervise.Row
		r, err = p.Up(at)
		at = r.At
	}
	return errors.Join(err, p.Close())
}

// stream measures the screen of a command that prints 100 MB/s: from a key to
// its frame, and what the screen needs of memory.
func (b *bench) stream(ctx context.Context) (rows []row, err error) {
	stop := filepath.Join(b.dir, "stop")
	file := filepath.Join(filepath.Dir(b.book), "stream.toml")
	text := fmt.Appendf(nil, streamText, b.self, streams, stop)
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return nil, fmt.Errorf("write the streaming book: %w", err)
	}
	if err := book.AddTrust(filepath.Dir(file), file, fmt.Sprintf("%x", sha256.Sum256(text))); err != nil {
		return nil, err
	}
	t, _, err := b.open(ctx, file)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.WriteFile(stop, nil, 0o600), t.close(), b.streamed()) }()
	for _, s := range [][2]string{{"\r", "stream"}, {"\r", "starts it"}, {"\r", "RUNNING"}, {"o", "follows"}} {
		t.during(quiet, true)
		if err := t.press(s[0], s[1]); err != nil {
			return nil, err
		}
	}
	was, began := b.streamSize(), time.Now()
	took, err := t.frames()
	if err != nil {
		return nil, err
	}
	if err := t.press("q", "RUNNING"); err != nil { // back to the run, from where q detaches
		return nil, err
	}
	rate := float64(b.streamSize()-was) / 1e6 / time.Since(began).Seconds()
	slices.Sort(took)
	return []row{
		{what: "key to frame at 100 MB/s, median", got: took[len(took)/2], aim: "≤ 50 ms", limit: 50, unit: "ms"},
		{what: "key to frame at 100 MB/s, 99 %", got: took[len(took)*99/100], aim: "≤ 50 ms", limit: 50, unit: "ms"},
		{what: "output meanwhile, redacted", got: rate, aim: "100 MB/s", limit: 100, unit: "MB/s"},
		{what: "the screen's peak memory", got: peakOfPID(t.cmd.Process.Pid), aim: "< 50 MB with the supervisor", limit: 50, unit: "MB"},
		{what: "its supervisor's peak memory", got: peakOf(b.streamFile("pid")), aim: "< 50 MB with the screen", limit: 50, unit: "MB"},
	}, nil
}

// frames scrolls up and goes back to the end, and returns how many
// milliseconds each key took to its frame.
func (t *terminal) frames() ([]float64, error) {
	var took []float64
	for i := range presses {
		key, shows := "\x1b[5~", "▼" // page up: there is more below
		if i%2 == 1 {
			key, shows = "\x1b[F", "follows"
		}
		t.during(time.Duration(rand.IntN(100))*time.Millisecond, false) // #nosec G404 -- anywhere between two frames
		began := time.Now()
		if err := t.press(key, shows); err != nil {
			return nil, err
		}
		took = append(took, milliseconds(time.Since(began)))
	}
	return took, nil
}

// press types a key and waits for what it shows.
func (t *terminal) press(key, shows string) error {
	if _, err := t.tty.WriteString(key); err != nil {
		return fmt.Errorf("press %q: %w", key, err)
	}
	return t.until(shows)
}

// streamFile is a file of the streaming command.
func (b *bench) streamFile(name string) string {
	files, err := filepath.Glob(filepath.Join(b.dir, "state", "runs", "*-stream-*", "steps", "stream.1", name))
	if err != nil || len(files) == 0 {
		return ""
	}
	return files[0]
}

func (b *bench) streamSize() int64 {
	info, err := os.Stat(b.streamFile(supervise.OutputFile))
	if err != nil {
		return 0
	}
	return info.Size()
}

// streamed waits for the end of the streaming command.
func (b *bench) streamed() error {
	tick := time.NewTicker(quiet)
	defer tick.Stop()
	late := time.After(patience)
	for b.streamFile("verdict") == "" {
		select {
		case <-tick.C:
		case <-late:
			return errors.New("the streaming command did not end")
		}
	}
	return nil
}

// streamTo prints lines at the rate, until a file is there.
func streamTo(out *os.File, stop string) error {
	const piece = int(streamRate * float64(streamTick) / float64(time.Second))
	var lines []byte
	for n := 0; len(lines) < piece; n++ {
		lines = fmt.Appendf(lines, logLine, n)
	}
	tick := time.NewTicker(streamTick)
	defer tick.Stop()
	began, written := time.Now(), 0
	for {
		if _, err := os.Stat(stop); err == nil {
			return nil
		}
		for due := int(time.Since(began).Seconds() * streamRate); written < due; {
			n, err := out.Write(lines)
			if err != nil {
				return err
			}
			written += n
		}
		<-tick.C
	}
}
