package journal

import (
	"bytes"
	"crypto/ed25519"
	"io"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
)

// piece is how much of a segment is read at a time, in bytes: a log of any size
// is checked in little memory.
const piece = 1 << 20

// reading reads the lines of a segment.
type reading struct {
	f    *os.File
	buf  []byte // read, and not yet taken
	done bool   // nothing follows buf
}

func openSegment(dir string, k uint64) (*reading, error) {
	f, err := openRegular(segmentPath(dir, k))
	if err != nil {
		return nil, err
	}
	return &reading{f: f}, nil
}

// fill reads on until buf holds more than a line may, or all that is left.
func (l *reading) fill() error {
	if l.done || len(l.buf) > MaxLine {
		return nil
	}
	room := int64(piece - len(l.buf))
	buf := bytes.NewBuffer(bytes.Clone(l.buf)) // it grows: most logs are far smaller than a piece
	n, err := buf.ReadFrom(io.LimitReader(l.f, room))
	l.buf, l.done = buf.Bytes(), err == nil && n < room
	return err
}

func (l *reading) close() {
	if l != nil {
		_ = l.f.Close() // read only: nothing to lose
	}
}

// look is what a line says by itself, whatever stands before it.
type look struct {
	line  []byte
	entry Entry
	form  error // why it is no line
	sig   error // why its signature does not hold
}

// lookAt looks at the first line of b. Without a key the signature is not
// looked at.
func lookAt(b []byte, key ed25519.PublicKey, namespace string) look {
	var l look
	if l.line, l.form = firstLine(b); l.form != nil {
		return l
	}
	if l.entry, l.form = ParseLine(l.line); l.form == nil && key != nil {
		l.sig = checkLine(&l.entry, key, namespace)
	}
	return l
}

// lookAhead looks at all whole lines of b, on all processors, as most of the
// work on a log is here; at the first one, whole or not, in any case.
func lookAhead(b []byte, key ed25519.PublicKey, namespace string) []look {
	var all []look
	for at := 0; at < len(b); at += len(all[len(all)-1].line) {
		line, err := firstLine(b[at:])
		if err != nil {
			break
		}
		all = append(all, look{line: line})
	}
	if len(all) == 0 {
		return []look{lookAt(b, key, namespace)}
	}
	var wg sync.WaitGroup
	var taken atomic.Int64
	for range min(runtime.GOMAXPROCS(0), len(all)) {
		wg.Go(func() { // a processor that others keep busy takes fewer
			for i := taken.Add(1) - 1; i < int64(len(all)); i = taken.Add(1) - 1 {
				all[i] = lookAt(all[i].line, key, namespace)
			}
		})
	}
	wg.Wait()
	return all
}
