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

	streamTurns = 3
	presses     = 100   // in each turn
	streamRate  = 100e6 // bytes a second
	streamTick  = 10 * time.Millisecond
	streamText  = `schema = 1
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

// streams is the argument with which bench starts itself as a command that
// prints 100 MB/s.
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

// stream measures the screen of a command that prints 100 MB/s, from a key to
// its frame, against the same while the command prints nothing, in turns; and
// what the screen needs of memory.
func (b *bench) stream(ctx context.Context) (rows []row, err error) {
	t, err := b.openStream(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, b.flag("stop", true), t.close(), b.streamed()) }()
	for _, s := range [][2]string{{"\r", "stream"}, {"\r", "starts it"}, {"\r", "RUNNING"}, {"o", "follows"}} {
		t.during(quiet, true)
		if err := t.press(s[0], s[1]); err != nil {
			return nil, err
		}
	}
	var still, busy []float64
	var size int64
	var span time.Duration
	for range streamTurns {
		if still, err = t.frames(still); err != nil {
			return nil, err
		}
		was, began := b.streamSize(), time.Now()
		if err := b.flag("go", true); err != nil {
			return nil, err
		}
		if busy, err = t.frames(busy); err != nil {
			return nil, err
		}
		size, span = size+b.streamSize()-was, span+time.Since(began)
		if err := b.flag("go", false); err != nil {
			return nil, err
		}
	}
	if err := t.press("q", "RUNNING"); err != nil { // back to the run, from where q detaches
		return nil, err
	}
	const idle = "the same while it prints nothing"
	return []row{
		{what: "key to frame at 100 MB/s, median", got: of(busy, 50), aim: "≤ 50 ms", limit: 50, unit: "ms", floors: []floor{{idle, of(still, 50)}}},
		{what: "key to frame at 100 MB/s, 99 %", got: of(busy, 99), aim: "≤ 50 ms", limit: 50, unit: "ms", floors: []floor{{idle, of(still, 99)}}},
		{what: "what is redacted meanwhile", got: float64(size) / 1e6 / span.Seconds(), aim: "100 MB/s", limit: 100, unit: "MB/s"},
		{what: "the screen's peak memory", got: peakOfPID(t.cmd.Process.Pid), aim: "< 50 MB with the supervisor", limit: 50, unit: "MB"},
		{what: "its supervisor's peak memory", got: peakOf(b.streamFile("pid")), aim: "< 50 MB with the screen", limit: 50, unit: "MB"},
	}, nil
}

// openStream starts a session of a book whose command streams.
func (b *bench) openStream(ctx context.Context) (*terminal, error) {
	file := filepath.Join(filepath.Dir(b.book), "stream.toml")
	text := fmt.Appendf(nil, streamText, b.self, streams, b.dir)
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return nil, fmt.Errorf("write the streaming book: %w", err)
	}
	if err := book.AddTrust(filepath.Dir(file), file, fmt.Sprintf("%x", sha256.Sum256(text))); err != nil {
		return nil, err
	}
	t, _, err := b.open(ctx, file)
	return t, err
}

// flag raises or lowers a file that the streaming command looks for.
func (b *bench) flag(name string, up bool) error {
	if path := filepath.Join(b.dir, name); !up {
		return os.Remove(path)
	}
	return os.WriteFile(filepath.Join(b.dir, name), nil, 0o600)
}

// of is a percentile.
func of(values []float64, percent int) float64 {
	slices.Sort(values)
	return values[len(values)*percent/100]
}

// frames scrolls up and goes back to the end, and adds how many milliseconds
// each key took to its frame.
func (t *terminal) frames(took []float64) ([]float64, error) {
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

// streamTo prints a screenful, and then lines at the rate as long as the file
// go stands in the directory; the file stop ends it.
func streamTo(out *os.File, dir string) error {
	const piece = int(streamRate * float64(streamTick) / float64(time.Second))
	var lines []byte
	for n := 0; len(lines) < piece; n++ {
		lines = fmt.Appendf(lines, logLine, n)
	}
	there := func(name string) bool { _, err := os.Stat(filepath.Join(dir, name)); return err == nil }
	tick := time.NewTicker(streamTick)
	defer tick.Stop()
	began, written := time.Now(), 0
	for due := 1; !there("stop"); due = int(time.Since(began).Seconds() * streamRate) {
		for written < due {
			n, err := out.Write(lines)
			if err != nil {
				return err
			}
			written += n
		}
		<-tick.C
		for !there("go") && !there("stop") {
			<-tick.C
			began, written = time.Now(), 0
		}
	}
	return nil
}
