package supervise

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"runbook/steps/safetext"
)

const (
	piece = 16 << 10 // a line may be cut behind every so many bytes of the file
	block = 64 << 10 // what is read at a time, and all a first look costs
)

// Pager reads a file of output by rows, from anywhere and either way, however
// long it is: where a row begins is told by the bytes before it, at most two
// pieces of them, so nothing is indexed and nothing kept. It knows the file as
// it was when opened: open it anew to see more. It serves one goroutine.
type Pager struct {
	f    *os.File
	size int64
	from int64  // where in the file the bytes of buf stand
	buf  []byte // at most a block
}

// Row is what is shown as one: a line, or a piece of one that is longer than
// 16 KiB.
type Row struct {
	At   int64  // offset of its first byte
	Next int64  // offset behind its last one
	Cut  bool   // its line goes on in the next row
	Text string // safe to show, with its colours
}

// OpenPager opens the output of a command, which may still grow.
func OpenPager(path string) (*Pager, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read output: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("read output: %w", err), f.Close())
	}
	return &Pager{f: f, size: info.Size(), buf: make([]byte, 0, block)}, nil
}

// Close closes the file.
func (p *Pager) Close() error { return p.f.Close() }

// Size is the length of the output in bytes, when it was opened.
func (p *Pager) Size() int64 { return p.size }

// Start is where the row begins that holds the byte at offset; the last row, if
// the output ends before.
func (p *Pager) Start(offset int64) (int64, error) {
	return p.start(min(max(0, offset)+1, p.size))
}

// Down reads the row that begins at an offset, and io.EOF behind the last one.
func (p *Pager) Down(at int64) (Row, error) {
	if at >= p.size {
		return Row{}, io.EOF
	}
	next, err := p.end(at)
	if err != nil {
		return Row{}, err
	}
	return p.row(at, next)
}

// Up reads the row that ends before an offset at which one begins, and io.EOF
// at the beginning.
func (p *Pager) Up(before int64) (Row, error) {
	if before = min(before, p.size); before <= 0 {
		return Row{}, io.EOF
	}
	at, err := p.start(before)
	if err != nil {
		return Row{}, err
	}
	return p.row(at, before)
}

// Lines is how many lines the output has: counted in a short one, else
// reckoned from those that end in its last 64 KiB, 0 if none does.
func (p *Pager) Lines() (n int64, counted bool, err error) {
	const short = 16 * block
	from := int64(0)
	if counted = p.size <= short; !counted {
		from = p.size - block
	}
	for at := from; at < p.size; at += block {
		data, err := p.read(at, at+block, false)
		if err != nil {
			return 0, false, err
		}
		n += int64(bytes.Count(data, []byte{'\n'}))
		if counted && at+block >= p.size && !bytes.HasSuffix(data, []byte{'\n'}) {
			n++
		}
	}
	if !counted {
		n = int64(float64(n) / block * float64(p.size))
	}
	return n, counted, nil
}

// start is the last offset before another at which a row begins: behind a
// newline, or at a multiple of a piece with no newline in the piece before it.
func (p *Pager) start(before int64) (int64, error) {
	if before <= 0 {
		return 0, nil
	}
	cut := (before - 1) / piece * piece
	from := max(0, cut-piece)
	data, err := p.read(from, before-1, true)
	if i := bytes.LastIndexByte(data, '\n'); i >= 0 {
		return from + int64(i) + 1, err
	}
	return cut, err
}

// end is where the row that begins at an offset is over.
func (p *Pager) end(at int64) (int64, error) {
	cut := (at+piece-1)/piece*piece + piece
	data, err := p.held(at, cut), error(nil)
	if bytes.IndexByte(data, '\n') < 0 {
		data, err = p.read(at, cut, false)
	}
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		return at + int64(i) + 1, err
	}
	return at + int64(len(data)), err
}

// row makes a row safe. A character that is cut stands in the row it begins in.
func (p *Pager) row(at, next int64) (Row, error) {
	from, err := p.whole(at)
	to, toErr := p.whole(next)
	data, dataErr := p.read(from, to, false)
	if err = errors.Join(err, toErr, dataErr); err != nil {
		return Row{}, err
	}
	cut := next < p.size && !bytes.HasSuffix(data, []byte{'\n'})
	return Row{At: at, Next: next, Cut: cut, Text: strings.Join(safetext.Lines(data, true), "")}, nil
}

// whole is the offset at which a row's first character begins.
func (p *Pager) whole(at int64) (int64, error) {
	if at == 0 {
		return 0, nil
	}
	data, err := p.read(at-1, at+3, false)
	if err != nil || len(data) < 2 || data[0] == '\n' {
		return at, err
	}
	for _, b := range data[1:] {
		if b&0xc0 != 0x80 {
			break
		}
		at++
	}
	return at, nil
}

// held is what of these bytes was read already, from the first one on.
func (p *Pager) held(from, to int64) []byte {
	to = min(to, p.from+int64(len(p.buf)))
	if from < p.from || from >= to {
		return nil
	}
	return p.buf[from-p.from : to-p.from]
}

// read returns bytes of the file, at most a block of them: they stand until
// the next read. What is not held is read as a whole block, most of it on the
// side on which more will be wanted.
func (p *Pager) read(from, to int64, back bool) ([]byte, error) {
	if to = min(to, p.size); from >= to {
		return nil, nil
	}
	if data := p.held(from, to); int64(len(data)) == to-from {
		return data, nil
	}
	const around = 64 // enough to see whether a character is cut
	p.from = max(0, from-around)
	if back {
		p.from = max(0, to+around-block)
	}
	n, err := p.f.ReadAt(p.buf[:min(block, p.size-p.from)], p.from)
	p.buf = p.buf[:n]
	if errors.Is(err, io.EOF) { // it has become shorter since
		p.size = p.from + int64(n)
		return p.read(from, to, back)
	}
	if err != nil {
		p.buf = p.buf[:0]
		return nil, fmt.Errorf("read output: %w", err)
	}
	return p.held(from, to), nil
}
