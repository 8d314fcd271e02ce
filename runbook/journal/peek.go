package journal

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
)

// Peek reads the beginning and the end of a log without looking at what lies
// between and without holding a signature against anything: enough for a list,
// and never for a decision. first holds up to three entries, as one may say that
// the clock was set behind the session, also where err says that the end can't
// be read; last is the last whole line.
func Peek(dir string) (first []Entry, last Entry, err error) {
	n, err := segments(dir)
	if err != nil {
		return nil, Entry{}, err
	}
	if n == 0 {
		return nil, Entry{}, fmt.Errorf("no log in %s: %w", dir, os.ErrNotExist)
	}
	head, err := edge(segmentPath(dir, 1), false)
	if err != nil {
		return nil, Entry{}, err
	}
	for line := range bytes.Lines(head) {
		e, err := ParseLine(line)
		if err != nil || len(first) == edgeLines {
			break
		}
		first = append(first, e)
	}
	tail, err := edge(segmentPath(dir, n), true)
	if err != nil {
		return first, Entry{}, err
	}
	end := bytes.LastIndexByte(tail, '\n') + 1
	begin := bytes.LastIndexByte(tail[:max(0, end-1)], '\n') + 1
	last, err = ParseLine(tail[begin:end])
	return first, last, err
}

// edgeLines is how many lines Peek looks at.
const edgeLines = 3

// edge reads as much of a segment's beginning or end as these lines may take.
func edge(path string, end bool) (data []byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if info, err := f.Stat(); err == nil && end && info.Size() > edgeLines*MaxLine {
		if _, err := f.Seek(-edgeLines*MaxLine, io.SeekEnd); err != nil {
			return nil, err
		}
	}
	return io.ReadAll(io.LimitReader(f, edgeLines*MaxLine))
}

// Skim reads a log along its chain and holds no signature against anything: as
// Peek, enough for a list, and never for a decision. It stops where the chain
// does.
func Skim(dir string) ([]Entry, error) {
	count, err := segments(dir)
	if err != nil {
		return nil, err
	}
	var all []Entry
	head := Zeros
	for k := range count {
		data, err := readSegment(dir, k+1)
		if err != nil {
			return all, err
		}
		for line := range bytes.Lines(data) {
			e, err := ParseLine(line)
			if err != nil || e.Prev != head {
				break // the next segment says where this one is cut
			}
			all, head = append(all, e), e.Head
		}
	}
	return all, nil
}

// SkimWatch reads watch.jsonl as Skim reads the log; of none it is empty.
func SkimWatch(dir string) []Entry {
	data, err := readRegular(watchPath(dir))
	if err != nil {
		return nil
	}
	var all []Entry
	for line := range bytes.Lines(data) {
		e, err := ParseLine(line)
		if err == nil && (len(all) == 0 || e.Prev == all[len(all)-1].Head) { // else a crash left it
			all = append(all, e)
		}
	}
	return all
}
